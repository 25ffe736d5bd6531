/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbols of one file, sorted once so that each look-up is a binary search.
 *
 * libdwfl's own look-up reads the whole table each time, which is too slow for
 * the 20,000 exported symbols of QEMU. Names point into the file as libdwfl
 * holds it: they live as long as its module.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>

struct dw_table_entry {
	uint64_t start; /* in the file's own terms */
	uint64_t size;  /* 0: not known */
	const char *name;
	uint32_t rank; /* of several names at one address, the lowest rank is shown */
};

struct dw_table {
	struct dw_table_entry *functions, *variables;
	size_t n_functions, n_variables;
	int whole; /* 1: there is a symbol table; 0: only the dynamic symbols */
};

/*
 * Reads the symbols of @module, whose file is loaded at @bias.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_table_new(struct dw_table **ret, Dwfl_Module *module, uint64_t bias);
struct dw_table *dw_table_free(struct dw_table *table);

/* The symbol that @address is in; NULL if there is none. */
const struct dw_table_entry *dw_table_function(const struct dw_table *table, uint64_t address);
const struct dw_table_entry *dw_table_variable(const struct dw_table *table, uint64_t address);

DW_DEFINE_AUTO(table)
