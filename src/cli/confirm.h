/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Confirming: a cycle of needs that can happen is made to happen.
 *
 * The program is run again and again, with threads kept for a moment in each leg of the cycle,
 * between what they hold and what they need, until threads are in all of them (the idea of active
 * testing: Joshi, Park, Sen, Naik: A Randomized Dynamic Program Analysis Technique for Detecting
 * Real Deadlocks, PLDI 2009). If that closes the cycle, the monitor sees it.
 *
 * Single-threaded.
 */
#pragma once

#include "cli/tracing.h"
#include "gate/spots.h"

#include <stdbool.h>

/* The longest cycle that the shim can be asked for. */
#define DW_CONFIRM_LEGS_MAX 16

struct dw_confirm {
	const struct dw_tracing *tracing;
	char **argv; /* of the program; ends with NULL */
	uint64_t seed;
	unsigned delay_ms; /* for how long at most a thread is kept, each time */
	unsigned limit_s;  /* a run that takes longer is ended */
	uint32_t n_legs;
	struct dw_leg_spots legs[DW_CONFIRM_LEGS_MAX];
	bool reached[DW_CONFIRM_LEGS_MAX]; /* a thread was in that leg, in any of the runs so far */
};

enum dw_confirm_answer {
	DW_CONFIRM_OPEN = 0,    /* the cycle did not close */
	DW_CONFIRM_CLOSED = 1,  /* it did: that is a deadlock */
	DW_CONFIRM_OTHER = 2,   /* another deadlock came first */
	DW_CONFIRM_STOPPED = 3, /* the program could not be run, which was said; see @ret_exit */
};

/*
 * Run number @run, from 1. The same number and seed keep threads in the same way.
 *
 * Return: a dw_confirm_answer, with @ret_exit the exit code of DW_CONFIRM_STOPPED; or a negative
 * errno.
 */
int dw_confirm_run(struct dw_confirm *confirm, unsigned run, int *ret_exit);
