/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Things, chains and slots of a scene: as the tracker would have told them. */
#include "base/arena.h"
#include "base/error.h"
#include "inspect/scene_parts.h"

#include <errno.h>
#include <string.h>

uint64_t dw_scene_address_of(const struct dw_scene *scene, dw_place place)
{
	uint32_t module = DW_PLACE_MODULE(place);

	if (module == 0 || module >= scene->facts.n_modules)
		return DW_PLACE_OFFSET(place);
	return scene->facts.modules[module].start + DW_PLACE_OFFSET(place);
}

dw_place dw_scene_place_of(const struct dw_scene *scene, uint64_t address)
{
	if (scene->sight->variable)
		return scene->sight->variable(scene->sight, address);
	for (uint32_t i = 1; i < scene->facts.n_modules; i++) {
		const struct dw_module *module = &scene->facts.modules[i];

		if (module->start <= address && address < module->end)
			return (uint64_t)i << 48 | (address - module->start);
	}
	return address & DW_NO_MEMORY ? 0 : address & ((UINT64_C(1) << 48) - 1);
}

/*
 * Each thread waits for one thing, may need a mutex besides, and may be kicked; and may have been
 * sampled elsewhere.
 */
static int ensure_room(struct dw_scene *scene)
{
	size_t n = 3 * (size_t)scene->facts.n_threads + 1 + dw_scene_count_samples(scene->sight);

	if (scene->things)
		return 0;
	scene->things = dw_arena_alloc(scene->arena, n * sizeof(*scene->things));
	scene->grounds = dw_arena_alloc(scene->arena, n * sizeof(*scene->grounds));
	scene->places = dw_arena_alloc(scene->arena, n * sizeof(*scene->places));
	scene->was_given = dw_arena_alloc(scene->arena, n * sizeof(*scene->was_given));
	scene->facts.things = scene->things;
	scene->facts.n_things = 1;
	return scene->things && scene->grounds && scene->places && scene->was_given
		   ? 0
		   : dw_raise(-ENOMEM);
}

static bool was_given_before(const struct dw_scene *scene, uint64_t address)
{
	const struct dw_scene *before = scene->before;

	for (uint32_t i = 1; before && i < before->facts.n_things; i++)
		if (before->things[i].address == address)
			return before->was_given[i];
	return false;
}

int64_t dw_scene_ensure_thing(struct dw_scene *scene, uint64_t address, uint8_t kind)
{
	int r = ensure_room(scene);
	uint32_t i;

	if (r < 0)
		return dw_pass(r);
	for (i = 1; i < scene->facts.n_things; i++)
		if (scene->things[i].address == address)
			return i;
	scene->things[i] = (struct dw_thing){
	    .address = address,
	    .place = dw_scene_place_of(scene, address),
	    .life = 1,
	    .kind = kind,
	};
	scene->was_given[i] = was_given_before(scene, address);
	return scene->facts.n_things++;
}

/* What is held by somebody is a lock, whatever its waiters look like. */
static void make_lock(struct dw_scene *scene, uint32_t thing)
{
	uint16_t *kind = &scene->things[thing].kind;

	if (!dw_is_lock(*kind))
		*kind = DW_MUTEX;
}

int dw_scene_hold(struct dw_scene *scene, uint32_t thread, uint32_t thing, bool is_shared,
		  enum dw_grounds grounds)
{
	struct dw_holding *holding = dw_arena_alloc(scene->arena, sizeof(*holding));
	struct dw_holding **at = &scene->holdings;

	if (!holding)
		return dw_raise(-ENOMEM);
	while (*at && ((*at)->thread < thread || ((*at)->thread == thread && (*at)->thing < thing)))
		at = &(*at)->next;
	*holding = (struct dw_holding){thread, thing, is_shared, *at};
	*at = holding;
	scene->grounds[thing] = (uint8_t)grounds;
	if (grounds == DW_GROUNDS_REFERENCE)
		scene->things[thing].flags |= DW_THING_INFERRED;
	make_lock(scene, thing);
	scene->n_holdings++;
	return 0;
}

static uint32_t add_chain(struct dw_scene *scene, const struct dw_chain *chain)
{
	scene->chains[scene->facts.n_chains] = *chain;
	scene->chains[scene->facts.n_chains].depth = scene->chains[chain->below].depth + 1;
	return scene->facts.n_chains++;
}

static struct dw_held held_of(const struct dw_scene *scene, uint32_t chain)
{
	const struct dw_thing *thing = &scene->things[scene->chains[chain].thing];

