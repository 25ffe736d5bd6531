/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an address in a file to functions, files and lines.
 *
 * libdw finds debug information, separate debug files by build id too; where there is
 * none, the symbol table serves, and of a stripped file the dynamic one. Names of C++
 * and Rust are demangled. The file on disk is compared with the build id of the one
 * that was running: if they differ, its symbols are not used, and the module says so.
 *
 * The network is asked only where the user has set DEBUGINFOD_URLS. A server that does not
 * answer costs some seconds, once: it is given up early (DEBUGINFOD_TIMEOUT and
 * DEBUGINFOD_RETRY_LIMIT are set, unless the user has), and DEBUGINFOD_URLS is unset then.
 *
 * Single-threaded. Texts live as long as the dw_symbols.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_symbols;

/* What a place in a program is called. Members that are not known are NULL or 0. */
struct dw_symbol {
	const char *function;
	const char *file; /* as the debug information has it */
	uint32_t line;
	uint32_t inlined; /* 1: inlined into the next symbol of the same address */
	uint64_t offset;  /* bytes from the symbol's start, where it comes from a symbol table */
};

/* How good a module's names are. */
enum dw_symbols_quality {
	DW_SYMBOLS_DEBUG,   /* debug information */
	DW_SYMBOLS_TABLE,   /* symbol table */
	DW_SYMBOLS_DYNAMIC, /* dynamic symbols only: the file is stripped */
	DW_SYMBOLS_NONE,    /* the file has no symbols at all, or is damaged */
	DW_SYMBOLS_MISSING, /* there is no such file, or it may not be read */
	DW_SYMBOLS_CHANGED, /* the file is not the one that ran */
};

/* The deepest inlining that is told apart; deeper frames are left out at the outer end. */
#define DW_SYMBOL_INLINE_MAX 32

int dw_symbols_new(struct dw_symbols **ret);
struct dw_symbols *dw_symbols_free(struct dw_symbols *symbols);

/*
 * A module that addresses will be asked of. Costs nothing until one is. The same file, by path and
 * build id, has one number, however often it is added; without a build id, one for each version of
 * the file that was there when it was added.
 *
 * Return: its number, from 0, or -ENOMEM.
 */
int64_t dw_symbols_add(struct dw_symbols *symbols, const char *path, const uint8_t *build_id,
		       uint32_t build_id_size);

enum dw_symbols_quality dw_symbols_quality(struct dw_symbols *symbols, uint32_t module);

/* Whether @module has a function that its symbols call @name. */
bool dw_symbols_has(struct dw_symbols *symbols, uint32_t module, const char *name);

/*
 * The functions that @address of @module's file is in, the innermost inlined one first.
 * @address is in the file's own terms. For a return address, ask for one byte less.
 *
 * Return: how many of @ret (room for DW_SYMBOL_INLINE_MAX) were filled; 0: nothing is known.
 */
unsigned dw_symbols_code(struct dw_symbols *symbols, uint32_t module, uint64_t address,
			 struct dw_symbol *ret);

/* The bytes of a function; they live as long as the dw_symbols. */
struct dw_symbol_bytes {
	uint64_t start; /* the address of the first one */
	const uint8_t *bytes;
	size_t n;
};

/*
 * The function that @address is in, as the file has it, by its symbols. Return: whether they say
 * which one that is.
 */
bool dw_symbols_bytes(struct dw_symbols *symbols, uint32_t module, uint64_t address,
		      struct dw_symbol_bytes *ret);

/* The variable that @address is in. Return: whether there is one. */
int dw_symbols_data(struct dw_symbols *symbols, uint32_t module, uint64_t address,
		    struct dw_symbol *ret);

/*
 * The functions of @module's file that are called @name, as offsets in that file; see
 * dw_function_find(). Return: how many there are; at most @max of them are in @ret.
 */
unsigned dw_symbols_find(struct dw_symbols *symbols, uint32_t module, const char *name,
			 uint64_t *ret, unsigned max);

DW_DEFINE_AUTO(symbols)
