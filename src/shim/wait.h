/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for what is no lock: conditions, semaphores, barriers, futexes, threads' ends, and calls
 * that can block. A stand-in begins one, makes the program's call, and ends it, also when the
 * waiting thread is cancelled: shim_waited() is a cleanup.
 */
#pragma once

#include "base/cleanup.h"
#include "shim/note.h"

struct shim_wait {
	struct shim_thread *t; /* NULL: not tracked */
	struct dw_taking taking;
	struct dw_taking mutex; /* of a condition, to be had again afterwards */
	struct dw_waiting waiting;
	uint64_t since_ns; /* 0: it is not measured */
	bool retakes;
};

/* The time, or 0 where it must not be asked for. */
uint64_t shim_now_ns(void);

/* A wait that was told as @chain, and has lasted since @since_ns, is over. Neither may be known. */
void shim_measured(uint32_t chain, uint64_t since_ns);

/* About to wait for @thing. @how: DW_TIMED or 0. */
void shim_wait(struct shim_wait *wait, uint64_t thing, enum dw_thing_kind what, unsigned how,
	       uint64_t caller);

/* The same for a condition and its mutex. @how: that of taking the mutex, and DW_TIMED or 0. */
void shim_park(struct shim_wait *wait, const volatile void *condition, pthread_mutex_t *mutex,
	       unsigned how, uint64_t caller);

/* It is over, whatever its result. Keeps errno. */
void shim_waited(struct shim_wait *wait);

/* About to give @thing. */
void shim_post(const volatile void *thing, enum dw_thing_kind what, uint64_t caller);

/* @t is back from an idle point, where it had waited for @at; its thing may be 0. */
void shim_idle(struct shim_thread *t, const struct dw_taking *at);

/* It has asked in vain whether it may go on, and will ask again. */
void shim_polled(struct shim_thread *t);
