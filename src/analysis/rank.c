/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/rank.h"

#include "analysis/sort.h"
#include "base/arena.h"
#include "base/error.h"

#include <errno.h>

/* The thing that leg @leg holds or gives. */
static uint32_t thing_of(const struct dw_facts *facts, const struct dw_leg *leg)
{
	return leg->post ? facts->posts[leg->post].thing : facts->chains[leg->holds].thing;
}

/* Whether the two go through the same things in the same order, wherever they begin. */
static bool is_same_cycle(const struct dw_facts *facts, const struct dw_finding *a,
			  const struct dw_finding *b)
{
	uint32_t n = a->n_legs;

	for (uint32_t turn = 0; turn < n && n == b->n_legs; turn++) {
		uint32_t i = 0;

		while (i < n &&
		       thing_of(facts, &a->legs[i]) == thing_of(facts, &b->legs[(turn + i) % n]))
			i++;
		if (i == n)
			return true;
	}
	return false;
}

/* Whether the leg's thread is in @found, holding the same. */
static bool has_leg(const struct dw_finding *found, const struct dw_leg *leg)
{
	for (uint32_t i = 0; i < found->n_legs; i++)
		if (found->legs[i].thread == leg->thread && found->legs[i].holds == leg->holds)
			return true;
	return false;
}

static bool is_part(const struct dw_finding *finding, const struct dw_finding *found)
{
	for (uint32_t i = 0; i < finding->n_legs; i++)
		if (!has_leg(found, &finding->legs[i]))
			return false;
	return true;
}

/* Whether the deadlock @found says all that @finding does. */
static bool says_more(const struct dw_facts *facts, const struct dw_finding *found,
		      const struct dw_finding *finding)
{
	if (finding->verdict == DW_STALL)
		return is_part(finding, found);
	return finding->verdict == DW_POTENTIAL && is_same_cycle(facts, finding, found);
}

static bool has_happened(const struct dw_facts *facts, const struct dw_finding *findings,
			 const struct dw_finding *finding)
{
	for (uint32_t i = 0; i + 1 < facts->n_founds; i++)
		if (findings[i].verdict == DW_DEADLOCK && says_more(facts, &findings[i], finding))
			return true;
	return false;
}

size_t dw_rank_drop_happened(const struct dw_facts *facts, struct dw_finding *findings, size_t n)
{
	size_t n_left = 0;

	for (size_t i = 0; i < n; i++) {
		if (!has_happened(facts, findings, &findings[i]))
			findings[n_left++] = findings[i];
	}
	return n_left;
}

/* The order in which findings are told. */
static unsigned rank(const struct dw_finding *finding)
{
	static const uint8_t ranks[] = {[DW_DEADLOCK] = 0,
					[DW_STALL] = 1,
					[DW_POTENTIAL] = 2,
					[DW_MISUSE] = 3,
					[DW_HAZARD] = 4};

	return finding->excuse == DW_NO_EXCUSE ? ranks[finding->verdict] : sizeof(ranks);
}

/* The chain that closed a cycle: before it was told, there was none. */
static uint32_t closing_chain(const struct dw_finding *finding)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < finding->n_legs; i++)
		last = finding->legs[i].needs > last ? finding->legs[i].needs : last;
	return last;
}

static bool is_before(const void *context, uint32_t a_index, uint32_t b_index)
{
	const struct dw_finding *findings = context, *a = &findings[a_index],
				*b = &findings[b_index];

	if (rank(a) != rank(b))
		return rank(a) < rank(b);
	if (a->found != b->found)
		return a->found < b->found;
	if (a->n_legs != b->n_legs)
		return a->n_legs < b->n_legs;
	if (a->misuse != b->misuse)
		return a->misuse < b->misuse;
	if (closing_chain(a) != closing_chain(b))
		return closing_chain(a) < closing_chain(b);
	for (uint32_t i = 0; i < a->n_legs; i++) {
		if (a->legs[i].needs != b->legs[i].needs)
			return a->legs[i].needs < b->legs[i].needs;
		if (a->legs[i].holds != b->legs[i].holds)
			return a->legs[i].holds < b->legs[i].holds;
	}
	return false;
}

int dw_rank_sort(struct dw_finding **findings, size_t n, struct dw_arena *arena)
{
	uint32_t *order = dw_arena_alloc(arena, (2 * n + 1) * sizeof(*order));
	struct dw_finding *sorted = dw_arena_alloc(arena, (n + 1) * sizeof(*sorted));

	if (!order || !sorted)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	dw_sort(order, order + n, (uint32_t)n, is_before, *findings);
	for (size_t i = 0; i < n; i++)
		sorted[i] = (*findings)[order[i]];
	*findings = sorted;
	return 0;
}
