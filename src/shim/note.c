/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/note.h"

void shim_note_events(struct shim_note *note, enum dw_event_kind kind, int result)
{
	shim_event(note->t, kind, &note->taking, 0, result);
}

void shim_tried(const volatile void *lock, enum dw_thing_kind what, unsigned how, uint64_t caller,
		bool got, int r)
{
	struct shim_thread *t = shim_tracked(caller);
	struct shim_note note = {.t = t};

	if (!t)
		return;
	note.taking = shim_taking(t, lock, what, how | DW_TRY, caller);
	note.deeper = shim_deeper(t, lock, how);
	if (got && !note.deeper)
		dw_thread_want(&t->thread, &note.taking);
	shim_took(&note, got, r);
}

/*
 * A lock that is let go by a thread that was not seen taking it. If the lock says that
 * it is this thread's, we have missed the taking, which is nobody's mistake.
 */
static void not_held(struct shim_thread *t, const struct dw_taking *taking, uint32_t owner)
{
	if (t->thread.unsure || (owner && owner == t->tid))
		return;
	dw_thread_misuse(&t->thread, DW_MISUSE_UNLOCK, taking, 0);
	if (owner)
		shim_handed_over(taking->thing, owner);
}

void shim_drop(const volatile void *lock, enum dw_thing_kind what, uint32_t owner, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);
	struct dw_taking taking;

	if (!t)
		return;
	taking = shim_taking(t, lock, what, 0, caller);
	if (t->thread.open == SHIM_EVENTS)
		shim_event(t, DW_DROP, &taking, 0, 0);
	if (!dw_thread_drop(&t->thread, (uint64_t)lock))
		not_held(t, &taking, owner);
}

/* How the mutex is taken again, and whether the wait is for a limited time. */
static void note_parked(const struct shim_wait *wait, enum dw_event_kind kind)
{
	struct dw_taking taking = wait->condition;

	taking.how = (wait->mutex.how & ~DW_RETAKEN) | (wait->condition.how & DW_TIMED);
	shim_event(wait->t, kind, &taking, wait->mutex.thing, 0);
}

void shim_park(struct shim_wait *wait, const volatile void *condition, pthread_mutex_t *mutex,
	       unsigned how, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);

	wait->t = t;
	shim_qemu_refresh();
	if (!t)
		return;
	wait->condition = shim_taking(t, condition, DW_CONDITION, DW_WAITS, caller);
	wait->mutex = shim_taking(t, mutex, DW_MUTEX, how, caller);
	wait->parked = dw_thread_park(&t->thread, &wait->mutex, &wait->condition, &wait->waiting);
	if (shim_unlikely(t->thread.open == SHIM_EVENTS))
		note_parked(wait, DW_PARK);
}

/* The mutex is had again whatever the wait's result was, and before a cancelled thread unwinds. */
void shim_woken(struct shim_wait *wait)
{
	struct shim_thread *t = wait->t;

	if (!t)
		return;
	dw_thread_waited(&t->thread, &wait->waiting);
	shim_idle(t, &wait->condition);
	if (wait->parked)
		dw_thread_retake(&t->thread, &wait->mutex);
	if (shim_unlikely(t->thread.open == SHIM_EVENTS))
		note_parked(wait, DW_WAKE);
}

void shim_post(const volatile void *condition, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);
	struct dw_taking taking;

	shim_qemu_refresh();
	if (!t)
		return;
	taking = shim_taking(t, condition, DW_CONDITION, 0, caller);
	dw_thread_post(&t->thread, &taking);
	if (shim_unlikely(t->thread.open == SHIM_EVENTS))
		shim_event(t, DW_POST, &taking, 0, 0);
}
