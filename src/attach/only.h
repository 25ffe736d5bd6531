/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is probed where the user does not want all: some functions, with what has to be seen with
 * them lest something be told that is not so; and locks that the program takes, and lets go of, in
 * functions of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_only_lock {
	const char *name;
	uint8_t number; /* from 1 on, in their order */
	const char *const *taken_in, *const *let_go_in;
	size_t n_taken_in, n_let_go_in;
};

/* Neither functions nor locks: all. */
struct dw_only {
	const char *const *functions; /* of those that are probed otherwise */
	size_t n_functions;

	const struct dw_only_lock *locks; /* DW_WIRE_ONLY_MAX at most */
	size_t n_locks;
};

/* What of it a process has not. */
struct dw_only_lacking {
	const struct dw_only_lock *lock; /* which it is cannot be told; or NULL, and */
	const char *function;            /* this is in none of its files */
};

/* The @i-th of the functions that are probed otherwise; NULL: there are no more. */
const char *dw_only_function(size_t i);

/* Whether taking what is of kind @what is seen at all, or some ways of it. */
bool dw_only_tells(const struct dw_only *only, unsigned what);

/*
 * Whether all that let go of mutexes are seen. Then the locks are, too, by the C library's
 * functions: in those of the program's own they would be seen twice.
 */
bool dw_only_lets_go(const struct dw_only *only);
