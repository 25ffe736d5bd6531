/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/hazard.h"

#include "model/event.h"

/* What returned sooner, others could hardly have noticed. */
#define HAZARD_NS UINT64_C(10000000)

/* Somebody who knows has said that it can block, however soon it was over this time. */
static bool is_named_call(uint64_t address)
{
	return address >= dw_thing_address(DW_CALL, DW_CALL_NAMED) &&
	       address <= dw_thing_address(DW_CALL, UINT32_MAX);
}

bool dw_is_hazard(const struct dw_facts *facts, uint32_t chain)
{
	const struct dw_chain *c = &facts->chains[chain];

	if (!(c->how & DW_WAITS) || (c->how & DW_TRY) || !c->below)
		return false;
	if (facts->things[c->thing].address == dw_thing_address(DW_CALL, DW_CALL_KVM_RUN))
		return false;
	if (is_named_call(facts->things[c->thing].address))
		return true;
	/* Of a wait that is not over, and of one for an answer, no time was taken. */
	return c->n_waits == 0 || c->longest_ns >= HAZARD_NS;
}

uint32_t dw_hazards_count(const struct dw_facts *facts)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < facts->n_chains; i++)
		n += dw_is_hazard(facts, i);
	return n;
}

uint32_t dw_outermost(const struct dw_facts *facts, uint32_t chain)
{
	while (facts->chains[chain].below)
		chain = facts->chains[chain].below;
	return chain;
}
