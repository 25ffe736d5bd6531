/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/picture.h"

#include "base/arena.h"
#include "base/error.h"
#include "model/picture.h"
#include "model/thread.h"
#include "render/render.h"
#include "symbol/names.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

static int compare_things(const void *left, const void *right, void *facts)
{
	const struct dw_thing *things = ((const struct dw_facts *)facts)->things;
	const struct dw_thing *a = &things[*(const uint32_t *)left];
	const struct dw_thing *b = &things[*(const uint32_t *)right];

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (a->life > b->life) - (a->life < b->life);
}

int dw_pictures_new(struct dw_pictures *ret, const struct dw_reported_process *process,
		    struct dw_arena *arena)
{
	const struct dw_facts *facts = process->facts;
	struct dw_pictures pictures = {.process = process};

	pictures.by_address =
	    dw_arena_alloc(arena, ((size_t)facts->n_things + 1) * sizeof(*pictures.by_address));
	if (!pictures.by_address)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < facts->n_things; i++)
		pictures.by_address[pictures.n++] = i;
	qsort_r(pictures.by_address, pictures.n, sizeof(*pictures.by_address), compare_things,
		(void *)facts);
	*ret = pictures;
	return 0;
}

const uint32_t *dw_pictures_lives(const struct dw_pictures *pictures, uint64_t address,
				  uint32_t *ret_n)
{
	const struct dw_thing *things = pictures->process->facts->things;
	uint32_t low = 0, high = pictures->n, end;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (things[pictures->by_address[middle]].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	end = low;
	while (end < pictures->n && things[pictures->by_address[end]].address == address)
		end++;
	*ret_n = end - low;
	return &pictures->by_address[low];
}

uint32_t dw_pictures_thing(const struct dw_pictures *pictures, uint64_t address)
{
	uint32_t n;
	const uint32_t *lives = dw_pictures_lives(pictures, address, &n);

	return n ? lives[n - 1] : 0;
}

const struct dw_slot *dw_pictures_slot(const struct dw_pictures *pictures, uint32_t thread)
{
	const struct dw_facts *facts = pictures->process->facts;
	const struct dw_told_thread *told = &facts->threads[thread];

	if (!told->slot || told->flags & DW_THREAD_EXITED)
		return NULL;
	return facts->slots[told->slot].slot;
}

const struct dw_held *dw_pictures_waits(const struct dw_slot *slot)
{
	const struct dw_held *wanted = &slot->held[slot->top + 1];

	/* A slot that was read while its thread ran may not fit together. */
	if (slot->wants)
		return wanted->thing == slot->wants ? wanted : NULL;
	return slot->waits.thing ? &slot->waits : NULL;
}

const char *dw_pictures_name(const struct dw_pictures *pictures, const struct dw_held *held)
{
	struct dw_names *names = pictures->process->names;
	uint32_t thing;

	if (held->chain && held->chain != DW_CHAIN_LOST)
		return dw_names_taken(names, held->chain);
	thing = dw_pictures_thing(pictures, held->thing);
	return thing ? dw_names_thing(names, thing) : NULL;
}
