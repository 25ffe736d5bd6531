/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/replay.h"

#include "base/arena.h"
#include "base/error.h"
#include "record/story_parts.h"

#include <errno.h>
#include <stdlib.h>

/* More than the chains of any recording that fits into a reader's memory. */
#define MEMORY_MAX ((size_t)2 << 30)

/* The first ancestor of @thread; each look halves the way that the next one has to go. */
static uint32_t first_ancestor(struct dw_replay_thread *threads, uint32_t thread)
{
	while (threads[thread].above) {
		uint32_t above = threads[thread].above;

		if (threads[above].above)
			threads[thread].above = threads[above].above;
		thread = above;
	}
	return thread;
}

/*
 * A thread is made only once, and no thread is its own ancestor. It may have made others
 * already: who makes a thread tells so when that may have been running for long.
 */
static void on_born(struct dw_replay_thread *actor, uint32_t child)
{
	struct dw_replay *replay = actor->replay;
	struct dw_told_thread *told = &replay->told[child];

	if (!told->parent && first_ancestor(replay->threads, actor->thread.number) != child) {
		told->parent = actor->thread.number;
		told->parent_run = actor->thread.segment;
		told->stack = replay->stack;
		replay->threads[child].above = actor->thread.number;
	}
	dw_thread_new_segment(&actor->thread);
}

static void on_join(struct dw_replay_thread *actor, uint32_t other)
{
	struct dw_replay *replay = actor->replay;
	struct dw_joined *joined;

	dw_thread_new_segment(&actor->thread);
	if (other == actor->thread.number)
		return;
	joined = dw_replay_add(replay, joins, replay->facts.n_joins);
	if (joined)
		*joined = (struct dw_joined){
		    .thread = actor->thread.number,
		    .segment = actor->thread.segment,
		    .other = other,
		};
}

static void on_exit_of(struct dw_replay_thread *actor, const struct dw_event *event)
{
	struct dw_replay *replay = actor->replay;
	const struct dw_slot *slot = actor->thread.slot;

	replay->told[actor->thread.number].flags |= DW_THREAD_EXITED;
	for (uint32_t i = 1; i <= slot->top && !replay->failed; i++) {
		const struct dw_held *held = &slot->held[i];
		struct dw_taking taking;

		if (!(held->how & DW_ROBUST) &&
		    dw_replay_taking(replay, event, held->thing, held->what, &taking))
			dw_thread_misuse(&actor->thread, DW_MISUSE_EXIT, &taking, held->chain);
	}
	dw_replay_end(actor, event);
}

static void play(struct dw_replay_thread *actor, const struct dw_event *event)
{
	switch ((enum dw_event_kind)event->kind) {
	case DW_INIT:
		dw_replay_init(actor, event);
		return;
	case DW_DESTROY:
	case DW_WANT:
	case DW_HOLD:
	case DW_DROP:
		dw_replay_on_lock(actor, event);
		return;
	case DW_FAIL:
		dw_thread_fail(&actor->thread);
		actor->wants = false;
		return;
	case DW_PARK:
		dw_replay_park(actor, event);
		return;
	case DW_WAKE:
		dw_replay_wake(actor, event);
		return;
	case DW_POST:
		dw_replay_post(actor, event);
		return;
	case DW_BORN:
		on_born(actor, (uint32_t)event->other);
		return;
	case DW_JOIN:
		on_join(actor, (uint32_t)event->other);
		return;
	case DW_EXIT:
		on_exit_of(actor, event);
		return;
	case DW_ENTER:
		dw_replay_enter(actor, event);
		return;
	case DW_LEAVE:
		dw_replay_leave(actor, event);
		return;
	case DW_KICK:
		dw_thread_kick(&actor->thread, (uint32_t)event->other);
		return;
	case DW_IDLE:
		dw_replay_idle(actor, event);
		return;
	}
}

/* Return: the thread that @event is of, begun; NULL: no memory. */
static struct dw_replay_thread *actor_of(struct dw_replay *replay, const struct dw_event *event)
{
	struct dw_replay_thread *actor = &replay->threads[event->thread];

