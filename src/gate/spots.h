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
	uint64_t holds; /* where what the leg holds was taken; 0: it gives a thing */
	uint64_t needs; /* where it takes or waits for what it needs; 0: not known */
};

/* @ret has room for all legs. */
void dw_spots_of_finding(const struct dw_facts *facts, const struct dw_finding *finding,
			 struct dw_leg_spots *ret);

/* Whether some thread was in that leg: it had what is held, and took or waited for the rest. */
bool dw_spots_reached(const struct dw_facts *facts, const struct dw_leg_spots *leg);

/* Whether @found is a deadlock of threads in just these legs. */
bool dw_spots_closed(const struct dw_facts *facts, const struct dw_found *found,
		     const struct dw_leg_spots *legs, uint32_t n);
