/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/cycle.h"
#include "analysis/finding.h"
#include "analysis/handled.h"
#include "analysis/hazard.h"
#include "analysis/index.h"
#include "analysis/rank.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>

struct dw_analysis {
	struct dw_arena *arena;
	const struct dw_facts *facts;
	struct dw_order *order;
	struct dw_finding *findings;
	size_t n_findings;
	struct dw_analysis_limits limits;
	uint64_t n_needs, n_things;
};

/* One pass of the search: over things as they are, or with the lives of an address merged. */
struct pass {
	struct dw_needs *needs;
	struct dw_judge *judge;
	struct dw_cycles cycles;
};

int dw_analysis_new(struct dw_analysis **ret, const struct dw_facts *facts, size_t memory_max)
{
	struct dw_arena *arena;
	struct dw_analysis *analysis = dw_arena_new_owner(&arena, memory_max, sizeof(*analysis));

	if (!analysis)
		return dw_raise(-ENOMEM);
	analysis->facts = facts;
	analysis->arena = arena;
	*ret = analysis;
	return 0;
}

struct dw_analysis *dw_analysis_free(struct dw_analysis *analysis)
{
	if (analysis)
		dw_arena_free(analysis->arena);
	return NULL;
}

static int pass_run(struct dw_analysis *analysis, struct pass *pass, const uint32_t *node_of,
		    unsigned ignored, const bool *only_from)
{
	struct dw_arena *arena = analysis->arena;
	int r = dw_needs_new(&pass->needs, analysis->facts, node_of, arena);

	if (r >= 0)
		r = dw_judge_new(&pass->judge, pass->needs, analysis->order, ignored, arena);
	if (r >= 0)
		r = dw_cycles_find(&pass->cycles, pass->needs, pass->judge, only_from, arena);
	return r < 0 ? dw_pass(r) : 0;
}

static int pass_exact(struct dw_analysis *analysis, struct pass *pass)
{
	uint32_t n = analysis->facts->n_things;
	uint32_t *node_of = dw_arena_alloc(analysis->arena, ((size_t)n + 1) * sizeof(*node_of));
	int r;

	if (!node_of)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++)
		node_of[i] = i;
	r = pass_run(analysis, pass, node_of, 0, NULL);
	if (r < 0)
		return dw_pass(r);
	analysis->limits = pass->cycles.limits;
	analysis->n_needs = pass->needs->n_needs_seen;
	analysis->n_things = pass->needs->n_things_seen;
	return 0;
}

static bool same_address(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_thing *a = &((const struct dw_facts *)context)->things[item], *b = wanted;

	return a->address == b->address && a->kind == b->kind;
}

/*
 * The lives of each address, as long as it is a lock of one kind, become one node.
 *
 * Return: whether there is an address with more than one (then @merged says which
 * nodes are such), or -ENOMEM.
 */
static int merge_lives(struct dw_analysis *analysis, uint32_t *node_of, bool *merged)
{
	const struct dw_facts *facts = analysis->facts;
	struct dw_index index = {0};
	int answer = 0;

	for (uint32_t i = 1; i < facts->n_things; i++) {
		const struct dw_thing *thing = &facts->things[i];
		uint64_t hash = dw_hash(thing->address, thing->kind);
		uint32_t first = dw_index_find(&index, hash, same_address, facts, thing);
		int r;

		node_of[i] = first == DW_INDEX_NONE ? i : first;
		if (first != DW_INDEX_NONE) {
			merged[first] = true;
			answer = 1;
			continue;
		}
		r = dw_index_add(&index, analysis->arena, hash, i);
		if (r < 0)
			return dw_pass(r);
	}
	return answer;
}

/* What this pass could not do is not counted: it can only find cycles with an excuse. */
static int pass_merged(struct dw_analysis *analysis, struct pass *pass)
{
	uint32_t n = analysis->facts->n_things + 1;
	uint32_t *node_of = dw_arena_alloc(analysis->arena, n * sizeof(*node_of));
	bool *merged = dw_arena_alloc(analysis->arena, n * sizeof(*merged));
	int r;

	if (!node_of || !merged)
		return dw_raise(-ENOMEM);
	r = merge_lives(analysis, node_of, merged);
	if (r > 0)
		r = pass_run(analysis, pass, node_of, DW_EXCUSE_BIT(DW_EXCUSE_REUSED), merged);
	return r < 0 ? dw_pass(r) : 0;
}