	if (actor->replay)
		return actor;
	actor->replay = replay;
	actor->thread.number = event->thread;
	actor->thread.teller = &dw_replay_teller;
	actor->thread.unsure =
	    (replay->told[event->thread].flags & (DW_THREAD_FOREIGN | DW_THREAD_FORKED)) != 0;
	if (dw_thread_begin(&actor->thread) < 0)
		replay->failed = true;
	return replay->failed ? NULL : actor;
}

static int play_all(struct dw_replay *replay, const struct dw_event *events, size_t n_events,
		    const uint32_t *hint_of_stack)
{
	for (size_t i = 0; i < n_events && !replay->failed; i++) {
		struct dw_replay_thread *actor = actor_of(replay, &events[i]);

		if (!actor)
			break;
		replay->stack = events[i].stack;
		if (!hint_of_stack)
			replay->stack = events[i].site
					    ? dw_numbering_ensure(&replay->sites, events[i].site)
					    : 0;
		else if (replay->stack >= replay->facts.n_stacks)
			replay->stack = 0;
		replay->hint = hint_of_stack ? hint_of_stack[replay->stack] : 0;
		play(actor, &events[i]);
	}
	return replay->failed ? dw_raise(-ENOMEM) : 0;
}

/* Sites as stacks, where nothing else is known. The numbering is that of play_all(). */
static int make_stacks(struct dw_replay *replay, const struct dw_event *events, size_t n_events)
{
	struct dw_stack *stacks;
	dw_place *frames;
	uint32_t n;

	for (size_t i = 0; i < n_events; i++)
		if (events[i].site && !dw_numbering_ensure(&replay->sites, events[i].site))
			return dw_raise(-ENOMEM);
	n = replay->sites.n + 1;
	stacks = dw_arena_alloc(replay->arena, n * sizeof(*stacks));
	frames = dw_arena_alloc(replay->arena, n * sizeof(*frames));
	if (!stacks || !frames)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; i < n_events; i++)
		if (events[i].site)
			frames[dw_numbering_ensure(&replay->sites, events[i].site)] =
			    DW_PLACE_OFFSET(events[i].site);
	for (uint32_t i = 1; i < n; i++)
		stacks[i] = (struct dw_stack){.frames = &frames[i], .n_frames = 1};
	replay->facts.stacks = stacks;
	replay->facts.n_stacks = n;
	return 0;
}

/* Threads as far as @known tells of them; who made them is told by the events. */
static int make_threads(struct dw_replay *replay, uint32_t top, const struct dw_facts *known)
{
	replay->threads =
	    dw_arena_alloc(replay->arena, ((size_t)top + 1) * sizeof(*replay->threads));
	replay->told = dw_arena_alloc(replay->arena, ((size_t)top + 1) * sizeof(*replay->told));
	replay->facts.n_threads = top + 1;
	if (!replay->threads || !replay->told)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; known && i < known->n_threads; i++) {
		replay->told[i] = known->threads[i];
		replay->told[i].parent = 0;
		replay->told[i].parent_run = 0;
		replay->told[i].stack = 0;
		replay->told[i].slot = 0;
	}
	return 0;
}

static uint32_t highest_thread(const struct dw_event *events, size_t n_events,
			       const struct dw_facts *known)
{
	uint32_t top = known && known->n_threads ? known->n_threads - 1 : 0;

	for (size_t i = 0; i < n_events; i++) {
		uint32_t other = dw_other_thread(&events[i]);

		if (events[i].thread > top)
			top = events[i].thread;
		if (other > top)
			top = other;
	}
	return top;
}

static int by_life(const void *a, const void *b)
{
	const struct dw_thing *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	return (left->life > right->life) - (left->life < right->life);
}

/* Events do not say what things are called. */
static int name_things(struct dw_replay *replay, const struct dw_facts *known)
{
	uint32_t n_known = known ? known->n_things : 0, n = 0;
	struct dw_thing *named = dw_arena_alloc(replay->arena, (n_known + 1) * sizeof(*named));

	if (!named)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n_known; i++)
		if (known->things[i].name)
			named[n++] = known->things[i];
	if (n == 0)
		return 0;
	qsort(named, n, sizeof(*named), by_life);
	for (uint32_t i = 1; i < replay->facts.n_things; i++) {
		struct dw_thing *thing = &replay->things[i];
		const struct dw_thing *same = bsearch(thing, named, n, sizeof(*named), by_life);

		thing->name = same ? same->name : NULL;
	}
	return 0;
}

