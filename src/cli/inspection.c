/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/inspection_parts.h"

#include "analysis/finding.h"
#include "base/arena.h"
#include "base/error.h"
#include "cli/fold.h"
#include "cli/pictured.h"
#include "cli/profiles.h"
#include "cli/progress.h"
#include "symbol/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Two sights of a process with the kernel's greatest number of threads; see scene.c. */
#define MEMORY_MAX ((size_t)2 << 30)

struct dw_inspection *dw_inspection_free(struct dw_inspection *inspection)
{
	if (inspection) {
		dw_analysis_free(inspection->analysis);
		dw_scene_free(inspection->scene);
		dw_arena_free(inspection->arena);
		free(inspection);
	}
	return NULL;
}

const struct dw_report *dw_inspection_report(const struct dw_inspection *inspection)
{
	return &inspection->report;
}

/* No kick was seen: where an answer is waited for, that is inferred. */
static bool rests_on_kick(const struct dw_inspection *inspection, const struct dw_found *found)
{
	for (uint32_t i = 0; i < found->n_legs; i++)
		if (inspection->facts->things[found->legs[i].thing].kind == DW_ANSWER)
			return true;
	return false;
}

/* Whether the last leg waits for a lock, and nothing is known of who holds it. */
static bool ends_at_unknown(const struct dw_inspection *inspection, const struct dw_found *found)
{
	uint32_t thing = found->legs[found->n_legs - 1].thing;
	uint16_t kind = inspection->facts->things[thing].kind;

	return found->verdict == DW_FOUND_STALL && (dw_is_lock(kind) || kind == DW_LOCK_WORD) &&
	       dw_scene_grounds(inspection->scene, thing) == DW_GROUNDS_NONE;
}

static int complete_found(struct dw_inspection *inspection, struct dw_found *found)
{
	const struct dw_scene_thread *seen = dw_scene_threads(inspection->scene);
	size_t n = (size_t)found->n_legs + found->n_waiters;
	struct dw_found_leg *legs = dw_arena_alloc(inspection->arena, n * sizeof(*legs));

	if (!legs)
		return dw_raise(-ENOMEM);
	memcpy(legs, found->legs, n * sizeof(*legs));
	for (size_t i = 0; i < n; i++)
		legs[i].stack = seen[legs[i].thread].stack;
	found->legs = legs;
	/* Nobody has watched who gives what. */
	found->flags &= ~(uint32_t)(DW_FOUND_NO_POSTER | DW_FOUND_POSTERS_GONE);
	if (rests_on_kick(inspection, found))
		found->flags |= DW_FOUND_KICKED;
	if (ends_at_unknown(inspection, found))
		found->flags |= DW_FOUND_UNSEEN;
	if (!inspection->sights[0].base_ns)
		found->span_ns = 0;
	return 0;
}

/*
 * One look shows what a cycle needs. That somebody waits for a lock whose holder runs, or cannot
 * be seen, is nothing special at one moment; nor is any wait that somebody has stopped.
 */
static bool is_told(const struct dw_inspection *inspection, const struct dw_found *found)
{
	if (inspection->sights[0].is_stopped && found->verdict == DW_FOUND_STALL)
		return false;
	return inspection->sights[0].base_ns || !inspection->sights[0].process ||
	       !(found->flags & (DW_FOUND_RUNNING | DW_FOUND_UNSEEN));
}

/* The facts with what was found in them. */
static int add_founds(struct dw_inspection *inspection)
{
	struct dw_facts *facts = dw_arena_alloc(inspection->arena, sizeof(*facts));
	const struct dw_found *founds;
	struct dw_found *all;
	uint32_t n_told = 0;
	size_t n;
	int r = facts ? 0 : dw_raise(-ENOMEM);

	if (r == 0)
		r = dw_inspection_find(inspection, inspection->scene, inspection->facts,
				       inspection->options->stall_ns, &founds, &n);
	if (r < 0)
		return dw_pass(r);
	all = dw_arena_alloc(inspection->arena, (n + 1) * sizeof(*all));
	if (!all)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!is_told(inspection, &founds[i]))
			continue;
		all[++n_told] = founds[i];
		r = complete_found(inspection, &all[n_told]);
	}
	*facts = *inspection->facts;
	facts->founds = all;
	facts->n_founds = n_told + 1;
	if (r == 0)
		r = dw_names_grow(dw_scene_names(inspection->scene), facts);
	inspection->facts = facts;
	return r < 0 ? dw_pass(r) : 0;
}

static int analyse(struct dw_inspection *inspection)
{
	struct dw_names *names = dw_scene_names(inspection->scene);
	int r =
	    dw_profiles_apply(&inspection->facts, inspection->arena, inspection->options->profiles,
			      dw_scene_facts(inspection->scene), names);

	if (r == 0)
		r = add_founds(inspection);
	if (r == 0)
		r = dw_analysis_new(&inspection->analysis, inspection->facts, MEMORY_MAX);
	if (r == 0)
		r = dw_analysis_run_founds(inspection->analysis);
	return r < 0 ? dw_pass(r) : 0;
}

static int fill_report(struct dw_inspection *inspection)
{
	struct dw_reported_process *process = &inspection->process;
	struct dw_reported *folded;
	int r;

	*process = (struct dw_reported_process){
	    .facts = inspection->facts,
	    .names = dw_scene_names(inspection->scene),
	    .monitored = true,
	};
	r = dw_fold(&folded, &process->n_findings, inspection->arena, inspection->analysis,
		    inspection->facts, process->names);
	process->findings = folded;
	if (r == 0)
		r = dw_pictured_make(&process->inspected, inspection->arena, inspection->scene,
				     inspection->facts, inspection->options->profiles);
	if (r == 0)
		r = dw_pictured_judge(process, inspection->arena, inspection->scene,
				      inspection->options);
	inspection->report = (struct dw_report){.processes = process, .n_processes = 1};
	return r < 0 ? dw_pass(r) : 0;
}

static int begin(struct dw_inspection **ret, const struct dw_inspection_options *options)
{
	struct dw_inspection *inspection = calloc(1, sizeof(*inspection));
	int r = inspection ? dw_arena_new(&inspection->arena, MEMORY_MAX) : dw_raise(-ENOMEM);

	*ret = inspection;
	if (r < 0)
		return dw_pass(r);
	inspection->options = options;
	return 0;
}

int dw_inspection_new(struct dw_inspection **ret, struct dw_process *process,
		      const struct dw_inspection_options *options)
{
	dw_auto(inspection) inspection = NULL;
	int r = begin(&inspection, options);

	if (r == 0)
		r = dw_inspection_look(inspection, process);
	if (r == 0)
		r = analyse(inspection);
	if (r == 0)
		r = fill_report(inspection);
	if (options->shows_progress)
		dw_progress_clear();
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(inspection);
	return 0;
}

int dw_inspection_new_of_sight(struct dw_inspection **ret, const struct dw_sight *sight,
			       const struct dw_inspection_options *options)
{
	dw_auto(inspection) inspection = NULL;
	int r = begin(&inspection, options);

	if (r == 0) {
		inspection->sights[0] = *sight;
		r = dw_inspection_make_scene(inspection, &inspection->sights[0],
					     /* before= */ NULL);
	}
	if (r == 0)
		r = analyse(inspection);
	if (r == 0)
		r = fill_report(inspection);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(inspection);
	return 0;
}
