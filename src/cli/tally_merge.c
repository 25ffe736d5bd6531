/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from several runs together, and from none of them alone. */
#include "analysis/leg.h"
#include "base/arena.h"
#include "base/error.h"
#include "cli/fold.h"
#include "cli/study.h"
#include "cli/tally_parts.h"
#include "gate/merge.h"
#include "symbol/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is shown in place of the one recording that there is not. */
#define SEVERAL "several recordings"

struct dw_tally_merged {
	struct dw_analysis *analysis;
	struct dw_names *names;
	struct dw_arena *arena;
	struct dw_tally_merged *next; /* dw_tally::merged */
};

void dw_tally_free_merged(struct dw_tally *tally)
{
	struct dw_tally_merged *next;

	for (struct dw_tally_merged *merged = tally->merged; merged; merged = next) {
		next = merged->next;
		dw_names_free(merged->names);
		dw_analysis_free(merged->analysis);
		dw_arena_free(merged->arena);
		free(merged);
	}
	dw_merge_free(tally->merge);
}

/* Where leg @leg was seen: the chain that it ends with was. */
static const char *path_of(const struct dw_tally *tally, uint32_t program,
			   const struct dw_finding *finding, uint32_t leg)
{
	return dw_merge_path(tally->merge, program, finding->legs[leg].needs);
}

static bool is_of_several(const struct dw_tally *tally, uint32_t program,
			  const struct dw_finding *finding)
{
	const char *first = path_of(tally, program, finding, 0);

	for (uint32_t i = 1; i < finding->n_legs; i++)
		if (path_of(tally, program, finding, i) != first)
			return true;
	return false;
}

static int add_paths(struct dw_tally *tally, uint32_t program, struct dw_arena *arena,
		     struct dw_reported *reported)
{
	uint32_t n = reported->finding->n_legs;
	const char **paths = dw_arena_alloc(arena, (size_t)n * sizeof(*paths));

	if (!paths)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++)
		paths[i] = path_of(tally, program, reported->finding, i);
	reported->leg_paths = paths;
	return 0;
}

/* What no single run shows. It is in the recordings that its legs are of. */
static bool is_news(struct dw_tally *tally, uint32_t program, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;

	return finding->verdict == DW_POTENTIAL && !finding->excuse && finding->n_legs > 1 &&
	       is_of_several(tally, program, finding) &&
	       !dw_tally_has(tally, reported->fingerprint, finding->verdict);
}

/* A cycle through things that need not be the same is listed, and no reason to fail. */
static void judge(struct dw_tally *tally, uint32_t program, const struct dw_facts *facts,
		  struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;

	for (uint32_t i = 0; i < finding->n_legs; i++) {
		if (dw_merge_is_sure(tally->merge, program, dw_leg_given(facts, finding, i)))
			continue;
		reported->standing = DW_STANDING_LISTED;
		reported->reason = "seen in different runs, in which the things of one name need "
				   "not be the same";
	}
}

static int add_findings(struct dw_tally *tally, uint32_t program, struct dw_tally_merged *merged,
			const struct dw_facts *facts)
{
	struct dw_reported_process process = {
	    .path = SEVERAL, .facts = facts, .names = merged->names, .monitored = true};
	struct dw_reported *folded;
	size_t n, n_kept = 0;
	bool keep = false;
	int r = dw_fold(&folded, &n, merged->arena, merged->analysis, facts, merged->names);

	for (size_t i = 0; i < n && r == 0; i++) {
		if (!is_news(tally, program, &folded[i]))
			continue;
		r = add_paths(tally, program, merged->arena, &folded[i]);
		judge(tally, program, facts, &folded[i]);
		folded[n_kept++] = folded[i];
	}
	process.findings = folded;
	process.n_findings = n_kept;
	tally->n_added++;
	if (r == 0 && n_kept)
		r = dw_tally_add_process(tally, &process, &keep);
	return r < 0 ? dw_pass(r) : 0;
}

static int say_limits(struct dw_tally *tally, const struct dw_analysis *analysis)
{
	struct dw_analysis_limits limits;

	dw_analysis_limits(analysis, &limits);
	if (limits.cycles_not_searched || limits.choices_not_tried)
		return dw_tally_blind_of_runs(tally);
	return 0;
}

static int judge_program(struct dw_tally *tally, uint32_t program, const struct dw_facts *facts)
{
	struct dw_tally_merged *merged = calloc(1, sizeof(*merged));
	int r;

	if (!merged)
		return dw_raise(-ENOMEM);
	merged->next = tally->merged;
	tally->merged = merged;
	r = dw_arena_new(&merged->arena, DW_STUDY_MEMORY_MAX);
	if (r == 0)
		r = dw_names_new_by(&merged->names, facts, tally->symbols);
	if (r == 0)
		r = dw_analysis_new(&merged->analysis, facts, DW_STUDY_MEMORY_MAX);
	if (r == 0)
		r = dw_analysis_run(merged->analysis);
	if (r == 0)
		r = say_limits(tally, merged->analysis);
	if (r == 0)
		r = add_findings(tally, program, merged, facts);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_tally_merge(struct dw_tally *tally)
{
	int r = 0;

	if (tally->merge_is_full)
		return dw_tally_blind_of_runs(tally);
	for (uint32_t i = 0; i < dw_merge_n(tally->merge) && r == 0; i++) {
		const struct dw_facts *facts = dw_merge_facts(tally->merge, i);

		if (facts)
			r = judge_program(tally, i, facts);
	}
	return r < 0 ? dw_pass(r) : 0;
}
