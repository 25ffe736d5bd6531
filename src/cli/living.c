/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/living.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/map.h"
#include "model/facts.h"
#include "record/reader.h"

#include <errno.h>
#include <string.h>

/* Another process may have its number by now: whether it is the same file, its build id says. */
static bool is_loaded_from(const struct dw_module *module, const struct dw_map *map)
{
	return module->path && module->start == map->start && strcmp(module->path, map->path) == 0;
}

static int locate(struct dw_facts *facts, struct dw_arena *arena, const struct dw_map *maps,
		  uint32_t n_maps)
{
	struct dw_module *modules = dw_arena_alloc(arena, facts->n_modules * sizeof(*modules));

	if (!modules)
		return dw_raise(-ENOMEM);
	memcpy(modules, facts->modules, facts->n_modules * sizeof(*modules));
	for (uint32_t i = 1; i < facts->n_modules; i++) {
		const struct dw_map *map = dw_maps_find(maps, n_maps, modules[i].start);

		if (map && modules[i].build_id && is_loaded_from(&modules[i], map))
			modules[i].file = map->file;
	}
	facts->modules = modules;
	return 0;
}

int dw_living_facts(const struct dw_facts **ret, const struct dw_reader *reader,
		    struct dw_arena *arena)
{
	const struct dw_facts *facts = dw_reader_facts(reader);
	struct dw_facts *living;
	const struct dw_map *maps;
	uint32_t n_maps;
	int r;

	*ret = facts;
	/* Whoever is not there, or may not be looked into, has them where they were. */
	if (!(dw_reader_flags(reader) & DW_REC_OUTSIDE) ||
	    dw_maps_read((pid_t)facts->pid, arena, &maps, &n_maps) < 0)
		return 0;
	living = dw_arena_alloc(arena, sizeof(*living));
	if (!living)
		return dw_raise(-ENOMEM);
	*living = *facts;
	r = locate(living, arena, maps, n_maps);
	if (r < 0)
		return dw_pass(r);
	*ret = living;
	return 0;
}
