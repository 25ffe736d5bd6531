/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a process has code: in the files that it has loaded, and elsewhere.
 *
 * Single-threaded. Memory comes from the caller's arena.
 */
#pragma once

#include "base/arena.h"
#include "symbol/build_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All mappings of one file that lie together, and its variables that lie behind them. */
struct dw_map {
	const char *path; /* as the process has it */
	const char *file; /* as the caller can open it: the process may be in a container */
	uint64_t start;   /* lowest address */
	uint64_t end;     /* first address behind it */

	/* Of a core file only. */
	const struct dw_build_id *build_id; /* of what was loaded; NULL: not known */
	bool is_missing;                    /* no such file was found */
};

struct dw_range {
	uint64_t start, end; /* the first address, and that behind the last one; both 0: none */
};

/* By address. */
struct dw_code {
	const struct dw_map *maps;
	uint32_t n_maps;
	struct dw_range vdso;             /* the kernel's own code, a whole file in memory */
	const struct dw_range *generated; /* other code that is in no file */
	uint32_t n_generated;
};

/* Return: 0, or a negative errno. */
int dw_code_read(pid_t pid, struct dw_arena *arena, struct dw_code *ret);

/* The length of a path without what the kernel adds to that of a file which was removed. */
size_t dw_map_path_size(const char *path);

/* Whether the file at @path is nothing but memory: it may hold a program, or generated code. */
bool dw_map_is_in_memory(const char *path);

/* Whether @address is in code that is in no file. */
bool dw_code_is_generated(const struct dw_code *code, uint64_t address);

/* Return: 0 with the files that code was loaded from, by address; or a negative errno. */
int dw_maps_read(pid_t pid, struct dw_arena *arena, const struct dw_map **ret, uint32_t *ret_n);

/* What was added to the addresses in the file, as far as its header tells. */
uint64_t dw_map_bias(const struct dw_map *map);

/* The file that @address is in; NULL: none. */
const struct dw_map *dw_maps_find(const struct dw_map *maps, uint32_t n, uint64_t address);
