/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/index.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>

#define ENTRIES_FIRST 64

/* The high bits of a hash are the good ones. */
static uint32_t first_probe(const struct dw_index *index, uint64_t hash)
{
	return (uint32_t)(hash >> 16) & index->mask;
}

uint32_t dw_index_find(const struct dw_index *index, uint64_t hash, dw_index_same *same,
		       const void *context, const void *wanted)
{
	if (!index->entries)
		return DW_INDEX_NONE;
	for (uint32_t i = first_probe(index, hash); index->entries[i].item;
	     i = (i + 1) & index->mask) {
		const struct dw_index_entry *entry = &index->entries[i];

		if (entry->hash == hash && same(context, entry->item - 1, wanted))
			return entry->item - 1;
	}
	return DW_INDEX_NONE;
}

static void put(struct dw_index *index, const struct dw_index_entry *entry)
{
	uint32_t i = first_probe(index, entry->hash);

	while (index->entries[i].item)
		i = (i + 1) & index->mask;
	index->entries[i] = *entry;
}

static int grow(struct dw_index *index, struct dw_arena *arena)
{
	struct dw_index old = *index;
	uint32_t n = old.entries ? 2 * (old.mask + 1) : ENTRIES_FIRST;

	index->entries = dw_arena_alloc(arena, n * sizeof(*index->entries));
	if (!index->entries) {
		*index = old;
		return dw_raise(-ENOMEM);
	}
	index->mask = n - 1;
	for (uint32_t i = 0; old.entries && i <= old.mask; i++) {
		if (old.entries[i].item)
			put(index, &old.entries[i]);
	}
	return 0;
}

int dw_index_add(struct dw_index *index, struct dw_arena *arena, uint64_t hash, uint32_t item)
{
	int r = 0;

	if (!index->entries || index->n > index->mask / 2)
		r = grow(index, arena);
	if (r < 0)
		return dw_pass(r);
	put(index, &(struct dw_index_entry){hash, item + 1});
	index->n++;
	return 0;
}
