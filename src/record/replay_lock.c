/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks: their lives, how they are taken and let go, and what is wrong with that. */
#include "record/replay.h"

bool dw_replay_taking(struct dw_replay *replay, const struct dw_event *event, uint64_t address,
		      unsigned what, struct dw_taking *ret)
{
	/* At address 0 the tracker has the empty chain. */
	const struct dw_replay_lock *lock = address ? dw_replay_lock(replay, address, what) : NULL;

	if (!lock)
		return false;
	*ret = (struct dw_taking){
	    .thing = address,
	    .site = event->site,
	    .life = replay->things[lock->thing].life,
	    /* An event may say anything; what is taken is not just waited for. */
	    .how = event->how & (uint8_t)~DW_WAITS,
	    .what = (uint8_t)what,
	};
	return true;
}

/* The entry of @address with the thread that last took it, if it still holds it; or NULL. */
static const struct dw_held *held_by_last(struct dw_replay *replay,
					  const struct dw_replay_lock *lock, uint64_t address)
{
	struct dw_thread *thread = &replay->threads[lock->holder].thread;

	return lock->holder && thread->slot ? dw_thread_find(thread, address) : NULL;
}

/* Tells that @actor does something to @taking's thing while the one who last took it holds it. */
static void misuse_of_held(struct dw_replay_thread *actor, enum dw_misuse_kind kind,
			   const struct dw_taking *taking, const struct dw_replay_lock *lock)
{
	struct dw_replay *replay = actor->replay;
	const struct dw_held *held = held_by_last(replay, lock, taking->thing);

	if (held && lock->holder != actor->thread.number)
		replay->holder = lock->holder;
	dw_thread_misuse(&actor->thread, kind, taking, held ? held->chain : 0);
	replay->holder = 0;
}

/* A life that left no trace does not count: its thing is that of the next one. */
static void end_life(struct dw_replay *replay, struct dw_replay_lock *lock)
{
	struct dw_thing *thing = &replay->things[lock->thing];

	if (!lock->used) {
		thing->maker = 0;
		thing->birth = 0;
		return;
	}
	thing->flags |= DW_THING_ENDED;
	lock->thing = 0;
	lock->used = false;
}

void dw_replay_init(struct dw_replay_thread *actor, const struct dw_event *event)
{
	struct dw_replay *replay = actor->replay;
	struct dw_replay_lock *lock = dw_replay_lock(replay, event->object, event->what);

	if (!lock)
		return;
	end_life(replay, lock);
	lock = dw_replay_lock(replay, event->object, event->what);
	if (!lock)
		return;
	replay->things[lock->thing].maker = actor->thread.number;
	replay->things[lock->thing].birth = replay->stack;
}

static void on_destroy(struct dw_replay_thread *actor, struct dw_replay_lock *lock,
		       const struct dw_taking *taking)
{
	if (held_by_last(actor->replay, lock, taking->thing))
		misuse_of_held(actor, DW_MISUSE_DESTROY, taking, lock);
	end_life(actor->replay, lock);
}

/* A lock that may be taken again by its holder is not waited for then. */
static bool holds_reentrant(struct dw_thread *thread, const struct dw_taking *taking)
{
	const struct dw_held *held = dw_thread_find(thread, taking->thing);

	return (taking->how & DW_REENTRANT) && held &&
	       (held->how & DW_SHARED) == (taking->how & DW_SHARED);
}

static void on_want(struct dw_replay_thread *actor, const struct dw_taking *taking)
{
	if (holds_reentrant(&actor->thread, taking))
		return;
	actor->taking = *taking;
	dw_thread_want(&actor->thread, taking);
	actor->wants = true;
}

static void on_hold(struct dw_replay_thread *actor, struct dw_replay_lock *lock,
		    const struct dw_taking *taking)
{
	if ((taking->how & DW_REENTRANT) && dw_thread_rehold(&actor->thread, taking))
		return;
	if (!actor->wants || actor->taking.thing != taking->thing)
		on_want(actor, taking);
	dw_thread_hold(&actor->thread, &actor->taking);
	actor->wants = false;
	lock->holder = actor->thread.number;
}

static void on_drop(struct dw_replay_thread *actor, const struct dw_replay_lock *lock,
		    const struct dw_taking *taking)
{
	struct dw_replay *replay = actor->replay;

	if (dw_thread_drop(&actor->thread, taking->thing) || actor->thread.unsure)
		return;
	misuse_of_held(actor, DW_MISUSE_UNLOCK, taking, lock);
	if (held_by_last(replay, lock, taking->thing))
		dw_thread_drop(&replay->threads[lock->holder].thread, taking->thing);
}

void dw_replay_on_lock(struct dw_replay_thread *actor, const struct dw_event *event)
{
	struct dw_replay *replay = actor->replay;
	struct dw_replay_lock *lock;
	struct dw_taking taking;

	if (!dw_replay_taking(replay, event, event->object, event->what, &taking))
		return;
	lock = dw_replay_lock(replay, event->object, event->what);
	if (event->kind == DW_DESTROY)
		on_destroy(actor, lock, &taking);
	else if (event->kind == DW_WANT)
		on_want(actor, &taking);
	else if (event->kind == DW_HOLD)
		on_hold(actor, lock, &taking);
	else if (event->kind == DW_DROP)
		on_drop(actor, lock, &taking);
}
