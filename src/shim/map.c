/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/map.h"

#include "base/hash.h"

/*
 * Keys of one page begin in a group of entries: one for each 32 bytes of it, for mutexes may lie as
 * close as 40 bytes, and where a group is full its keys are far from where they are looked for.
 * Groups begin with a cache line, any one, lest the locks of objects that each fill a page, which
 * have the same place in it, begin at the same entries.
 */
#define GRAIN_BITS 5
#define PAGE_BITS 12
#define GROUP (1 << (PAGE_BITS - GRAIN_BITS))
#define LINE (64 / sizeof(struct shim_map_entry))

/* A key that is not found within this many steps has no place: the map is as good as full. */
#define PROBES_MAX 4096

static uint64_t group_of(const struct shim_map *map, uint64_t page)
{
	return (dw_hash(0, page) >> 20) * LINE & map->mask;
}

static uint64_t home_of(const struct shim_map *map, uint64_t key)
{
	return group_of(map, key >> PAGE_BITS) + (key >> GRAIN_BITS & (GROUP - 1));
}

static uint64_t key_at(const struct shim_map *map, uint64_t i)
{
	return __atomic_load_n(&map->entries[i & map->mask].key, __ATOMIC_ACQUIRE);
}

uint64_t *shim_map_find(const struct shim_map *map, uint64_t key)
{
	uint64_t home = home_of(map, key);

	for (uint64_t i = home; i < home + PROBES_MAX; i++) {
		uint64_t there = key_at(map, i);

		if (there == key)
			return &map->entries[i & map->mask].value;
		if (!there)
			return NULL;
	}
	return NULL;
}

uint64_t *shim_map_ensure(struct shim_map *map, uint64_t key)
{
	uint64_t home = home_of(map, key);

	for (uint64_t i = home; i < home + PROBES_MAX; i++) {
		struct shim_map_entry *entry = &map->entries[i & map->mask];
		uint64_t there = key_at(map, i);

		/* Nearly always it is there: only a free entry is written to, lest processors pass
		 * the others' lines to each other. Whoever loses the race for one sees who won it,
		 * and goes on. */
		if (there == key ||
		    (!there && (__atomic_compare_exchange_n(&entry->key, &there, key, 0,
							    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
				there == key)))
			return &entry->value;
	}
	return NULL;
}

/*
 * @from and @to are of one page. A key lies between the entry where it begins and the next free
 * one, because entries are never taken out.
 */
static void range_of_page(const struct shim_map *map, uint64_t from, uint64_t to,
			  void (*found)(uint64_t key, uint64_t *value, void *context),
			  void *context)
{
	uint64_t last = home_of(map, to - 1);

	for (uint64_t i = home_of(map, from); i < last + PROBES_MAX; i++) {
		uint64_t key = key_at(map, i);

		if (!key && i >= last)
			return;
		if (key >= from && key < to)
			found(key, &map->entries[i & map->mask].value, context);
	}
}

void shim_map_range(const struct shim_map *map, uint64_t from, uint64_t to,
		    void (*found)(uint64_t key, uint64_t *value, void *context), void *context)
{
	while (from < to) {
		uint64_t end = ((from >> PAGE_BITS) + 1) << PAGE_BITS;

		end = end < to ? end : to;
		range_of_page(map, from, end, found, context);
		from = end;
	}
}