static int add_cycle(struct dw_analysis *analysis, const struct pass *pass,
		     const struct dw_cycle *cycle)
{
	struct dw_finding *finding = &analysis->findings[analysis->n_findings];
	struct dw_leg *legs = dw_arena_alloc(analysis->arena, cycle->n * sizeof(*legs));

	if (!legs)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < cycle->n; i++) {
		const struct dw_witness *witness =
		    &pass->needs->witnesses[cycle->choice.witnesses[i]];

		legs[i] = (struct dw_leg){.thread = witness->moment.when.thread,
					  .holds = witness->holds,
					  .needs = witness->needs,
					  .post = witness->post};
	}
	*finding = (struct dw_finding){.verdict = DW_POTENTIAL, .legs = legs, .n_legs = cycle->n};
	dw_judge_explain(pass->judge, &cycle->choice, cycle->n, finding);
	analysis->n_findings++;
	return 0;
}

/* Of the merged pass those count that rest on nothing but the merging. */
static int add_cycles(struct dw_analysis *analysis, const struct pass *exact,
		      const struct pass *merged)
{
	unsigned reused = DW_EXCUSE_BIT(DW_EXCUSE_REUSED);
	int r = 0;

	for (uint32_t i = 0; i < exact->cycles.n && r >= 0; i++)
		r = add_cycle(analysis, exact, &exact->cycles.cycles[i]);
	for (uint32_t i = 0; i < merged->cycles.n && r >= 0; i++) {
		if (merged->cycles.cycles[i].choice.excuses == reused)
			r = add_cycle(analysis, merged, &merged->cycles.cycles[i]);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static int add_handled(struct dw_analysis *analysis, const struct dw_handled_list *list)
{
	struct dw_leg *legs = dw_arena_alloc(analysis->arena, (list->n + 1) * sizeof(*legs));

	if (!legs)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < list->n; i++) {
		const struct dw_handled *one = &list->items[i];

		legs[i] = (struct dw_leg){.thread = analysis->facts->chains[one->needs].thread,
					  .holds = one->holds,
					  .needs = one->needs,
					  .signal = one->signal};
		analysis->findings[analysis->n_findings++] = (struct dw_finding){
		    .verdict = DW_POTENTIAL,
		    .excuse = one->is_masked ? DW_EXCUSE_MASKED : DW_NO_EXCUSE,
		    .legs = &legs[i],
		    .n_legs = 1,
		};
	}
	return 0;
}

static void add_misuses(struct dw_analysis *analysis)
{
	for (uint32_t i = 1; i < analysis->facts->n_misuses; i++)
		analysis->findings[analysis->n_findings++] =
		    (struct dw_finding){.verdict = DW_MISUSE, .misuse = i};
}

/* What the monitor has found is told as it found it. */
static int add_found(struct dw_analysis *analysis, uint32_t number)
{
	const struct dw_found *found = &analysis->facts->founds[number];
	struct dw_leg *legs = dw_arena_alloc(analysis->arena, (found->n_legs + 1) * sizeof(*legs));

	if (!legs)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < found->n_legs; i++) {
		const struct dw_found_leg *leg = &found->legs[i];

		legs[i] = (struct dw_leg){.thread = leg->thread,
					  .holds = leg->holds,
					  .needs = leg->needs,
					  .post = leg->post,
					  .stack = leg->stack};
	}
	analysis->findings[analysis->n_findings++] = (struct dw_finding){
	    .verdict = found->verdict == DW_FOUND_DEADLOCK ? DW_DEADLOCK : DW_STALL,
	    .legs = legs,
	    .n_legs = found->n_legs,
	    .found = number,
	};
	return 0;
}

static int add_founds(struct dw_analysis *analysis)
{
	int r = 0;

	for (uint32_t i = 1; i < analysis->facts->n_founds && r >= 0; i++)
		r = add_found(analysis, i);
	return r < 0 ? dw_pass(r) : 0;
}

/* By chain, whether it is a leg of what was found so far: there, more is known than a hazard. */
static bool *mark_explained(struct dw_analysis *analysis)
{
	bool *marks = dw_arena_alloc(analysis->arena, (size_t)analysis->facts->n_chains + 1);

	for (size_t i = 0; i < analysis->n_findings && marks; i++) {
		const struct dw_finding *finding = &analysis->findings[i];

		for (uint32_t leg = 0; leg < finding->n_legs && !finding->excuse; leg++)
			marks[finding->legs[leg].needs] = true;
	}
	return marks;
}

