/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in a file a function of a name is. Single-threaded. */
#pragma once

#include <elfutils/libdwfl.h>
#include <stdint.h>

struct dw_arena;

/*
 * The offsets in @module's file at which functions called @name begin: those of the symbol
 * table or, of a stripped file, the dynamic one. A compiler's variants of a function
 * (`name.isra.0`, `name.constprop.0`) are that function, too. Names of C++ and Rust are as
 * dw_demangle() gives them. @arena is for its texts.
 *
 * Return: how many there are; at most @max of them are in @ret.
 */
unsigned dw_function_find(Dwfl_Module *module, struct dw_arena *arena, const char *name,
			  uint64_t *ret, unsigned max);
