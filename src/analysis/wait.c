/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/wait.h"

#include "analysis/array.h"
#include "analysis/index.h"
#include "base/hash.h"
#include "model/thread.h"

/* What is needed while it is built. */
struct building {
	struct dw_waits *waits;
	const struct dw_facts *facts;
	struct dw_arena *arena;
	struct dw_index index; /* of nodes, by address */
	uint32_t room_nodes, room_givers;
};

static bool is_at(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_node *nodes = context;

	return nodes[item].address == *(const uint64_t *)wanted;
}

static uint32_t node_find(const struct building *b, uint64_t address)
{
	return dw_index_find(&b->index, dw_hash(0, address), is_at, b->waits->nodes, &address);
}

static int node_add(struct building *b, struct dw_wait *wait)
{
	struct dw_waits *waits = b->waits;
	int r;

	r = dw_array_room(b->arena, (void **)&waits->nodes, waits->n_nodes, &b->room_nodes,
			  sizeof(*waits->nodes));
	if (r == 0)
		r = dw_index_add(&b->index, b->arena, dw_hash(0, wait->address), waits->n_nodes);
	if (r < 0)
		return dw_pass(r);
	waits->nodes[waits->n_nodes] = (struct dw_node){
	    .address = wait->address,
	    .thing = wait->thing,
	    .what = wait->what,
	    .first = DW_WAIT_NONE,
	    .first_wait = DW_WAIT_NONE,
	};
	wait->node = waits->n_nodes++;
	return 0;
}

static int node_ensure(struct building *b, struct dw_wait *wait)
{
	int r = 0;

	wait->node = node_find(b, wait->address);
	if (wait->node == DW_INDEX_NONE)
		r = node_add(b, wait);
	if (r == 0 && wait->at_lock)
		b->waits->nodes[wait->node].is_word = true;
	return r < 0 ? dw_pass(r) : 0;
}

static struct dw_wait wait_of(const struct dw_facts *facts, const struct dw_held *held)
{
	uint32_t chain = held->chain == DW_CHAIN_LOST ? 0 : held->chain;

	return (struct dw_wait){
	    .address = held->thing,
	    .chain = chain,
	    .thing = facts->chains[chain].thing,
	    .how = held->how,
	    .what = held->what,
	};
}

/*
 * A lock that it takes comes before what it waits for: that can only be left of what a signal
 * handler has interrupted.
 */
static void fill_waits(const struct dw_facts *facts, struct dw_waiter *waiter)
{
	const struct dw_slot *slot = waiter->slot;
	const struct dw_held *next = &slot->held[slot->top + 1];

	if (slot->wants && slot->wants == next->thing) {
		waiter->waits[DW_WAIT_OWN] = wait_of(facts, next);
	} else if (slot->waits.thing) {
		waiter->waits[DW_WAIT_OWN] = wait_of(facts, &slot->waits);
		if (slot->waits.what == DW_CONDITION && next->how & DW_RETAKEN)
			waiter->waits[DW_WAIT_RETAKE] = wait_of(facts, next);
	}
}

/* A mark where nothing is held is never taken away: it counts for answers only. */
static bool polls(const struct dw_now_look *look, const struct dw_waiter *waiter)
{
	const struct dw_slot *slot = waiter->slot;

	return look->polls && slot->held[slot->top].polled &&
	       (slot->top > 0 || waiter->waits[DW_WAIT_OWN].what == DW_ANSWER);
}

/* 0: it began to poll after the look, whose picture a running thread goes on writing. */
static uint64_t polled_for_ns(const struct dw_now *now, const struct dw_slot *slot)
{
	return slot->polling_ns < now->now_ns ? now->now_ns - slot->polling_ns : 0;
}

/*
 * The end of each wait for what others post is counted (dw_slot::n_idles): so where the slot is
 * the same, the wait is. Of locks that is to be believed after a while, though the thread runs:
 * who spins does, and who handles signals meanwhile. If the lock's holder has been stuck all the
 * while, it cannot have had that.
 */
static uint64_t span_of(const struct dw_now *now, const struct dw_now_look *look,
			const struct dw_waiter *waiter)
{
	const struct dw_wait *wait = &waiter->waits[DW_WAIT_OWN];
	bool is_lock = wait->address && dw_wait_is_lock(wait);

	if (waiter->polls)
		return polled_for_ns(now, waiter->slot);
	if (wait->address && wait->what != DW_CALL &&
	    (!is_lock || look->same_ns >= DW_WAIT_BELIEVED_NS))
		return look->same_ns;
	return look->still_ns;
}

