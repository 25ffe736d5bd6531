/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places and stacks of a process's facts, resolved by the files of its modules.
 *
 * Single-threaded. What is handed out lives as long as the resolver's arena and
 * symbols, which the caller owns.
 */
#pragma once

#include "model/facts.h"
#include "symbol/names.h"
#include "symbol/symbol.h"

#include <stdint.h>

struct dw_arena;

struct dw_resolver {
	const struct dw_facts *facts;
	struct dw_symbols *symbols;
	struct dw_arena *arena;
	const int64_t *modules; /* by number of facts.modules: the symbols' number, or negative */

	/* Of functions that are wrappers as well: patterns. */
	const char *const *wrappers;
	size_t n_wrappers;
};

/* A place in its file's own terms. */
struct dw_file_place {
	const struct dw_module *module; /* NULL: in no file */
	int64_t number;                 /* the symbols' number of the module; negative: none */
	uint64_t address;
	const struct dw_told_frame *told; /* it is no place, but a frame with a name; else NULL */
};

struct dw_file_place dw_resolver_place(const struct dw_resolver *resolver, dw_place place);

/* The part of a path behind its last slash. */
const char *dw_resolver_base_name(const char *path);

/* Whether a frame says nothing about where something was done. */
bool dw_resolver_is_wrapper(const struct dw_resolver *resolver, const struct dw_frame *frame);

/* Resolves the stack whole. NULL if the arena is full. */
const struct dw_named_stack *dw_resolver_stack(const struct dw_resolver *resolver,
					       const struct dw_stack *stack,
					       const struct dw_hint *hint);
