/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the names share: the object itself, and how a text is made.
 *
 * Internal to the names.
 */
#pragma once

#include "symbol/names.h"
#include "symbol/stack.h"

#include <stdbool.h>

/* A stack that was resolved: once with each hint that it was asked for with. */
struct dw_resolved {
	const struct dw_named_stack *stack;
	uint32_t hint;
	struct dw_resolved *next; /* dw_resolved::next, of the same stack */
};

struct dw_thing_name {
	const char *plain; /* see dw_names_thing_plain(); NULL: not made yet */
	const char *full;
	bool is_own; /* see dw_names_thing_is_own() */
};

struct dw_names {
	struct dw_resolver resolver;
	struct dw_symbols *symbols;
	bool has_own_symbols;
	struct dw_arena *arena;
	int64_t *modules;
	struct dw_resolved **stacks;  /* by stack number: dw_resolved::next */
	struct dw_thing_name *things; /* NULL until a thing is asked for; then all have names */
};

/* Text that lives as long as @names, made as printf does; cut if it is very long. May be NULL. */
const char *dw_names_text(struct dw_names *names, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the file called @module, a base name or NULL, is the program and no library. */
bool dw_names_is_program(const struct dw_names *names, const char *module);

/*
 * The function by which a library was called that waits at @stack: its users know that one
 * (`CFRelease`), not what it calls within. NULL where the program itself waits.
 */
const char *dw_names_library_call(struct dw_names *names, uint32_t stack, uint32_t hint);