/* Without a limit, or again and again. */
static bool is_for_ever(const struct dw_waiter *waiter)
{
	const struct dw_wait *wait = &waiter->waits[DW_WAIT_OWN];

	if (waiter->polls)
		return waiter->span_ns >= DW_WAIT_BELIEVED_NS;
	return waiter->span_ns > 0 && wait->what != DW_ANSWER && !(wait->how & (DW_TRY | DW_TIMED));
}

/* The mutex of a condition wait is waited for without a limit, if not now, then soon. */
static bool begins_stuck(const struct dw_waiter *waiter)
{
	return (waiter->waits[DW_WAIT_OWN].address && is_for_ever(waiter)) ||
	       (waiter->waits[DW_WAIT_RETAKE].address && waiter->span_ns > 0);
}

static int add_waiter(struct building *b, uint32_t thread)
{
	const struct dw_told_thread *told = &b->facts->threads[thread];
	struct dw_waiter *waiter = &b->waits->waiters[thread];
	int r = 0;

	waiter->gives = DW_WAIT_NONE;
	if (!told->slot || told->flags & DW_THREAD_EXITED)
		return 0;
	waiter->slot = b->facts->slots[told->slot].slot;
	fill_waits(b->facts, waiter);
	waiter->waits[DW_WAIT_OWN].at_lock =
	    b->waits->now->looks[thread].at_lock && dw_is_word(waiter->waits[DW_WAIT_OWN].what);
	waiter->polls = polls(&b->waits->now->looks[thread], waiter);
	waiter->span_ns = span_of(b->waits->now, &b->waits->now->looks[thread], waiter);
	waiter->stuck = begins_stuck(waiter);
	for (int i = 0; r == 0 && i < DW_WAIT_PARTS; i++)
		if (waiter->waits[i].address)
			r = node_ensure(b, &waiter->waits[i]);
	return r < 0 ? dw_pass(r) : 0;
}

static int add_giver(struct building *b, uint32_t node, const struct dw_giver *giver)
{
	struct dw_waits *waits = b->waits;
	int r = dw_array_room(b->arena, (void **)&waits->givers, waits->n_givers, &b->room_givers,
			      sizeof(*waits->givers));

	if (r < 0)
		return dw_pass(r);
	waits->givers[waits->n_givers] = *giver;
	waits->givers[waits->n_givers].node = node;
	waits->givers[waits->n_givers].next = waits->nodes[node].first;
	waits->givers[waits->n_givers].next_of_thread = waits->waiters[giver->thread].gives;
	waits->nodes[node].first = waits->n_givers;
	waits->waiters[giver->thread].gives = waits->n_givers++;
	return 0;
}

/* What a thread holds when it ends stays taken, unless it is robust. */
static int add_holder(struct building *b, uint32_t thread, const struct dw_held *held)
{
	bool gone = b->facts->threads[thread].flags & DW_THREAD_EXITED;
	bool shared = held->how & DW_SHARED;
	uint32_t node = node_find(b, held->thing);
	int r;

	if (node == DW_INDEX_NONE || (gone && held->how & DW_ROBUST))
		return 0;
	r = add_giver(b, node,
		      &(struct dw_giver){
			  .thread = thread,
			  .holds = held->chain == DW_CHAIN_LOST ? 0 : held->chain,
			  .shared = shared,
			  .gone = gone,
		      });
	b->waits->nodes[node].n_exclusive += !shared;
	return r < 0 ? dw_pass(r) : 0;
}

