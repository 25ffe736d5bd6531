/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loaded files of a running process.
 *
 * Single-threaded. Memory comes from the caller's arena.
 */
#pragma once

#include "base/arena.h"

#include <stdint.h>
#include <sys/types.h>

/* All mappings of one file that lie together. */
struct dw_map {
	const char *path;
	uint64_t start; /* lowest address */
	uint64_t end;   /* first address behind it */
};

/* Return: 0 with the files that code was loaded from, by address; or a negative errno. */
int dw_maps_read(pid_t pid, struct dw_arena *arena, const struct dw_map **ret, uint32_t *ret_n);

/* What was added to the addresses in the file, as far as its header tells. */
uint64_t dw_map_bias(const struct dw_map *map);

/* The file that @address is in; NULL: none. */
const struct dw_map *dw_maps_find(const struct dw_map *maps, uint32_t n, uint64_t address);
