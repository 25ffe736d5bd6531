/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delays, where `deadwatch confirm` asks for them: a thread that is in a leg of a cycle, between
 * what it holds and what it needs, is kept there until threads are in all its legs, for a short
 * time at most. Where the handler of a signal needs what its own thread holds, the thread is kept
 * when it has just taken that, and signals come meanwhile. A thread that is kept in a leg keeps
 * others from what it holds, which they may need to come to theirs: so the thread of one leg can be
 * kept before it takes that, too. Nowhere else does the shim hold up anybody.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct shim_thread;

/* Longer cycles are not brought about. */
#define SHIM_DELAYS_MAX 16

/* A leg; see spot.h of the model. */
struct shim_delay {
	uint64_t holds; /* where what is held was taken; 0: wherever */
	uint64_t needs; /* where the next thing is about to be taken or waited for; 0: in a
			 * handler of a signal */
	uint32_t skips; /* so many times it is passed by */
	uint32_t here;  /* threads that are kept there now */
	uint32_t n;     /* times that a thread came there */
};

struct shim_delays {
	uint32_t n; /* 0: none is asked for */
	uint32_t limit_ms;
	uint32_t last; /* the leg, from 1, that is entered when threads are in all others; 0: any */
	uint32_t n_last; /* times that a thread was kept out of it */
	uint32_t met;    /* how often threads were in all legs */
	uint64_t met_ns; /* CLOCK_MONOTONIC of the last time */
	struct shim_delay legs[SHIM_DELAYS_MAX];
};

/* Reads MS/LAST+HOLDS/NEEDS/SKIPS+..., all hexadecimal but MS and LAST; what is not understood asks
 * for none. */
void shim_delays_read(struct shim_delays *delays, const char *text, size_t n);

/*
 * The thread is about to wait, or to take a lock, by a call that returns to @caller. @chain: how
 * that was told when it was first done, maybe by way of another caller; 0: it was not.
 */
void shim_delay(struct shim_thread *t, uint64_t caller, uint32_t chain);

/* The thread has taken a lock, by a call that will return to @caller. */
void shim_delay_holder(struct shim_thread *t, uint64_t caller);
