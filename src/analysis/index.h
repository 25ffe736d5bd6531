/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An index: finds numbered items by a hash of what they are. The items themselves
 * are the caller's, and so is the test whether an item is the one looked for.
 *
 * Starts as all zero. Memory comes from the caller's arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dw_arena;

#define DW_INDEX_NONE UINT32_MAX

struct dw_index_entry {
	uint64_t hash;
	uint32_t item; /* plus 1; 0: free */
};

struct dw_index {
	struct dw_index_entry *entries;
	uint32_t mask;
	uint32_t n;
};

/* Whether @item is what @wanted describes. */
typedef bool dw_index_same(const void *context, uint32_t item, const void *wanted);

/* Return: the item, or DW_INDEX_NONE. */
uint32_t dw_index_find(const struct dw_index *index, uint64_t hash, dw_index_same *same,
		       const void *context, const void *wanted);

/* Adds an item that is not there. Return: 0, or -ENOMEM. */
int dw_index_add(struct dw_index *index, struct dw_arena *arena, uint64_t hash, uint32_t item);
