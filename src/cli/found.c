/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/found.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/watch.h"
#include "inspect/frames.h"
#include "inspect/map.h"
#include "inspect/peer.h"

#include <errno.h>
#include <string.h>

/* Threads whose stacks are taken: all of a large machine's vCPUs that wait for one lock. */
#define STACKS_MAX 64

/* Modules that the shim did not tell are numbered down from here. */
#define MODULE_NUMBER_MAX (DW_MODULE_TOLD - 1)

/* The file whose frames are left out, as they are in told stacks. */
#define SHIM_FILE "/libdeadwatch.so"

struct finding {
	struct dw_found_writer *to;
	const struct dw_facts *facts;
};

static void *reserve(struct finding *f, size_t size)
{
	return dw_writer_reserve(f->to->writer, f->to->cursor, size);
}

static uint32_t submit(struct finding *f, void *record, enum dw_rec_kind kind)
{
	return dw_writer_submit(f->to->writer, record, kind);
}

/* The number of the module that the shim told for this file; 0: it did not. */
static uint16_t told_module(const struct finding *f, const struct dw_map *map)
{
	for (uint32_t i = 1; i < f->facts->n_modules; i++) {
		const struct dw_module *module = &f->facts->modules[i];

		if (module->path && module->start == map->start &&
		    strcmp(module->path, map->path) == 0)
			return (uint16_t)i;
	}
	return 0;
}

static bool is_free(const struct finding *f, uint32_t number)
{
	return number >= f->facts->n_modules || !f->facts->modules[number].path;
}

/* A number that is not used yet; 0: there is none. */
static uint32_t next_number(const struct finding *f)
{
	uint32_t number = MODULE_NUMBER_MAX, n = f->to->n_modules;

	while (number > 0 && (!is_free(f, number) || n-- > 0))
		number--;
	return number;
}

static uint16_t tell_module(struct finding *f, const struct dw_map *map)
{
	size_t n = strlen(map->path) + 1;
	uint32_t number = next_number(f);
	struct dw_rec_module *record = number ? reserve(f, sizeof(*record) + n) : NULL;

	if (!record)
		return 0;
	record->start = map->start;
	record->end = map->end;
	record->bias = dw_map_bias(map);
	record->number = number;
	memcpy(record->path, map->path, n);
	submit(f, record, DW_REC_MODULE);
	f->to->n_modules++;
	return (uint16_t)number;
}

static const struct dw_map *map_of(const struct finding *f, uint64_t address)
{
	return dw_maps_find(f->to->maps, f->to->n_maps, address);
}

/* What is in no file has its address for a place. */
static dw_place place_of(struct finding *f, uint64_t address)
{
	const struct dw_map *map = map_of(f, address);
	uint16_t *number = map ? &f->to->numbers[map - f->to->maps] : NULL;

	if (!map)
		return address & ((UINT64_C(1) << 48) - 1);
	if (!*number)
		*number = told_module(f, map);
	if (!*number)
		*number = tell_module(f, map);
	if (!*number)
		return address & ((UINT64_C(1) << 48) - 1);
	return (uint64_t)*number << 48 | (address - map->start);
}

static bool is_in(const struct finding *f, uint64_t address, const char *file)
{
	const struct dw_map *map = map_of(f, address);

	return map && strstr(map->path, file);
}

/* How many of the innermost frames are the shim's, and of what it called in the C library. */
static uint32_t n_probes(const struct finding *f, const struct dw_frames *frames)
{
	uint32_t i = 0;

	while (i < frames->n && is_in(f, frames->addresses[i], "/libc.so"))
		i++;
	if (i == frames->n || !is_in(f, frames->addresses[i], SHIM_FILE))
		return 0;
	while (i < frames->n && is_in(f, frames->addresses[i], SHIM_FILE))
		i++;
	return i;
}

