/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/leg.h"

#include "model/event.h"

bool dw_leg_is_cycle(const struct dw_finding *finding)
{
	return finding->verdict == DW_POTENTIAL || finding->verdict == DW_DEADLOCK;
}

uint32_t dw_leg_before(const struct dw_finding *finding, uint32_t leg)
{
	if (leg > 0)
		return leg - 1;
	return dw_leg_is_cycle(finding) ? finding->n_legs - 1 : finding->n_legs;
}

uint32_t dw_leg_given(const struct dw_facts *facts, const struct dw_finding *finding, uint32_t leg)
{
	const struct dw_leg *one = &finding->legs[leg];
	uint32_t before = dw_leg_before(finding, leg);

	if (one->holds)
		return facts->chains[one->holds].thing;
	if (one->post)
		return facts->posts[one->post].thing;
	return before < finding->n_legs ? dw_leg_needed(facts, finding, before) : 0;
}

uint32_t dw_leg_needed(const struct dw_facts *facts, const struct dw_finding *finding, uint32_t leg)
{
	const struct dw_found *found = dw_leg_found(facts, finding);

	if (finding->legs[leg].needs)
		return facts->chains[finding->legs[leg].needs].thing;
	return leg < found->n_legs ? found->legs[leg].thing : 0;
}

bool dw_leg_waits(const struct dw_facts *facts, const struct dw_finding *finding, uint32_t leg)
{
	const struct dw_leg *one = &finding->legs[leg];

	if (facts->chains[one->needs].how & DW_WAITS)
		return true;
	if (!finding->found)
		return false;
	return !one->post || !one->needs || facts->posts[one->post].chain != one->needs;
}

const struct dw_found *dw_leg_found(const struct dw_facts *facts, const struct dw_finding *finding)
{
	static const struct dw_found none;

	return finding->found && finding->found < facts->n_founds ? &facts->founds[finding->found]
								  : &none;
}
