/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is probed where the user does not want all: some functions, with what has to be seen with
 * them lest something be told that is not so; or one lock of the program's own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct dw_only {
	/* Of those that are probed otherwise; none: all. */
	const char *const *functions;
	size_t n_functions;

	/* The lock that the program takes, and lets go of, in functions of its own; NULL: none. */
	const char *lock;
	const char *const *taken_in, *const *let_go_in;
	size_t n_taken_in, n_let_go_in;
};

/* The @i-th of the functions that are probed otherwise; NULL: there are no more. */
const char *dw_only_function(size_t i);

/* Whether taking what is of kind @what is seen at all, or some ways of it. */
bool dw_only_tells(const struct dw_only *only, unsigned what);
