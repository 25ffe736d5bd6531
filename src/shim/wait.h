/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for what is no lock: conditions, semaphores, barriers, futexes, threads' ends, and calls
 * that can block. A stand-in begins one, makes the program's call, and ends it, also when the
 * waiting thread is cancelled: shim_waited() is a cleanup.
 */
#pragma once

#include "base/cleanup.h"
#include "shim/calls.h"
#include "shim/note.h"

struct shim_wait {
	struct shim_thread *t; /* NULL: not tracked */
	struct dw_taking taking;
	struct dw_taking mutex; /* of a condition, to be had again afterwards */
	struct dw_waiting waiting;
	uint64_t outer_at; /* what shim_thread::waiting_at was before */
	uint64_t since_ns; /* 0: it is not measured */
	uint32_t n_stops;  /* of the process, when it began */
	unsigned flags;    /* enum shim_call_flag */
	bool retakes;
};

/* About to wait for @thing. @how: DW_TIMED or 0. */
void shim_wait(struct shim_wait *wait, uint64_t thing, enum dw_thing_kind what, unsigned how,
	       uint64_t caller);

/* The same for a condition and its mutex. @how: that of taking the mutex, and DW_TIMED or 0. */
void shim_park(struct shim_wait *wait, const volatile void *condition, pthread_mutex_t *mutex,
	       unsigned how, uint64_t caller);

/* It is over, whatever its result. Keeps errno. */
void shim_waited(struct shim_wait *wait);

/* Whether @wait is one that the program has announced: it lies on no stack. */
bool shim_is_within(const struct shim_thread *t, const struct shim_wait *wait);

/* About to give @thing. */
void shim_post(const volatile void *thing, enum dw_thing_kind what, uint64_t caller);

/* The number of the call that DW_CALLS has as @name; known to the compiler. */
static inline __attribute__((always_inline)) uint32_t shim_call_number(const char *name)
{
#define X(number, text)                    \
	if (!__builtin_strcmp(name, text)) \
		return number;
	DW_CALLS(X)
#undef X
	return 0;
}

/* Whether a call that can block has to be told. @flags: enum shim_call_flag. */
static inline bool shim_must_tell(const struct shim_thread *t, unsigned flags)
{
	if (!t->thread.open)
		return false;
	return flags & SHIM_SLEEPS ? dw_thread_has_to_wait(&t->thread) : t->thread.slot->top != 0;
}

/*
 * This thread is about to make a system call, after which the same is to be said of it. What runs
 * in between are signal handlers, and in a child that one of them forks, @t is nobody.
 */
static inline uint32_t shim_calling(struct shim_thread *t)
{
	uint32_t open = t->thread.open;

	if (open)
		t->thread.open = open | SHIM_CALLING;
	return open;
}

static inline void shim_called(struct shim_thread *t, uint32_t open)
{
	if (t == shim_self && t->thread.open)
		t->thread.open = open;
}

/* This thread, of which that is so, is about to make the call. @how: or SHIM_AT_ONCE. */
void shim_enter(struct shim_wait *wait, uint32_t number, unsigned how, unsigned flags,
		uint64_t caller);

/* It has returned, or the thread is cancelled in it. Keeps errno. */
void shim_left(struct shim_wait *wait);

/*
 * @t is back from a call that is an idle point; @from_guest: from running a guest. Keeps errno.
 */
void shim_back(struct shim_thread *t, uint64_t caller, bool from_guest);