/* Return: the record's id; 0: there is no room. */
static uint32_t tell_stack(struct finding *f, const struct dw_frames *frames)
{
	dw_place places[DW_FRAMES_MAX];
	struct dw_rec_stack *record;
	uint32_t n = 0;

	for (uint32_t i = n_probes(f, frames); i < frames->n; i++)
		if (!is_in(f, frames->addresses[i], SHIM_FILE))
			places[n++] = place_of(f, frames->addresses[i]);
	record = reserve(f, sizeof(*record) + n * sizeof(*places));
	if (!record)
		return 0;
	record->n_frames = n;
	record->flags = frames->flags;
	memcpy(record->frames, places, n * sizeof(*places));
	return submit(f, record, DW_REC_STACK);
}

static int read_maps(struct finding *f)
{
	struct dw_found_writer *to = f->to;
	int r;

	if (to->numbers)
		return 0;
	r = dw_maps_read(to->pid, to->arena, &to->maps, &to->n_maps);
	if (r < 0)
		return dw_pass(r);
	to->numbers = dw_arena_alloc(to->arena, (to->n_maps + 1) * sizeof(*to->numbers));
	return to->numbers ? 0 : dw_raise(-ENOMEM);
}

/* Stacks of the first threads of @found: ids in @ids. Return: 0, or why one is missing. */
static int tell_stacks(struct finding *f, const struct dw_found *found, uint32_t *ids)
{
	uint32_t n = found->n_legs + found->n_waiters;
	struct dw_frames *frames;
	int r;

	n = n < STACKS_MAX ? n : STACKS_MAX;
	frames = dw_arena_alloc(f->to->arena, n * sizeof(*frames));
	if (!frames)
		return dw_raise(-ENOMEM);
	r = read_maps(f);
	if (r < 0)
		return dw_pass(r);
	for (uint32_t i = 0; i < n; i++)
		frames[i].tid = dw_watch_tid(f->to->watch, found->legs[i].thread);
	r = dw_frames_read(f->to->pid, frames, n);
	for (uint32_t i = 0; r == 0 && i < n; i++)
		if (frames[i].n > 0)
			ids[i] = tell_stack(f, &frames[i]);
	for (uint32_t i = 0; r == 0 && i < n; i++)
		r = frames[i].error;
	return r;
}

/* NULL: nothing. */
static const struct dw_held *waited_by(const struct finding *f, uint32_t thread)
{
	uint32_t number = f->facts->threads[thread].slot;
	const struct dw_slot *slot = number ? f->facts->slots[number].slot : NULL;

	if (slot && slot->wants)
		return &slot->held[slot->top + 1];
	return slot && slot->waits.thing ? &slot->waits : NULL;
}

/* What a thread waits for that was never told, because it holds nothing. */
static uint32_t tell_thing(struct finding *f, const struct dw_held *held)
{
	struct dw_rec_thing *record;

	if (!held->thing || !held->what)
		return 0;
	record = reserve(f, sizeof(*record));
	if (!record)
		return 0;
	record->address = held->thing;
	record->place =
	    held->thing & DW_NO_MEMORY || !f->to->numbers ? 0 : place_of(f, held->thing);
	record->life = 1;
	record->kind = held->what;
	return submit(f, record, DW_REC_THING);
}

/* One of the @n legs in @told may wait for the same. */
static uint32_t find_or_tell_thing(struct finding *f, uint32_t thread,
				   const struct dw_rec_found_leg *told, uint32_t n)
{
	const struct dw_held *held = waited_by(f, thread);

	for (uint32_t i = 0; held && i < n; i++) {
		const struct dw_held *other = waited_by(f, told[i].thread);

		if (told[i].thing && other && other->thing == held->thing)
			return told[i].thing;
	}
	return held ? tell_thing(f, held) : 0;
}

static uint32_t id_of(const struct finding *f, enum dw_rec_kind kind, uint32_t number)
{
	return dw_reader_id(f->to->reader, kind, number);
}

/* Stacks that profiles add are parts of those that were told. */
static uint32_t tell_added_stack(struct finding *f, uint32_t number)
{
	const struct dw_stack *stack = &f->facts->stacks[number];
	size_t size = stack->n_frames * sizeof(*stack->frames);
	struct dw_rec_stack *record = reserve(f, sizeof(*record) + size);

	if (!record)
		return 0;
	record->n_frames = stack->n_frames;
	record->flags = stack->flags;
	memcpy(record->frames, stack->frames, size);
	return submit(f, record, DW_REC_STACK);
}

