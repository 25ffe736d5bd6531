/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the stand-ins say. A stand-in is an adapter: it says what is about to happen,
 * makes the program's call, and says what came of it; the result of the real call decides.
 * Whether any of it is news, the tracker knows.
 */
#pragma once

#include "shim/shim.h"

#include <errno.h>

/* A function that the program finds before the C library's. */
#define SHIM __attribute__((visibility("default"), noinline))

#define SHIM_CALLER ((uint64_t)__builtin_return_address(0))

/* A lock call under way. */
struct shim_note {
	struct shim_thread *t;
	struct dw_taking taking;
	uint64_t
	    since_ns; /* the lock was found taken; 0: it was not, or nobody must ask for time */
	bool deeper;  /* the lock is held already, and may be taken again */
};

/* The slow parts of the functions below. */
void shim_note_handler(struct shim_thread *t, struct dw_taking *taking);
void shim_note_waited(const struct shim_note *note, bool got);
void shim_note_delay(struct shim_thread *t, uint64_t caller);
void shim_note_events(struct shim_note *note, enum dw_event_kind kind, int result);

/* An event without a lock, where events are wanted. */
static inline void shim_note_plain(struct shim_thread *t, enum dw_event_kind kind, uint64_t object,
				   uint64_t other)
{
	if (shim_unlikely(t->thread.open & SHIM_EVENTS))
		shim_event(t, kind, &(struct dw_taking){.thing = object}, other, 0);
}

static inline __attribute__((always_inline)) struct dw_taking
shim_taking(struct shim_thread *t, const volatile void *lock, enum dw_thing_kind what, unsigned how,
	    uint64_t caller)
{
	return (struct dw_taking){
	    .thing = (uint64_t)lock,
	    .site = t->hint_site ? t->hint_site : caller,
	    .caller = caller,
	    .life = __atomic_load_n(shim_life((uint64_t)lock), __ATOMIC_RELAXED),
	    .how = (uint8_t)how,
	    .what = (uint8_t)what,
	};
}

/* The lock is held already, in the same mode, and may be taken again. */
static inline bool shim_deeper(struct shim_thread *t, const volatile void *lock, unsigned how)
{
	const struct dw_held *held =
	    how & DW_REENTRANT ? dw_thread_find(&t->thread, (uint64_t)lock) : NULL;

	return held && !((held->how ^ how) & DW_SHARED);
}

/*
 * The thread is about to take @lock, which it has found @taken, so that it waits for it. Return:
 * whether that is tracked.
 */
static inline __attribute__((always_inline)) bool shim_want(struct shim_note *note,
							    const volatile void *lock,
							    enum dw_thing_kind what, unsigned how,
							    bool taken, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);

	if (shim_unlikely(!t))
		return false;
	note->t = t;
	note->taking = shim_taking(t, lock, what, how, caller);
	if (shim_unlikely(t->thread.open & SHIM_CALLING))
		shim_note_handler(t, &note->taking);
	note->deeper = shim_deeper(t, lock, how);
	if (shim_likely(!note->deeper))
		dw_thread_want(&t->thread, &note->taking);
	if (shim_unlikely(t->thread.open & SHIM_DELAYS) && !note->deeper)
		shim_note_delay(t, caller);
	note->since_ns = shim_unlikely(taken && !note->deeper) ? shim_now_ns() : 0;
	if (shim_unlikely(t->thread.open & SHIM_EVENTS)) {
		struct shim_note copy = *note;

		shim_note_events(&copy, DW_WANT, 0);
	}
	return true;
}

/* The real call has given @r; @got says whether that means that the lock is had. */
static inline __attribute__((always_inline)) void shim_took(struct shim_note *note, bool got, int r)
{
	struct shim_thread *t = note->t;

	if (shim_likely(got && !note->deeper))
		dw_thread_hold(&t->thread, &note->taking);
	else if (got)
		dw_thread_find(&t->thread, note->taking.thing)->deeper++;
	else
		dw_thread_fail(&t->thread);
	if (shim_unlikely(note->since_ns)) {
		struct shim_note copy = *note;

		shim_note_waited(&copy, got);
	}
	if (shim_unlikely(t->thread.open & SHIM_EVENTS)) {
		struct shim_note copy = *note;

		shim_note_events(&copy, got ? DW_HOLD : DW_FAIL, r);
	}
	if (shim_unlikely(t->thread.open & SHIM_DELAYS) && got && !note->deeper)
		shim_delay_holder(t, note->taking.caller);
}

/* EOWNERDEAD is success too: the lock is ours, its last owner died. */
static inline bool shim_got(int r)
{
	return r == 0 || r == EOWNERDEAD;
}

/* The thread has tried to take @lock without waiting: only if it had success, it is told. */
void shim_tried(const volatile void *lock, enum dw_thing_kind what, unsigned how, uint64_t caller,
		bool got, int r);

/* How a mutex is taken, as far as the mutex itself says. */
static inline unsigned shim_mutex_how(const pthread_mutex_t *mutex)
{
	int kind = mutex->__data.__kind;

	/* The two low bits are the type, 16 is robust: glibc's own, unchanged since 2.4. */
	return (unsigned)((kind & 3) == PTHREAD_MUTEX_RECURSIVE ? DW_REENTRANT : 0) |
	       (unsigned)(kind & 16 ? DW_ROBUST : 0);
}

/*
 * The thread is about to let go of @lock. @owner: the kernel's number of the thread that
 * holds it, as far as the lock itself tells; 0 if it does not.
 */
void shim_drop(const volatile void *lock, enum dw_thing_kind what, uint32_t owner, uint64_t caller);
