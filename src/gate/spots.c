/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/spots.h"

#include "model/event.h"
#include "model/spot.h"

static uint64_t add_place(const struct dw_facts *facts, uint64_t spot, dw_place place)
{
	const char *path = facts->modules[DW_PLACE_MODULE(place)].path;

	return dw_spot_add_frame(spot,
				 path ? dw_hash_text(DW_HASH_TEXT_START, path, strlen(path)) : 0,
				 DW_PLACE_OFFSET(place));
}

static uint64_t spot_of_stack(const struct dw_facts *facts, const struct dw_stack *stack)
{
	uint64_t spot = 1;

	for (uint32_t i = 0; i < stack->n_frames && i < DW_SPOT_FRAMES; i++)
		spot = add_place(facts, spot, stack->frames[i]);
	return spot;
}

static uint64_t spot_of_chain(const struct dw_facts *facts, uint32_t number)
{
	const struct dw_chain *chain = &facts->chains[number];
	const struct dw_hint *hint = &facts->hints[chain->hint];

	if (!number)
		return 0;
	return hint->file ? dw_spot_of_hint(hint->file, hint->line)
			  : spot_of_stack(facts, &facts->stacks[chain->stack]);
}

/* The last thing of a chain, if it is a lock and a variable; else 0. */
static uint64_t lock_of_chain(const struct dw_facts *facts, uint32_t number)
{
	const struct dw_thing *thing = &facts->things[facts->chains[number].thing];

	return dw_is_lock(thing->kind) && DW_PLACE_MODULE(thing->place)
		   ? add_place(facts, 1, thing->place)
		   : 0;
}

static bool waits_elsewhere(const struct dw_finding *finding, uint32_t leg)
{
	for (uint32_t i = 0; i < finding->n_legs; i++)
		if (i != leg && !finding->legs[i].post &&
		    finding->legs[i].thread == finding->legs[leg].thread)
			return true;
	return false;
}

uint32_t dw_spots_of_finding(const struct dw_facts *facts, const struct dw_finding *finding,
			     struct dw_leg_spots *ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < finding->n_legs; i++) {
		const struct dw_leg *leg = &finding->legs[i];

		if (leg->post && waits_elsewhere(finding, i))
			continue;
		ret[n++] = (struct dw_leg_spots){
		    .holds = leg->post ? 0 : spot_of_chain(facts, leg->holds),
		    .needs = spot_of_chain(facts, leg->needs),
		    .lock = lock_of_chain(facts, leg->needs),
		    .leg = i,
		    .signal = leg->signal,
		};
	}
	return n;
}

static bool is_below(const struct dw_facts *facts, uint32_t chain, uint64_t spot)
{
	while (chain && spot_of_chain(facts, chain) != spot)
		chain = facts->chains[chain].below;
	return chain != 0;
}

/* Whether a lock was taken at @spot, in a handler of @signal, or (0) in none. */
static bool was_taken(const struct dw_facts *facts, uint64_t spot, uint32_t signal)
{
	for (uint32_t i = 1; i < facts->n_chains; i++)
		if (facts->chains[i].handler == signal && spot_of_chain(facts, i) == spot)
			return true;
	return false;
}

bool dw_spots_reached(const struct dw_facts *facts, const struct dw_leg_spots *leg)
{
	if (leg->signal)
		return was_taken(facts, leg->holds, 0) && was_taken(facts, leg->needs, leg->signal);
	for (uint32_t i = 1; i < facts->n_chains; i++)
		if (spot_of_chain(facts, i) == leg->needs &&
		    (!leg->holds || is_below(facts, facts->chains[i].below, leg->holds)))
			return true;
	return false;
}

/*
 * Many locks may be taken in one wrapper of wrappers: where both are known, they have to be the
 * same. A condition's mutex, which is taken again at its wait, stands for the condition.
 */
static bool is_need_of(const struct dw_facts *facts, uint32_t chain, const struct dw_leg_spots *leg)
{
	uint64_t lock = lock_of_chain(facts, chain);

	return spot_of_chain(facts, chain) == leg->needs &&
	       (!lock || !leg->lock || lock == leg->lock);
}

/* Who would give what a stall ends with is known only as one that waits for what it holds. */
static bool has_leg_of(const struct dw_facts *facts, const struct dw_found *found,
		       const struct dw_leg_spots *leg)
{
	for (uint32_t i = 0; i < found->n_legs + found->n_waiters; i++)
		if (is_need_of(facts, found->legs[i].needs, leg))
			return true;
	return false;
}

static bool is_among(const struct dw_facts *facts, const struct dw_leg_spots *legs, uint32_t n,
		     uint32_t chain)
{
	for (uint32_t i = 0; i < n; i++)
		if (is_need_of(facts, chain, &legs[i]))
			return true;
	return false;
}

/*
 * In a deadlock each thread is in one of the legs. A stall's path may begin with threads that just
 * wait for the legs; but all the legs are on it. A thread that needs in a handler what it holds
 * is a deadlock alone.
 */
bool dw_spots_closed(const struct dw_facts *facts, const struct dw_found *found,
		     const struct dw_leg_spots *legs, uint32_t n)
{
	if (legs[0].signal && (found->verdict != DW_FOUND_DEADLOCK || found->n_legs != 1))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!has_leg_of(facts, found, &legs[i]))
			return false;
	for (uint32_t i = 0; found->verdict == DW_FOUND_DEADLOCK && i < found->n_legs; i++)
		if (!is_among(facts, legs, n, found->legs[i].needs))
			return false;
	return true;
}