/* What was found rests on a post that a profile adds: it is told with it. */
static uint32_t tell_added_post(struct finding *f, const struct dw_post *post)
{
	uint32_t stack = tell_added_stack(f, post->stack);
	struct dw_rec_post *record = reserve(f, sizeof(*record));

	if (!record)
		return 0;
	record->thing = id_of(f, DW_REC_THING, post->thing);
	record->thread = post->thread;
	record->chain = id_of(f, DW_REC_CHAIN, post->chain);
	record->stack = stack;
	return submit(f, record, DW_REC_POST);
}

static uint32_t post_id(struct finding *f, uint32_t number)
{
	if (number < dw_reader_facts(f->to->reader)->n_posts)
		return id_of(f, DW_REC_POST, number);
	return number ? tell_added_post(f, &f->facts->posts[number]) : 0;
}

static void fill(struct finding *f, const struct dw_found *found, const uint32_t *stacks,
		 struct dw_rec_found_leg *ret)
{
	for (uint32_t i = 0; i < found->n_legs + found->n_waiters; i++) {
		const struct dw_found_leg *leg = &found->legs[i];

		ret[i] = (struct dw_rec_found_leg){
		    .thread = leg->thread,
		    .holds = id_of(f, DW_REC_CHAIN, leg->holds),
		    .needs = id_of(f, DW_REC_CHAIN, leg->needs),
		    .thing = id_of(f, DW_REC_THING, leg->thing),
		    .post = post_id(f, leg->post),
		    .stack = stacks[i],
		};
		if (!leg->thing && !leg->needs)
			ret[i].thing = find_or_tell_thing(f, leg->thread, ret, i);
	}
}

/* Who could end the call in which the last leg is. Return: whether that is known. */
static bool find_peer(const struct finding *f, const struct dw_found *found,
		      struct dw_rec_peer *ret)
{
	const struct dw_found_leg *last = &found->legs[found->n_legs - 1];
	struct dw_peer peer;

	if (!f->to->pid || found->verdict != DW_FOUND_STALL ||
	    dw_peer_find(f->to->pid, dw_watch_tid(f->to->watch, last->thread), &peer) <= 0)
		return false;
	*ret = (struct dw_rec_peer){.pid = (uint32_t)peer.pid};
	_Static_assert(sizeof(ret->name) == sizeof(peer.name), "both are the kernel's");
	memcpy(ret->name, peer.name, sizeof(ret->name));
	return ret->name[0] != '\0';
}

int dw_found_write(struct dw_found_writer *to, const struct dw_found *found, int *ret_stacks)
{
	struct finding f = {.to = to, .facts = to->facts};
	uint32_t n = found->n_legs + found->n_waiters;
	struct dw_rec_found_leg *legs = dw_arena_alloc(to->arena, n * sizeof(*legs));
	uint32_t *stacks = dw_arena_alloc(to->arena, n * sizeof(*stacks));
	struct dw_rec_found *record;
	struct dw_rec_peer peer;
	bool has_peer;

	if (!legs || !stacks)
		return dw_raise(-ENOMEM);
	*ret_stacks = to->pid ? tell_stacks(&f, found, stacks) : 0;
	for (uint32_t i = 0; to->pid && i < n; i++)
		dw_watch_note_name(to->watch, found->legs[i].thread);
	fill(&f, found, stacks, legs);
	has_peer = find_peer(&f, found, &peer);
	record = reserve(&f, sizeof(*record) + n * sizeof(*legs) + has_peer * sizeof(peer));
	if (!record)
		return dw_raise(-ENOSPC);
	record->time_ns = found->time_ns;
	record->span_ns = found->span_ns;
	record->verdict = found->verdict;
	record->flags = found->flags;
	record->n_legs = found->n_legs;
	record->n_waiters = found->n_waiters;
	memcpy(record->legs, legs, n * sizeof(*legs));
	if (has_peer)
		memcpy(&record->legs[n], &peer, sizeof(peer));
	submit(&f, record, DW_REC_FOUND);
	return 0;
}
