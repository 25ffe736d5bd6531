/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The legs of a finding as spots: where in the program each of them is, whatever the run.
 *
 * Pure; single-threaded.
 */
#pragma once

#include "analysis/finding.h"

#include <stdbool.h>

/* See spot.h of the model. */
struct dw_leg_spots {
	uint64_t holds;  /* where what the leg holds was taken; 0: it gives a thing */
	uint64_t needs;  /* where it takes or waits for what it needs */
	uint64_t lock;   /* what it needs, if that is a lock and a variable; else 0 */
	uint32_t leg;    /* which one of the finding's */
	uint32_t signal; /* it does so in the handler of this signal; 0: in none */
};

/*
 * The legs that a thread can be seen in. A thread that waits for what it would have to give itself
 * is in one leg, and never gets to the other. @ret has room for all of the finding's legs.
 *
 * Return: how many.
 */
uint32_t dw_spots_of_finding(const struct dw_facts *facts, const struct dw_finding *finding,
			     struct dw_leg_spots *ret);

/*
 * Whether some thread was in that leg: it had what is held, and took or waited for the rest. In a
 * handler that would be the deadlock itself: then, whether both were done at all.
 */
bool dw_spots_reached(const struct dw_facts *facts, const struct dw_leg_spots *leg);

/*
 * Whether in @found threads are stuck in just these legs. It may be told as a stall: who gives a
 * thing is known only where somebody was seen to, and in this run it may not have come to that.
 */
bool dw_spots_closed(const struct dw_facts *facts, const struct dw_found *found,
		     const struct dw_leg_spots *legs, uint32_t n);
