/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/replay.h"

#include "record/rows.h"

static struct dw_replay *replay_of(struct dw_thread *thread)
{
	return ((struct dw_replay_thread *)thread)->replay;
}

void *dw_replay_row(struct dw_replay *replay, void **rows, uint32_t *room, uint32_t *n, size_t size)
{
	void *grown = dw_rows_grown(replay->arena, *rows, room, *n, size);

	if (!grown) {
		replay->failed = true;
		return NULL;
	}
	*rows = grown;
	return (char *)grown + size * (*n)++;
}

struct dw_replay_lock *dw_replay_lock(struct dw_replay *replay, uint64_t address, unsigned kind)
{
	uint32_t number = dw_numbering_ensure(&replay->addresses, address);
	struct dw_replay_lock *lock;
	struct dw_thing *thing;

	if (number == 0)
		replay->failed = true;
	while (!replay->failed && replay->n_locks <= number)
		dw_replay_add(replay, locks, replay->n_locks);
	if (replay->failed)
		return NULL;
	lock = &replay->locks[number];
	/* What it is, it is used as: its init may not have said. */
	if (lock->thing && !lock->used && kind)
		replay->things[lock->thing].kind = (uint16_t)kind;
	if (lock->thing)
		return lock;
	thing = dw_replay_add(replay, things, replay->facts.n_things);
	if (!thing)
		return NULL;
	lock->thing = lock->last = replay->facts.n_things - 1;
	*thing = (struct dw_thing){
	    .address = address,
	    .place = DW_PLACE_OFFSET(address),
	    .life = ++lock->lives,
	    .kind = (uint16_t)(kind ? kind : DW_MUTEX),
	};
	return lock;
}

/* The thing of @taking, of which something is told now; 0: no memory. */
static uint32_t use_thing(struct dw_replay *replay, const struct dw_taking *taking)
{
	struct dw_replay_lock *lock = dw_replay_lock(replay, taking->thing, taking->what);

	if (!lock)
		return 0;
	lock->used = true;
	return lock->thing;
}

/*
 * The number of the thing that lives where that was whose wait @thread's activity began with, or
 * was the last to live there; 0: there was none, or no memory.
 */
static uint32_t woken_by(struct dw_replay_thread *thread)
{
	const struct dw_taking woken = {.thing = thread->thread.woken_by,
					.what = thread->woken_what};
	struct dw_replay *replay = thread->replay;
	uint32_t number;

	if (!woken.thing)
		return 0;
	number = dw_numbering_ensure(&replay->addresses, woken.thing);
	if (number && number < replay->n_locks && !replay->locks[number].thing &&
	    replay->locks[number].last)
		return replay->locks[number].last;
	return use_thing(replay, &woken);
}

/* Nothing to do: what a thread lets go of for another is replayed at once. */
static void revise(struct dw_thread *thread, struct dw_taking *taking)
{
	(void)taking;
	(void)thread;
}

static uint32_t add_run(struct dw_replay *replay, uint32_t segment)
{
	struct dw_run *run = dw_replay_add(replay, runs, replay->facts.n_runs);

	if (!run)
		return 0;
	*run = (struct dw_run){.from = segment, .to = segment};
	return replay->facts.n_runs - 1;
}

/* What remains was taken where its chain says; all else where the event happens. */
static uint32_t tell_chain(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
			   uint32_t remains)
{
	struct dw_replay *replay = replay_of(thread);
	uint32_t thing = remains ? replay->chains[remains].thing : use_thing(replay, taking);
	struct dw_chain *chain = dw_replay_add(replay, chains, replay->facts.n_chains);
	uint32_t n_tails = replay->facts.n_chains - 1, run = add_run(replay, thread->segment);
	uint32_t *tail = dw_replay_add(replay, tails, n_tails);
	uint32_t woken = woken_by((struct dw_replay_thread *)thread);

	if (!thing || !chain || !tail || !run || replay->failed)
		return DW_CHAIN_LOST;
	*tail = run;
	*chain = (struct dw_chain){
	    .below = below,
	    .thing = thing,
	    .thread = thread->number,
	    .stack = remains ? replay->chains[remains].stack : replay->stack,
	    .hint = remains ? replay->chains[remains].hint : replay->hint,
	    .run = run,
	    .depth = replay->chains[below].depth + 1,
	    .how = taking->how,
	    .origin = {.woken_by = woken},
	};
	return replay->facts.n_chains - 1;
}

