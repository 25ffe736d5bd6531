/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A map from addresses to numbers, for many threads at once and without locks.
 *
 * Keys are put in once and stay; only their values change. Keys of one page of memory are
 * neighbours, so that all keys within a freed block are quick to find, and a program with
 * few locks touches few pages of the map.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct shim_map_entry {
	uint64_t key; /* 0: free; written once */
	uint64_t value;
};

struct shim_map {
	struct shim_map_entry *entries;
	uint64_t mask; /* number of entries less one */
};

/* The value of @key; NULL if it is not there. Access it with atomics. */
uint64_t *shim_map_find(const struct shim_map *map, uint64_t key);

/* The same, but puts the key in with value 0 if it is not there; NULL: the map is full. */
uint64_t *shim_map_ensure(struct shim_map *map, uint64_t key);

/* Calls @found for each key from @from (included) to @to (not included). */
void shim_map_range(const struct shim_map *map, uint64_t from, uint64_t to,
		    void (*found)(uint64_t key, uint64_t *value, void *context), void *context);