static void give_facts(struct dw_replay *replay)
{
	struct dw_facts *facts = &replay->facts;

	facts->threads = replay->told;
	facts->things = replay->things;
	facts->chains = replay->chains;
	facts->runs = replay->runs;
	facts->joins = replay->joins;
	facts->misuses = replay->misuses;
	facts->posts = replay->posts;
	facts->slots = replay->slots;
}

/* What is not replayed is shared with @known; of the rest there is the "none" at index 0. */
static int start(struct dw_replay *replay, const struct dw_facts *known)
{
	static const struct dw_module no_module;
	static const struct dw_hint no_hint;
	struct dw_facts *facts = &replay->facts;
	uint32_t n_tails = 0;

	facts->program = "story";
	facts->modules = &no_module;
	facts->hints = &no_hint;
	facts->n_modules = facts->n_hints = 1;
	if (known) {
		facts->program = known->program;
		facts->pid = known->pid;
		facts->modules = known->modules ? known->modules : &no_module;
		facts->n_modules = known->modules ? known->n_modules : 1;
		facts->hints = known->hints;
		facts->n_hints = known->n_hints;
		facts->stacks = known->stacks;
		facts->n_stacks = known->n_stacks;
	}
	dw_replay_add(replay, locks, replay->n_locks);
	dw_replay_add(replay, things, facts->n_things);
	dw_replay_add(replay, chains, facts->n_chains);
	dw_replay_add(replay, tails, n_tails);
	dw_replay_add(replay, runs, facts->n_runs);
	dw_replay_add(replay, joins, facts->n_joins);
	dw_replay_add(replay, misuses, facts->n_misuses);
	dw_replay_add(replay, posts, facts->n_posts);
	dw_replay_add(replay, slots, facts->n_slots);
	return replay->failed ? dw_raise(-ENOMEM) : 0;
}

static int replay_new(struct dw_replay **ret)
{
	struct dw_arena *arena;
	struct dw_replay *replay = dw_arena_new_owner(&arena, MEMORY_MAX, sizeof(*replay));

	if (!replay)
		return dw_raise(-ENOMEM);
	replay->arena = arena;
	*ret = replay;
	return 0;
}

int dw_replay_new_with(struct dw_replay **ret, const struct dw_event *events, size_t n_events,
		       const struct dw_facts *known, const uint32_t *hint_of_stack)
{
	dw_auto(replay) replay = NULL;
	uint32_t top = highest_thread(events, n_events, known);
	int r = replay_new(&replay);

	if (r == 0)
		r = start(replay, known);
	if (r == 0)
		r = make_threads(replay, top, known);
	if (r == 0 && !known)
		r = make_stacks(replay, events, n_events);
	if (r == 0)
		r = play_all(replay, events, n_events, hint_of_stack);
	if (r == 0)
		r = name_things(replay, known);
	if (r < 0)
		return dw_pass(r);
	give_facts(replay);
	*ret = dw_take(replay);
	return 0;
}

int dw_replay_new(struct dw_replay **ret, const struct dw_event *events, size_t n_events,
		  const struct dw_facts *known)
{
	uint32_t *hint_of_stack = known ? dw_hints_of_stacks(known) : NULL;
	int r = known && !hint_of_stack ? -ENOMEM : 0;

	if (r == 0)
		r = dw_replay_new_with(ret, events, n_events, known, hint_of_stack);
	free(hint_of_stack);
	return r < 0 ? dw_pass(r) : 0;
}

struct dw_replay *dw_replay_free(struct dw_replay *replay)
{
	if (!replay)
		return NULL;
	dw_numbering_done(&replay->addresses);
	dw_numbering_done(&replay->sites);
	dw_arena_free(replay->arena);
	return NULL;
}

const struct dw_facts *dw_replay_facts(const struct dw_replay *replay)
{
	return &replay->facts;
}