static uint32_t tell_post(struct dw_thread *thread, const struct dw_taking *taking, uint32_t chain,
			  uint32_t said)
{
	struct dw_replay *replay = replay_of(thread);
	uint32_t thing = use_thing(replay, taking);
	struct dw_post *post = dw_replay_add(replay, posts, replay->facts.n_posts);

	if (!thing || !post)
		return 0;
	*post = (struct dw_post){
	    .thing = thing,
	    .thread = thread->number,
	    .chain = chain,
	    .said = said,
	    .stack = replay->stack,
	    .hint = replay->hint,
	};
	return thing;
}

static uint32_t ask(struct dw_thread *thread, uint32_t other)
{
	struct dw_replay *replay = replay_of(thread);
	struct dw_replay_thread *asked =
	    other < replay->facts.n_threads ? &replay->threads[other] : NULL;

	if (!asked || !asked->replay || asked->ended)
		return UINT32_MAX;
	dw_slot_ask(asked->thread.slot);
	return asked->thread.slot->n_idles;
}

static void tell_again(struct dw_thread *thread, uint32_t chain)
{
	struct dw_replay *replay = replay_of(thread);
	struct dw_run *last = &replay->runs[replay->tails[chain]];
	uint32_t run;

	if (last->to + 1 == thread->segment) {
		last->to = thread->segment;
		return;
	}
	run = add_run(replay, thread->segment);
	if (!run)
		return;
	replay->runs[replay->tails[chain]].next = run;
	replay->tails[chain] = run;
}

static void tell_misuse(struct dw_thread *thread, enum dw_misuse_kind kind,
			const struct dw_taking *taking, uint32_t chain)
{
	struct dw_replay *replay = replay_of(thread);
	uint32_t thing = use_thing(replay, taking);
	struct dw_misuse *misuse = dw_replay_add(replay, misuses, replay->facts.n_misuses);

	if (!thing || !misuse)
		return;
	*misuse = (struct dw_misuse){
	    .kind = kind,
	    .thread = thread->number,
	    .thing = thing,
	    .stack = replay->stack,
	    .hint = replay->hint,
	    .chain = chain,
	    .holder = replay->holder,
	};
}

/* Aligned as the tracker's tables want it, which is more than an arena gives. */
static void *get_memory(struct dw_thread *thread, size_t size)
{
	const uintptr_t alignment = _Alignof(struct dw_told_line);
	struct dw_replay *replay = replay_of(thread);
	void *memory = dw_arena_alloc(replay->arena, size + alignment);

	if (!memory) {
		replay->failed = true;
		return NULL;
	}
	return (void *)(((uintptr_t)memory + alignment - 1) / alignment * alignment);
}

static void give_memory_back(struct dw_thread *thread, void *memory, size_t size)
{
	(void)thread, (void)memory, (void)size; /* it is the arena's */
}

static struct dw_slot *get_slot(struct dw_thread *thread, uint32_t max)
{
	struct dw_replay *replay = replay_of(thread);
	struct dw_slot *slot = get_memory(thread, dw_slot_size(max));
	struct dw_told_slot *told;

	if (!slot)
		return NULL;
	told = dw_replay_add(replay, slots, replay->facts.n_slots);
	if (!told)
		return NULL;
	slot->max = max;
	slot->thread = thread->number;
	told->slot = slot;
	replay->told[thread->number].slot = replay->facts.n_slots - 1;
	return slot;
}

static void count_loss(struct dw_thread *thread, unsigned loss)
{
	replay_of(thread)->facts.losses[loss]++;
}

const struct dw_teller dw_replay_teller = {
    .revise = revise,
    .chain = tell_chain,
    .post = tell_post,
    .ask = ask,
    .again = tell_again,
    .misuse = tell_misuse,
    .memory = get_memory,
    .memory_free = give_memory_back,
    .slot = get_slot,
    .lost = count_loss,
};
