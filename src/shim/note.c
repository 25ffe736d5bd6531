/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/note.h"

static void mark_handler(struct shim_thread *t, struct dw_taking *taking)
{
	SHIM_OWN_WORK(t);

	shim_mark_handler(t, taking);
}

/* Who is in no handler has left its call by a jump. */
void shim_note_handler(struct shim_thread *t, struct dw_taking *taking)
{
	mark_handler(t, taking);
	if (!(taking->site & SHIM_IN_HANDLER))
		t->thread.open &= ~(uint32_t)SHIM_CALLING;
}

void shim_note_events(struct shim_note *note, enum dw_event_kind kind, int result)
{
	shim_event(note->t, kind, &note->taking, 0, result);
}

/* Who is kept wants nothing yet. */
void shim_note_delay(struct shim_thread *t, uint64_t caller)
{
	struct dw_slot *slot = t->thread.slot;
	uint64_t wants = slot->wants;

	slot->wants = 0;
	shim_delay(t, caller, slot->held[slot->top + 1].chain);
	slot->wants = wants;
}

/* Of a lock that was not had, the entry is still the readied one, unless a handler took others. */
void shim_note_waited(const struct shim_note *note, bool got)
{
	const struct dw_slot *slot = note->t->thread.slot;
	const struct dw_held *held =
	    got ? dw_thread_find(&note->t->thread, note->taking.thing) : &slot->held[slot->top + 1];

	if (held && held->thing == note->taking.thing)
		shim_measured(held->chain, note->since_ns);
	if (!got)
		shim_polled(note->t);
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
	if (!got)
		shim_polled(t);
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
	if (t->thread.open & SHIM_EVENTS)
		shim_event(t, DW_DROP, &taking, 0, 0);
	if (!dw_thread_drop(&t->thread, (uint64_t)lock))
		not_held(t, &taking, owner);
}
