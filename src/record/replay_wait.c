/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits for what is no lock, and what an activity begins with and gives. */
#include "record/replay.h"

#include "base/arena.h"
#include "record/story_parts.h"

/* Room for a wait of @actor. A wait that was never ended makes way. NULL: no memory. */
static struct dw_replay_wait *wait_new(struct dw_replay_thread *actor)
{
	if (!actor->waits)
		actor->waits = dw_arena_alloc(actor->replay->arena,
					      DW_REPLAY_WAITS_MAX * sizeof(*actor->waits));
	if (!actor->waits) {
		actor->replay->failed = true;
		return NULL;
	}
	if (actor->n_waits == DW_REPLAY_WAITS_MAX) {
		actor->n_waits--;
		for (uint32_t i = 0; i < actor->n_waits; i++)
			actor->waits[i] = actor->waits[i + 1];
	}
	return &actor->waits[actor->n_waits++];
}

/* The wait for what @event is about begins; NULL: there is none. */
static struct dw_replay_wait *begin_wait(struct dw_replay_thread *actor,
					 const struct dw_event *event, unsigned what)
{
	struct dw_replay_wait *wait;
	struct dw_taking taking;

	if (!dw_replay_taking(actor->replay, event, event->object, what, &taking))
		return NULL;
	wait = wait_new(actor);
	if (!wait)
		return NULL;
	taking.how = DW_WAITS | (event->how & DW_TIMED);
	*wait = (struct dw_replay_wait){.taking = taking, .began_ns = event->time_ns};
	return wait;
}

static void measure(struct dw_replay *replay, const struct dw_replay_wait *wait, uint64_t now_ns)
{
	struct dw_chain *chain = &replay->chains[wait->waiting.chain];
	uint64_t took_ns = now_ns > wait->began_ns ? now_ns - wait->began_ns : 0;

	if (!wait->waiting.chain)
		return;
	chain->n_waits++;
	chain->waited_ns += took_ns;
	if (took_ns > chain->longest_ns)
		chain->longest_ns = took_ns;
}

/* The wait that @event ends, and those within it that were left otherwise; NULL: there is none. */
static const struct dw_replay_wait *end_wait(struct dw_replay_thread *actor,
					     const struct dw_event *event)
{
	uint32_t i = actor->n_waits;

	while (i > 0 && actor->waits[i - 1].taking.thing != event->object)
		i--;
	if (i == 0)
		return NULL;
	actor->n_waits = i - 1;
	dw_thread_waited(&actor->thread, &actor->waits[i - 1].waiting);
	measure(actor->replay, &actor->waits[i - 1], event->time_ns);
	return &actor->waits[i - 1];
}

static void idle(struct dw_replay_thread *actor, const struct dw_taking *at)
{
	dw_thread_idle(&actor->thread, at);
	actor->woken_what = at->what;
}

void dw_replay_park(struct dw_replay_thread *actor, const struct dw_event *event)
{
	struct dw_replay_wait *wait =
	    begin_wait(actor, event, event->what ? event->what : DW_CONDITION);

	if (!wait)
		return;
	if (!dw_replay_taking(actor->replay, event, event->other, DW_MUTEX, &wait->mutex)) {
		dw_thread_wait(&actor->thread, &wait->taking, /* sleeps= */ false, &wait->waiting);
		return;
	}
	wait->mutex.how = event->how & (DW_REENTRANT | DW_ROBUST);
	actor->wants = false;
	if (!dw_thread_park(&actor->thread, &wait->mutex, &wait->taking, &wait->waiting))
		wait->mutex.thing = 0;
}

void dw_replay_wake(struct dw_replay_thread *actor, const struct dw_event *event)
{
	const struct dw_replay_wait *wait = end_wait(actor, event);
	struct dw_replay_lock *lock;

	if (!wait)
		return;
	if (dw_is_idle_point(wait->taking.what))
		idle(actor, &wait->taking);
	if (!wait->mutex.thing)
		return;
	dw_thread_retake(&actor->thread, &wait->mutex);
	lock = dw_replay_lock(actor->replay, wait->mutex.thing, DW_MUTEX);
	if (lock)
		lock->holder = actor->thread.number;
}

void dw_replay_enter(struct dw_replay_thread *actor, const struct dw_event *event)
{
	bool sleeps = event->other != 0;
	bool tells = sleeps ? dw_thread_has_to_wait(&actor->thread) : actor->thread.slot->top != 0;
	struct dw_replay_wait *wait = tells ? begin_wait(actor, event, DW_CALL) : NULL;

	if (wait)
		dw_thread_wait(&actor->thread, &wait->taking, sleeps, &wait->waiting);
}

void dw_replay_leave(struct dw_replay_thread *actor, const struct dw_event *event)
{
	end_wait(actor, event);
}

void dw_replay_idle(struct dw_replay_thread *actor, const struct dw_event *event)
{
	struct dw_taking at = {.site = event->site};

	if (event->object &&
	    !dw_replay_taking(actor->replay, event, event->object, event->what, &at))
		return;
	if (event->other) {
		dw_slot_ask(actor->thread.slot);
		actor->replay->told[actor->thread.number].flags |= DW_THREAD_VCPU;
	}
	idle(actor, &at);
}

void dw_replay_post(struct dw_replay_thread *actor, const struct dw_event *event)
{
	unsigned what = event->what ? event->what : DW_CONDITION;
	struct dw_taking taking;

	if (dw_replay_taking(actor->replay, event, event->object, what, &taking))
		dw_thread_post(&actor->thread, &taking);
}

void dw_replay_end(struct dw_replay_thread *actor, const struct dw_event *event)
{
	uint64_t ending = dw_thing_address(DW_ENDING, actor->thread.number);
	struct dw_taking taking;

	if (dw_replay_taking(actor->replay, event, ending, DW_ENDING, &taking))
		dw_thread_post(&actor->thread, &taking);
	actor->ended = true;
}
