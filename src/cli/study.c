/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/study.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/fold.h"
#include "cli/living.h"
#include "cli/profiles.h"
#include "record/reader.h"
#include "symbol/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reasons, folded findings and fingerprints of one recording. */
#define TEXTS_MAX ((size_t)256 << 20)

struct dw_study *dw_study_free(struct dw_study *study)
{
	if (!study)
		return NULL;
	dw_names_free(study->names);
	dw_analysis_free(study->analysis);
	dw_reader_free(study->reader);
	dw_arena_free(study->arena);
	free(study->path);
	free(study);
	return NULL;
}

/* Names come first: profiles ask them what they know, and the analysis needs what profiles add. */
static int study_facts(struct dw_study *study, const struct dw_profiles *profiles,
		       struct dw_symbols *symbols)
{
	struct dw_analysis_limits limits;
	const struct dw_facts *facts;
	int r = dw_living_facts(&facts, study->reader, study->arena);

	if (r == 0)
		r = dw_names_new_by(&study->names, facts, symbols);
	if (r == 0)
		r = dw_profiles_apply(&study->facts, study->arena, profiles, facts, study->names);
	if (r == 0)
		r = dw_analysis_new(&study->analysis, study->facts, DW_STUDY_MEMORY_MAX);
	if (r == 0)
		r = dw_analysis_run(study->analysis);
	if (r < 0)
		return dw_pass(r);
	dw_analysis_limits(study->analysis, &limits);
	r = dw_blind_judge(&study->blind, study->arena, study->reader, &limits);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_study_new(struct dw_study **ret, const char *path, const struct dw_profiles *profiles,
		 struct dw_symbols *symbols)
{
	dw_auto(study) study = calloc(1, sizeof(*study));
	int r;

	if (!study)
		return dw_raise(-ENOMEM);
	study->path = strdup(path);
	if (!study->path)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&study->arena, TEXTS_MAX);
	if (r == 0)
		r = dw_reader_open(&study->reader, path, DW_STUDY_MEMORY_MAX);
	if (r == 0)
		r = study_facts(study, profiles, symbols);
	if (r != 0)
		return dw_pass(r);
	*ret = dw_take(study);
	return 0;
}

bool dw_study_has_ended(const struct dw_study *study)
{
	return dw_reader_flags(study->reader) & (DW_REC_ENDED | DW_REC_LEFT);
}

int dw_study_process(struct dw_study *study, struct dw_reported_process *ret)
{
	bool ended = dw_reader_flags(study->reader) & DW_REC_ENDED;
	struct dw_reported *folded;
	const struct dw_event *events;
	size_t n_folded, n_events;
	int r;

	r = dw_fold(&folded, &n_folded, study->arena, study->analysis, study->facts, study->names);
	if (r < 0)
		return dw_pass(r);
	events = dw_reader_events(study->reader, &n_events);
	*ret = (struct dw_reported_process){
	    .path = study->path,
	    .facts = study->facts,
	    .events = n_events ? events : NULL,
	    .n_events = n_events,
	    .names = study->names,
	    .findings = folded,
	    .n_findings = n_folded,
	    .n_needs = dw_analysis_n_needs(study->analysis),
	    .n_things = dw_analysis_n_things(study->analysis),
	    .monitored = dw_reader_monitor(study->reader) != 0,
	    .was_killed = !dw_study_has_ended(study) && !study->may_run,
	    .cut_off = dw_reader_monitor(study->reader) == 0 && !ended,
	    .blind = study->blind.entries,
	    .n_blind = study->blind.n,
	};
	return 0;
}