	return (struct dw_held){
	    .thing = thing->address,
	    .chain = chain,
	    .how = (uint8_t)(scene->chains[chain].how & ~(uint32_t)DW_WAITS),
	    .what = thing->kind & 0x7f,
	};
}

/* Return: the chain of all that @thread holds; 0: nothing is known. */
static uint32_t tell_held(struct dw_scene *scene, uint32_t thread, struct dw_slot *slot)
{
	uint32_t chain = 0;

	for (const struct dw_holding *h = scene->holdings; h; h = h->next) {
		if (h->thread != thread)
			continue;
		chain = add_chain(scene, &(struct dw_chain){
					     .below = chain,
					     .thing = h->thing,
					     .thread = thread,
					     .how = h->is_shared ? DW_SHARED : 0,
					 });
		slot->held[++slot->top] = held_of(scene, chain);
	}
	return chain;
}

/* The mutex that a condition's wait needs again. */
static void tell_retake(struct dw_scene *scene, uint32_t thread, uint32_t below,
			struct dw_slot *slot)
{
	const struct dw_scene_thread *seen = &scene->seen[thread];
	int64_t mutex =
	    seen->meaning.mutex ? dw_scene_ensure_thing(scene, seen->meaning.mutex, DW_MUTEX) : 0;

	if (mutex <= 0)
		return;
	slot->held[slot->top + 1] = held_of(scene, add_chain(scene, &(struct dw_chain){
									.below = below,
									.thing = (uint32_t)mutex,
									.thread = thread,
									.stack = seen->stack,
									.how = DW_RETAKEN,
								    }));
}

static void tell_wait(struct dw_scene *scene, uint32_t thread, uint32_t below, struct dw_slot *slot)
{
	struct dw_scene_thread *seen = &scene->seen[thread];
	bool is_lock = dw_is_lock(scene->things[seen->thing].kind);

	if (!seen->thing)
		return;
	seen->chain = add_chain(scene, &(struct dw_chain){
					   .below = below,
					   .thing = seen->thing,
					   .thread = thread,
					   .stack = seen->stack,
					   .how = seen->meaning.how | DW_WAITS,
				       });
	if (is_lock) {
		slot->held[slot->top + 1] = held_of(scene, seen->chain);
		slot->wants = scene->things[seen->thing].address;
	} else {
		slot->waits = held_of(scene, seen->chain);
		tell_retake(scene, thread, below, slot);
	}
}

/* Whether the frames from the first that is no wrapper on are the same. */
static bool is_same_place(const struct dw_scene *now, uint32_t thread, const struct dw_scene *then,
			  uint32_t other)
{
	const struct dw_stack *a = &now->stacks[thread], *b = &then->stacks[other];
	uint32_t n = 0;

	while (n < a->n_frames && n < b->n_frames &&
	       a->frames[a->n_frames - 1 - n] == b->frames[b->n_frames - 1 - n])
		n++;
	/* Inlined functions share a frame, so this asks for no less than there is. */
	return a->n_frames > 0 && n + now->seen[thread].meaning.site + 1 >= a->n_frames;
}

static bool holds_the_same(const struct dw_slot *now, const struct dw_slot *then)
{
	return now->top > 0 && then->top > 0 &&
	       now->held[now->top].thing == then->held[then->top].thing;
}

static bool is_held_by(const struct dw_slot *slot, uint64_t address)
{
	for (uint32_t i = 1; i <= slot->top; i++)
		if (slot->held[i].thing == address)
			return true;
	return false;
}

/* What the thread waits for; 0: nothing. */
static uint64_t waited_for(const struct dw_scene *scene, uint32_t thread)
{
	return scene->things ? scene->things[scene->seen[thread].thing].address : 0;
}

/* It waits for the same as before, and was woken meanwhile. */
static bool was_woken(const struct dw_scene *scene, uint32_t thread)
{
	const struct dw_scene *before = scene->before;
	uint32_t other = before ? dw_scene_thread_of(before, dw_scene_number_of(scene, thread)) : 0;

	return other && waited_for(scene, thread) &&
	       waited_for(before, other) == waited_for(scene, thread) &&
	       dw_scene_runs_on(scene, &scene->seen[thread]);
}

/*
 * Who lets go of a lock wakes one of those who wait for it, and may have it again before that one
 * runs. So a lock was kept if all who wait for it slept, or were woken by signals.
 */
