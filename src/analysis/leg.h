/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the legs of a finding hold, give and need, whatever tells it.
 *
 * Of a leg that holds nothing and was never seen giving anything, it is known what it
 * would give: what the leg before needs. A thread that has not ended yet is such a leg.
 */
#pragma once

#include "analysis/finding.h"

#include <stdbool.h>

/* Whether the last leg needs what the first one holds or gives. */
bool dw_leg_is_cycle(const struct dw_finding *finding);

/* Number of the leg before leg @leg; n_legs if there is none. */
uint32_t dw_leg_before(const struct dw_finding *finding, uint32_t leg);

/* The thing that leg @leg holds or gives; 0: it is not known. */
uint32_t dw_leg_given(const struct dw_facts *facts, const struct dw_finding *finding, uint32_t leg);

/* The thing that leg @leg needs or waits for; 0: nothing is known to be. */
uint32_t dw_leg_needed(const struct dw_facts *facts, const struct dw_finding *finding,
		       uint32_t leg);

/*
 * Whether leg @leg waits for what it needs, which is no lock or which the monitor saw it waiting
 * for; false: it was seen taking it.
 */
bool dw_leg_waits(const struct dw_facts *facts, const struct dw_finding *finding, uint32_t leg);

/* What the monitor found; all zero where the finding is none of its. */
const struct dw_found *dw_leg_found(const struct dw_facts *facts, const struct dw_finding *finding);
