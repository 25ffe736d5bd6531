/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What debug information says about an address: functions, inlined ones too, files, lines.
 *
 * Texts point into the debug information or the caller's arena: they live as long as both,
 * are not demangled, and file names are as the compiler wrote them.
 */
#pragma once

#include "symbol/symbol.h"

#include <elfutils/libdwfl.h>
#include <stdint.h>

struct dw_arena;

/*
 * The functions that @address, in libdwfl's terms, of @module is in, the innermost
 * first. *@ret_directory is set to the directory that relative file names count
 * from, or to NULL.
 *
 * Return: how many of @ret (room for DW_SYMBOL_INLINE_MAX) were filled. The function of
 * the last one may be unknown where only the line is known.
 */
unsigned dw_scopes_find(Dwfl_Module *module, struct dw_arena *arena, uint64_t address,
			struct dw_symbol *ret, const char **ret_directory);