static bool was_kept(const struct dw_scene *scene, const struct dw_slot *slot)
{
	for (uint32_t t = 1; t < scene->facts.n_threads; t++)
		if (t != slot->thread && is_held_by(slot, waited_for(scene, t)) &&
		    was_woken(scene, t) && !scene->seen[t].is_signalled)
			return false;
	return true;
}

/*
 * Sleeping again and again, at one place and under the same lock: who does that waits for
 * something that it asks for itself.
 */
static void judge_polling(struct dw_scene *scene, uint32_t thread, struct dw_slot *slot)
{
	struct dw_scene_thread *seen = &scene->seen[thread];
	const struct dw_scene *before = scene->before;
	uint32_t other = before ? dw_scene_thread_of(before, dw_scene_number_of(scene, thread)) : 0;

	if (!other || !seen->meaning.sleeps || !before->seen[other].meaning.sleeps ||
	    !dw_scene_runs_on(scene, seen) ||
	    !holds_the_same(slot, before->slots[before->threads[other].slot].slot) ||
	    scene->was_given[scene->chains[slot->held[slot->top].chain].thing] ||
	    !is_same_place(scene, thread, before, other) || !was_kept(scene, slot))
		return;
	seen->polls = true;
	slot->held[slot->top].polled = 1;
	slot->polling_ns = before->sight->base_ns;
	slot->n_polls = 1;
}

/*
 * One that is sent signals while it waits for a lock is sent them by whom, if not by the thread
 * that asks again and again for something under that lock? Return: its number; 0: there is none.
 */
static uint32_t kicked_by(const struct dw_scene *scene, const struct dw_slot *slot)
{
	for (uint32_t t = 1; t < scene->facts.n_threads; t++)
		if (t != slot->thread && scene->seen[t].is_signalled &&
		    scene->seen[t].sighted->same_ns && is_held_by(slot, waited_for(scene, t)))
			return t;
	return 0;
}

/* What it asks for is the answer of a thread that it kicks, if there is one. */
static int tell_kick(struct dw_scene *scene, uint32_t thread, struct dw_slot *slot)
{
	struct dw_scene_thread *seen = &scene->seen[thread];
	uint32_t kicked = seen->polls ? kicked_by(scene, slot) : 0;
	int64_t thing;

	if (!kicked || !seen->chain)
		return 0;
	thing = dw_scene_ensure_thing(scene, dw_thing_address(DW_ANSWER, kicked), DW_ANSWER);
	if (thing < 0)
		return dw_pass((int)thing);
	seen->thing = (uint32_t)thing;
	scene->chains[seen->chain].thing = seen->thing;
	scene->chains[seen->chain].how = DW_WAITS;
	slot->waits = held_of(scene, seen->chain);
	return 0;
}

static uint32_t count_held(const struct dw_scene *scene, uint32_t thread)
{
	uint32_t n = 0;

	for (const struct dw_holding *h = scene->holdings; h; h = h->next)
		n += h->thread == thread;
	return n;
}

static int tell_thread(struct dw_scene *scene, uint32_t thread)
{
	uint32_t n = count_held(scene, thread);
	struct dw_slot *slot = dw_arena_alloc(scene->arena, dw_slot_size(n));

	if (!slot)
		return dw_raise(-ENOMEM);
	slot->max = n;
	slot->thread = thread;
	tell_wait(scene, thread, tell_held(scene, thread, slot), slot);
	judge_polling(scene, thread, slot);
	scene->slots[thread].slot = slot;
	return 0;
}

int dw_scene_tell(struct dw_scene *scene)
{
	uint32_t n = scene->facts.n_threads, n_samples = dw_scene_count_samples(scene->sight);
	int r = ensure_room(scene);

	scene->chains =
	    dw_arena_alloc(scene->arena, (2 * (size_t)n + n_samples + scene->n_holdings + 1) *
					     sizeof(*scene->chains));
	if (r < 0 || !scene->chains)
		return dw_raise(-ENOMEM);
	scene->facts.n_chains = 1;
	for (uint32_t t = 1; r == 0 && t < n; t++)
		r = tell_thread(scene, t);
	for (uint32_t t = 1; r == 0 && t < n; t++)
		r = tell_kick(scene, t, (struct dw_slot *)scene->slots[t].slot);
	if (r == 0)
		r = dw_scene_tell_samples(scene);
	if (r < 0)
		return dw_pass(r);
	scene->facts.chains = scene->chains;
	scene->facts.n_slots = n;
	return 0;
}
