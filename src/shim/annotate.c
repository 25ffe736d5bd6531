/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs say themselves: the functions of deadwatch/annotate.h. Each is noted as the
 * stand-in for a call of the C library would note the same.
 */
#include "shim/interpose.h"
#include "shim/text.h"
#include "shim/wait.h"

#include <deadwatch/annotate.h>

/* What a thread may be in at once, of calls and waits that it has announced. */
#define WITHIN_MAX 8

/* Calls and waits of a thread that it has announced the begin of, and not yet the end. */
struct shim_within {
	uint32_t n;
	struct shim_wait waits[WITHIN_MAX];
};

static struct shim_wait *enter(struct shim_thread *t)
{
	if (!t->within)
		t->within = shim_pool_get(sizeof(*t->within));
	if (!t->within || t->within->n == WITHIN_MAX)
		return NULL;
	return &t->within->waits[t->within->n++];
}

/* The end of the innermost one of @thing, and of all within that: they were left by a jump. */
static void leave(struct shim_thread *t, uint64_t thing, void (*end)(struct shim_wait *wait))
{
	uint32_t from = t->within ? t->within->n : 0;

	while (from > 0 && t->within->waits[from - 1].taking.thing != thing)
		from--;
	while (from > 0 && t->within->n >= from)
		end(&t->within->waits[--t->within->n]);
}

bool shim_is_within(const struct shim_thread *t, const struct shim_wait *wait)
{
	return t->within && wait >= t->within->waits && wait < t->within->waits + WITHIN_MAX;
}

void shim_within_free(struct shim_thread *t)
{
	if (t->within)
		shim_pool_put(t->within, sizeof(*t->within));
	t->within = NULL;
}

SHIM void deadwatch_name_lock(const volatile void *lock, const char *name)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	int error = errno;
	uint32_t open, thing;

	if (!t)
		return;
	open = t->thread.open;
	t->thread.open = 0;
	thing = shim_thing_to_name(t, (uint64_t)lock, SHIM_CALLER);
	if (thing)
		shim_name_thing(t, thing, name);
	t->thread.open = open;
	errno = error;
}

SHIM void deadwatch_call_begin(const char *name)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	uint32_t number = t && shim_must_tell(t, 0) ? shim_text(name) : SHIM_TEXTS;
	struct shim_wait *wait = number < SHIM_TEXTS ? enter(t) : NULL;

	if (!wait)
		return;
	shim_enter(wait, DW_CALL_NAMED + number, 0, 0, SHIM_CALLER);
	shim_text_tell(t, number);
}

SHIM void deadwatch_call_end(const char *name)
{
	struct shim_thread *t = shim_self;
	uint32_t number = t->within && t->within->n ? shim_text_find(name) : SHIM_TEXTS;

	if (number < SHIM_TEXTS)
		leave(t, shim_text_thing(number), shim_left);
}

SHIM void deadwatch_idle(void)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);

	if (t)
		shim_back(t, SHIM_CALLER, /* from_guest= */ false);
}

SHIM void deadwatch_kick(unsigned long thread)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	uint32_t number = t ? (uint32_t)shim_roll_find_handle(thread) : 0;
	int error = errno;

	if (!number || number == t->thread.number)
		return;
	dw_thread_kick(&t->thread, number);
	shim_note_plain(t, DW_KICK, 0, number);
	errno = error;
}

static unsigned how_of(int shared)
{
	return shared ? DW_SHARED : 0;
}

/*
 * Its kind is that of pthread's spinlocks: nobody looks into them to find out who has them. The
 * entry is readied here, and counts from the next function on.
 */
SHIM void deadwatch_lock_want(const volatile void *lock, int shared)
{
	struct shim_note note;

	shim_want(&note, lock, DW_SPINLOCK, how_of(shared), /* taken= */ false, SHIM_CALLER);
}

static bool is_wanted(const struct shim_thread *t, const volatile void *lock)
{
	return t->thread.slot->wants == (uint64_t)lock;
}

SHIM void deadwatch_lock_hold(const volatile void *lock, int shared)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	struct shim_note note = {.t = t};

	if (!t)
		return;
	if (!is_wanted(t, lock)) {
		shim_tried(lock, DW_SPINLOCK, how_of(shared), SHIM_CALLER, true, 0);
		return;
	}
	note.taking = shim_taking(t, lock, DW_SPINLOCK, how_of(shared), SHIM_CALLER);
	shim_took(&note, true, 0);
}

SHIM void deadwatch_lock_fail(const volatile void *lock, int shared)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	struct shim_note note = {.t = t};

	if (!t || !is_wanted(t, lock))
		return;
	note.taking = shim_taking(t, lock, DW_SPINLOCK, how_of(shared), SHIM_CALLER);
	shim_took(&note, false, EBUSY);
}

SHIM void deadwatch_lock_drop(const volatile void *lock, int shared)
{
	(void)shared;
	shim_drop(lock, DW_SPINLOCK, 0, SHIM_CALLER);
}

SHIM void deadwatch_wait_begin(const volatile void *thing)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	struct shim_wait *wait = t ? enter(t) : NULL;

	if (wait)
		shim_wait(wait, (uint64_t)thing, DW_CONDITION, 0, SHIM_CALLER);
}

SHIM void deadwatch_wait_end(const volatile void *thing)
{
	leave(shim_self, (uint64_t)thing, shim_waited);
}

SHIM void deadwatch_post(const volatile void *thing)
{
	shim_post(thing, DW_CONDITION, SHIM_CALLER);
}

SHIM void deadwatch_beat(const char *name)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	uint32_t number = t ? shim_text(name) : SHIM_TEXTS;
	int error = errno;

	if (number < SHIM_TEXTS)
		shim_text_beat(t, number);
	errno = error;
}
