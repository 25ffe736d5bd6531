/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/whereabouts.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/frames.h"

#include <errno.h>
#include <string.h>

/* What is in no file that was told has its address for a place. */
static dw_place place_of(const struct dw_facts *facts, uint64_t address)
{
	for (uint32_t i = 1; i < facts->n_modules; i++) {
		const struct dw_module *module = &facts->modules[i];

		if (module->path && address >= module->start && address < module->end)
			return (dw_place)i << 48 | (address - module->start);
	}
	return DW_PLACE_OFFSET(address);
}

static int fill_stack(const struct dw_facts *facts, struct dw_arena *arena,
		      const struct dw_frames *frames, struct dw_stack *ret)
{
	dw_place *places = dw_arena_alloc(arena, (frames->n + 1) * sizeof(*places));

	if (!places)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < frames->n; i++)
		places[i] = place_of(facts, frames->addresses[i]);
	*ret = (struct dw_stack){.frames = places, .n_frames = frames->n, .flags = frames->flags};
	return 0;
}

/* @facts with room for one more stack for each thread. */
static struct dw_facts *with_room(struct dw_arena *arena, const struct dw_facts *facts)
{
	struct dw_facts *copy = dw_arena_alloc(arena, sizeof(*copy));
	struct dw_told_thread *threads = dw_arena_alloc(arena, facts->n_threads * sizeof(*threads));
	struct dw_stack *stacks =
	    dw_arena_alloc(arena, ((size_t)facts->n_stacks + facts->n_threads) * sizeof(*stacks));

	if (!copy || !threads || !stacks)
		return NULL;
	memcpy(threads, facts->threads, facts->n_threads * sizeof(*threads));
	memcpy(stacks, facts->stacks, facts->n_stacks * sizeof(*stacks));
	*copy = *facts;
	copy->threads = threads;
	copy->stacks = stacks;
	return copy;
}

/* Who has none now was not seen. */
static int add_stacks(struct dw_facts *facts, struct dw_arena *arena,
		      const struct dw_frames *frames, struct dw_told_thread *threads,
		      struct dw_stack *stacks)
{
	int r = 0;

	for (uint32_t t = 1; r == 0 && t < facts->n_threads; t++) {
		if (frames[t].n == 0)
			continue;
		threads[t].now = facts->n_stacks++;
		r = fill_stack(facts, arena, &frames[t], &stacks[threads[t].now]);
	}
	return r < 0 ? dw_pass(r) : 0;
}

int dw_whereabouts_add(const struct dw_facts **ret, struct dw_arena *arena,
		       const struct dw_facts *facts, pid_t pid)
{
	struct dw_facts *copy = with_room(arena, facts);
	struct dw_frames *frames = dw_arena_alloc(arena, facts->n_threads * sizeof(*frames));
	int r;

	if (!copy || !frames)
		return dw_raise(-ENOMEM);
	for (uint32_t t = 1; t < facts->n_threads; t++)
		if (!(facts->threads[t].flags & DW_THREAD_EXITED))
			frames[t].tid = (pid_t)facts->threads[t].tid;
	r = dw_frames_read(pid, frames + 1, facts->n_threads - 1);
	if (r == 0)
		r = add_stacks(copy, arena, frames, (struct dw_told_thread *)copy->threads,
			       (struct dw_stack *)copy->stacks);
	if (r < 0)
		return dw_pass(r);
	*ret = copy;
	return 0;
}
