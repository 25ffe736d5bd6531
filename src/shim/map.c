/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/map.h"

#include "base/hash.h"

/* Keys of one page begin in a group of this many entries: one for each cache line. */
#define GROUP 64

/* A key that is not found within this many steps has no place: the map is as good as full. */
#define PROBES_MAX 4096

static uint64_t group_of(const struct shim_map *map, uint64_t page)
{
	return (dw_hash(0, page) >> 20) * GROUP & map->mask;
}

static uint64_t home_of(const struct shim_map *map, uint64_t key)
{
	return group_of(map, key >> 12) + (key >> 6 & (GROUP - 1));
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
 * Every key of a page lies between the begin of the page's group and the first free entry
 * behind the group's end, because entries are never taken out.
 */
static void range_of_page(const struct shim_map *map, uint64_t page, uint64_t from, uint64_t to,
			  void (*found)(uint64_t key, uint64_t *value, void *context),
			  void *context)
{
	uint64_t group = group_of(map, page);

	for (uint64_t i = group; i < group + GROUP + PROBES_MAX; i++) {
		uint64_t key = key_at(map, i);

		if (!key && i >= group + GROUP)
			return;
		if (key >= from && key < to && key >> 12 == page)
			found(key, &map->entries[i & map->mask].value, context);
	}
}

void shim_map_range(const struct shim_map *map, uint64_t from, uint64_t to,
		    void (*found)(uint64_t key, uint64_t *value, void *context), void *context)
{
	for (uint64_t page = from >> 12; page <= (to - 1) >> 12; page++)
		range_of_page(map, page, from, to, found, context);
}