static int add_holders(struct building *b)
{
	int r = 0;

	for (uint32_t t = b->waits->n_threads - 1; t > 0; t--) {
		uint32_t number = b->facts->threads[t].slot;
		const struct dw_slot *slot = number ? b->facts->slots[number].slot : NULL;

		for (uint32_t i = 1; r == 0 && slot && i <= slot->top; i++)
			r = add_holder(b, t, &slot->held[i]);
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* An ending and an answer are given by the thread whose they are. */
static int add_threads(struct building *b)
{
	struct dw_waits *waits = b->waits;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < waits->n_nodes; i++) {
		uint32_t number = dw_thing_number(waits->nodes[i].address);

		if (waits->nodes[i].what != DW_ENDING && waits->nodes[i].what != DW_ANSWER)
			continue;
		if (number && number < waits->n_threads)
			r = add_giver(
			    b, i,
			    &(struct dw_giver){
				.thread = number,
				.gone = b->facts->threads[number].flags & DW_THREAD_EXITED,
			    });
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* What was waited for without a chain has a number only if it was told for another reason. */
static void find_things(struct building *b)
{
	for (uint32_t i = 1; i < b->facts->n_things; i++) {
		const struct dw_thing *thing = &b->facts->things[i];
		uint32_t node =
		    thing->flags & DW_THING_ENDED ? DW_INDEX_NONE : node_find(b, thing->address);

		if (node != DW_INDEX_NONE && !b->waits->nodes[node].thing)
			b->waits->nodes[node].thing = i;
	}
}

static void spread_things(struct dw_waits *waits)
{
	for (uint32_t t = 1; t < waits->n_threads; t++)
		for (int i = 0; i < DW_WAIT_PARTS; i++) {
			struct dw_wait *wait = &waits->waiters[t].waits[i];

			if (wait->address && !wait->thing)
				wait->thing = waits->nodes[wait->node].thing;
		}
}

/*
 * Calls of one kind are many; only what a profile names is one thing that others complete. Who
 * gave a word that is a lock let go of it then.
 */
static bool is_posted(const struct dw_node *node)
{
	switch ((enum dw_thing_kind)node->what) {
	case DW_CONDITION:
	case DW_SEMAPHORE:
	case DW_BARRIER:
		return true;
	case DW_FUTEX:
		return !node->is_word;
	case DW_CALL:
		return dw_thing_number(node->address) >= DW_CALL_NAMED;
	case DW_MUTEX:
	case DW_RWLOCK:
	case DW_SPINLOCK:
	case DW_ONCE:
	case DW_ENDING:
	case DW_ANSWER:
	case DW_LOCK_WORD:
		return false;
	}
	return false;
}

/* From the last to the first, as each giver is put before those that are there. */
static int add_posters(struct building *b)
{
	const struct dw_facts *facts = b->facts;
	int r = 0;

	for (uint32_t i = facts->n_posts; r == 0 && i-- > 1;) {
		const struct dw_post *post = &facts->posts[i];
		uint32_t node = node_find(b, facts->things[post->thing].address);

		if (node == DW_INDEX_NONE || b->waits->nodes[node].thing != post->thing ||
		    !is_posted(&b->waits->nodes[node]))
			continue;
		r = add_giver(b, node,
			      &(struct dw_giver){
				  .thread = post->thread,
				  .post = i,
				  .gone = facts->threads[post->thread].flags & DW_THREAD_EXITED,
			      });
	}
	return r < 0 ? dw_pass(r) : 0;
}

static void find_writers(struct dw_waits *waits)
{
	for (uint32_t t = 1; t < waits->n_threads; t++) {
		const struct dw_wait *wait = &waits->waiters[t].waits[DW_WAIT_OWN];

		if (wait->address && dw_wait_is_lock(wait) && !(wait->how & DW_SHARED))
			waits->nodes[wait->node].writer_waits = true;
	}
}

/* A reader waits for readers only where a writer is queued behind those. */
static bool keeps(const struct dw_node *node, const struct dw_giver *giver, bool shared)
{
	if (node->n_exclusive > 0)
		return !giver->shared || giver->post;
	return !shared || !giver->shared || node->writer_waits;
}

uint32_t dw_waits_giver(const struct dw_waits *waits, const struct dw_wait *wait, uint32_t giver)
{
	const struct dw_node *node = &waits->nodes[wait->node];

	while (giver != DW_WAIT_NONE && !keeps(node, &waits->givers[giver], wait->how & DW_SHARED))
		giver = waits->givers[giver].next;
	return giver;
}

/*
 * stuck(node): of threads that gave it once, all that live; of holders, the exclusive ones
 * all (there is one, if what was seen is right), or any reader.
 */
static bool is_stuck(const struct dw_waits *waits, const struct dw_node *node, bool shared)
{
	bool all = is_posted(node) || node->n_exclusive > 0;
	uint32_t n = 0, n_stuck = 0;

	for (uint32_t g = node->first; g != DW_WAIT_NONE; g = waits->givers[g].next) {
		const struct dw_giver *giver = &waits->givers[g];

		if (!keeps(node, giver, shared) || (giver->gone && giver->post))
			continue;
		n++;
		n_stuck += waits->waiters[giver->thread].stuck;
	}
	return all ? n > 0 && n_stuck == n : n_stuck > 0;
}

bool dw_waits_is_stuck(const struct dw_waits *waits, uint32_t thread, enum dw_wait_part part)
{
	const struct dw_waiter *waiter = &waits->waiters[thread];
	const struct dw_wait *wait = &waiter->waits[part];

	if (!wait->address || (part == DW_WAIT_OWN && !is_for_ever(waiter)))
		return false;
	return waits->nodes[wait->node].stuck[(wait->how & DW_SHARED) != 0];
}

/* Return: whether somebody who waits for it may not be stuck any more. */
static bool judge_node(struct dw_waits *waits, struct dw_node *node)
{
	bool before[2] = {node->stuck[0], node->stuck[1]};

	node->stuck[0] = is_stuck(waits, node, false);
	node->stuck[1] = is_stuck(waits, node, true);
	return node->stuck[0] != before[0] || node->stuck[1] != before[1];
}

/* Who waits for what can be given is not stuck: then it is among the @n that are @released. */
static void judge_thread(struct dw_waits *waits, uint32_t thread, uint32_t *released, uint32_t *n)
{
	if (!waits->waiters[thread].stuck || dw_waits_is_stuck(waits, thread, DW_WAIT_OWN) ||
	    dw_waits_is_stuck(waits, thread, DW_WAIT_RETAKE))
		return;
	waits->waiters[thread].stuck = false;
	released[(*n)++] = thread;
}

static void link_waits(struct dw_waits *waits)
{
	for (uint32_t i = waits->n_threads * DW_WAIT_PARTS; i-- > DW_WAIT_PARTS;) {
		struct dw_wait *wait = &waits->waiters[i / DW_WAIT_PARTS].waits[i % DW_WAIT_PARTS];

		if (!wait->address)
			continue;
		wait->next = waits->nodes[wait->node].first_wait;
		waits->nodes[wait->node].first_wait = i;
	}
}

static void judge_waiters(struct dw_waits *waits, const struct dw_node *node, uint32_t *released,
			  uint32_t *n)
{
	for (uint32_t i = node->first_wait; i != DW_WAIT_NONE;
	     i = waits->waiters[i / DW_WAIT_PARTS].waits[i % DW_WAIT_PARTS].next)
		judge_thread(waits, i / DW_WAIT_PARTS, released, n);
}

/* At first all are stuck that could be; who is not releases others, until nobody is left. */
static int find_stuck(struct dw_waits *waits, struct dw_arena *arena)
{
	uint32_t *released = dw_arena_alloc(arena, waits->n_threads * sizeof(*released));
	uint32_t n = 0;

	if (!released)
		return dw_raise(-ENOMEM);
	link_waits(waits);
	for (uint32_t i = 0; i < waits->n_nodes; i++)
		judge_node(waits, &waits->nodes[i]);
	for (uint32_t t = 1; t < waits->n_threads; t++)
		judge_thread(waits, t, released, &n);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t g = waits->waiters[released[i]].gives; g != DW_WAIT_NONE;
		     g = waits->givers[g].next_of_thread) {
			struct dw_node *node = &waits->nodes[waits->givers[g].node];

			if (judge_node(waits, node))
				judge_waiters(waits, node, released, &n);
		}
	return 0;
}

int dw_waits_new(struct dw_waits **ret, const struct dw_now *now, struct dw_arena *arena)
{
	struct building b = {.facts = now->facts, .arena = arena};
	int r = 0;

	b.waits = dw_arena_alloc(arena, sizeof(*b.waits));
	if (!b.waits)
		return dw_raise(-ENOMEM);
	b.waits->now = now;
	b.waits->n_threads = now->facts->n_threads;
	b.waits->waiters =
	    dw_arena_alloc(arena, (size_t)b.waits->n_threads * sizeof(*b.waits->waiters));
	if (!b.waits->waiters)
		return dw_raise(-ENOMEM);
	for (uint32_t t = 0; r == 0 && t < b.waits->n_threads; t++)
		r = add_waiter(&b, t);
	find_things(&b);
	spread_things(b.waits);
	r = r < 0 ? r : add_holders(&b);
	r = r < 0 ? r : add_threads(&b);
	r = r < 0 ? r : add_posters(&b);
	if (r < 0)
		return dw_pass(r);
	find_writers(b.waits);
	r = find_stuck(b.waits, arena);
	if (r < 0)
		return dw_pass(r);
	*ret = b.waits;
	return 0;
}