static int add_hazard(struct dw_analysis *analysis, uint32_t chain)
{
	const struct dw_facts *facts = analysis->facts;
	struct dw_leg *leg = dw_arena_alloc(analysis->arena, sizeof(*leg));

	if (!leg)
		return dw_raise(-ENOMEM);
	*leg = (struct dw_leg){.thread = facts->chains[chain].thread,
			       .holds = dw_outermost(facts, chain),
			       .needs = chain};
	analysis->findings[analysis->n_findings++] =
	    (struct dw_finding){.verdict = DW_HAZARD, .legs = leg, .n_legs = 1};
	return 0;
}

static int add_hazards(struct dw_analysis *analysis)
{
	const struct dw_facts *facts = analysis->facts;
	const bool *explained = mark_explained(analysis);
	int r = explained ? 0 : dw_raise(-ENOMEM);

	for (uint32_t i = 1; i < facts->n_chains && r >= 0; i++) {
		if (dw_is_hazard(facts, i) && !explained[i])
			r = add_hazard(analysis, i);
	}
	return r < 0 ? dw_pass(r) : 0;
}

int dw_analysis_run(struct dw_analysis *analysis)
{
	struct pass exact = {0}, merged = {0};
	struct dw_handled_list handled = {0};
	size_t n_max;
	int r = dw_order_new(&analysis->order, analysis->facts, analysis->arena);

	if (r >= 0)
		r = pass_exact(analysis, &exact);
	if (r >= 0)
		r = pass_merged(analysis, &merged);
	if (r >= 0)
		r = dw_handled_find(&handled, analysis->facts, analysis->arena);
	if (r < 0)
		return dw_pass(r);
	n_max = (size_t)exact.cycles.n + merged.cycles.n + handled.n + analysis->facts->n_misuses +
		analysis->facts->n_founds + dw_hazards_count(analysis->facts);
	analysis->n_findings = 0;
	analysis->findings =
	    dw_arena_alloc(analysis->arena, (n_max + 1) * sizeof(*analysis->findings));
	if (!analysis->findings)
		return dw_raise(-ENOMEM);
	r = add_founds(analysis);
	if (r >= 0)
		r = add_cycles(analysis, &exact, &merged);
	if (r >= 0)
		r = add_handled(analysis, &handled);
	if (r >= 0)
		r = add_hazards(analysis);
	if (r < 0)
		return dw_pass(r);
	analysis->n_findings =
	    dw_rank_drop_happened(analysis->facts, analysis->findings, analysis->n_findings);
	add_misuses(analysis);
	r = dw_rank_sort(&analysis->findings, analysis->n_findings, analysis->arena);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_analysis_run_founds(struct dw_analysis *analysis)
{
	int r;

	analysis->n_findings = 0;
	analysis->findings = dw_arena_alloc(
	    analysis->arena, ((size_t)analysis->facts->n_founds + 1) * sizeof(*analysis->findings));
	if (!analysis->findings)
		return dw_raise(-ENOMEM);
	r = add_founds(analysis);
	if (r >= 0)
		r = dw_rank_sort(&analysis->findings, analysis->n_findings, analysis->arena);
	return r < 0 ? dw_pass(r) : 0;
}

const struct dw_finding *dw_analysis_findings(const struct dw_analysis *analysis, size_t *ret_n)
{
	*ret_n = analysis->n_findings;
	return analysis->findings;
}

void dw_analysis_limits(const struct dw_analysis *analysis, struct dw_analysis_limits *ret)
{
	*ret = analysis->limits;
}

uint64_t dw_analysis_n_needs(const struct dw_analysis *analysis)
{
	return analysis->n_needs;
}

uint64_t dw_analysis_n_things(const struct dw_analysis *analysis)
{
	return analysis->n_things;
}

const char *dw_verdict_word(unsigned verdict)
{
	static const char *const words[] = {
#define X(name, value, text) [value] = text,
	    DW_VERDICTS(X)
#undef X
	};

	return verdict < sizeof(words) / sizeof(*words) && words[verdict] ? words[verdict] : "?";
}

const char *dw_excuse_word(unsigned excuse)
{
	static const char *const words[] = {
#define X(name, value, text) [value] = text,
	    DW_EXCUSES(X)
#undef X
	};

	return excuse < sizeof(words) / sizeof(*words) ? words[excuse] : "?";
}
