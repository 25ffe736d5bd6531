/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tally.h"

#include "analysis/array.h"
#include "analysis/index.h"
#include "base/arena.h"
#include "base/hash.h"
#include "cli/blind.h"
#include "cli/command.h"
#include "cli/study.h"
#include "cli/tally_parts.h"
#include "gate/baseline.h"
#include "gate/declared.h"
#include "gate/merge.h"
#include "gate/suppression.h"
#include "model/event.h"
#include "record/reader.h"
#include "render/say.h"
#include "symbol/names.h"

#include <stdlib.h>

/* Of what is kept of findings: some hundred bytes each. */
#define MEMORY_MAX ((size_t)512 << 20)

/* Of what all recordings were seen doing, each thing once: a large program's takes megabytes. */
#define MERGE_MEMORY_MAX ((size_t)1 << 30)

int dw_tally_new(struct dw_tally **ret, const struct dw_tally_options *options,
		 struct dw_symbols *symbols)
{
	dw_auto(tally) tally = calloc(1, sizeof(*tally));
	int r;

	if (!tally)
		return dw_raise(-ENOMEM);
	tally->options = options;
	tally->symbols = symbols;
	tally->required_seen = calloc(options->n_required + 1, sizeof(bool));
	r = tally->required_seen ? dw_arena_new(&tally->arena, MEMORY_MAX) : -ENOMEM;
	if (r == 0)
		r = dw_merge_new(&tally->merge, MERGE_MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(tally);
	return 0;
}

struct dw_tally *dw_tally_free(struct dw_tally *tally)
{
	if (!tally)
		return NULL;
	dw_tally_free_merged(tally);
	free(tally->required_seen);
	dw_arena_free(tally->arena);
	free(tally);
	return NULL;
}

struct key {
	const char *fingerprint;
	uint32_t verdict;
};

static bool same_row(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_tally_row *row = &((const struct dw_tally *)context)->rows[item];
	const struct key *key = wanted;

	return row->verdict == key->verdict && !strcmp(row->reported.fingerprint, key->fingerprint);
}

/* What people call a finding, for the baseline and for those that are told in one line. */
static const char *headline(struct dw_tally *tally, const struct dw_reported_process *process,
			    const struct dw_finding *finding)
{
	struct dw_telling telling = {.process = process};
	const char *text;

	if (dw_arena_new(&telling.arena, MEMORY_MAX) < 0)
		return NULL;
	text = dw_say_chain(&telling, finding);
	text = dw_arena_text(tally->arena, text, strlen(text));
	dw_arena_free(telling.arena);
	return text;
}

/* Who adds a finding may have said that it is just listed. Suppressions come first: what they are
 * about is not to be in a baseline. */
static void judge(struct dw_tally *tally, const struct dw_reported_process *process,
		  struct dw_tally_row *row)
{
	const struct dw_tally_options *options = tally->options;
	bool is_listed = row->reported.standing == DW_STANDING_LISTED ||
			 (row->verdict == DW_HAZARD && !options->hazards);

	row->suppression = dw_suppressions_find(options->suppressions, row->reported.finding,
						process->facts, process->names);
	row->entry = dw_baseline_find(options->baseline, dw_verdict_word(row->verdict),
				      row->reported.fingerprint);
	if (row->suppression)
		row->suppression->n_different++;
	if (row->entry)
		row->entry->seen = true;
	if (row->suppression) {
		row->reported.standing = DW_STANDING_SUPPRESSED;
		row->reported.reason = row->suppression->text;
	} else if (row->entry) {
		row->reported.standing = DW_STANDING_KNOWN;
		row->reported.reason = row->entry->reason;
	} else {
		row->reported.standing = is_listed ? DW_STANDING_LISTED : DW_STANDING_NEW;
	}
}

static int add_row(struct dw_tally *tally, const struct dw_reported_process *process,
		   const struct dw_reported *reported, uint64_t hash, bool *ret_keep)
{
	struct dw_tally_row row = {.reported = *reported,
				   .verdict = reported->finding->verdict,
				   .process = tally->n_processes};
	int r = dw_array_room(tally->arena, (void **)&tally->rows, tally->n_rows, &tally->rows_room,
			      sizeof(row));

	if (r == 0)
		r = dw_index_add(&tally->index, tally->arena, hash, tally->n_rows);
	if (r < 0)
		return dw_pass(r);
	row.reported.occurrences = 0;
	row.chain = headline(tally, process, reported->finding);
	row.reported.fingerprint =
	    dw_arena_text(tally->arena, reported->fingerprint, strlen(reported->fingerprint));
	if (!row.chain || !row.reported.fingerprint)
		return dw_raise(-ENOMEM);
	judge(tally, process, &row);
	row.is_shown = tally->n_processes < DW_TALLY_KEPT_MAX;
	*ret_keep |= row.is_shown;
	tally->rows[tally->n_rows++] = row;
	return 0;
}

static uint64_t hash_key(const struct key *key)
{
	return dw_hash(dw_hash_text(DW_HASH_TEXT_START, key->fingerprint, strlen(key->fingerprint)),
		       key->verdict);
}

bool dw_tally_has(const struct dw_tally *tally, const char *fingerprint, uint32_t verdict)
{
	const struct key key = {fingerprint, verdict};

	return dw_index_find(&tally->index, hash_key(&key), same_row, tally, &key) != DW_INDEX_NONE;
}

/* The recordings that the legs are of, each once. */
static uint32_t count_paths(const struct dw_reported *reported)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < reported->finding->n_legs; i++) {
		uint32_t before = 0;

		while (before < i && reported->leg_paths[before] != reported->leg_paths[i])
			before++;
		n += before == i;
	}
	return n;
}

static int add_finding(struct dw_tally *tally, const struct dw_reported_process *process,
		       const struct dw_reported *reported, bool *ret_keep)
{
	const struct key key = {reported->fingerprint, reported->finding->verdict};
	uint64_t hash = hash_key(&key);
	uint32_t i = dw_index_find(&tally->index, hash, same_row, tally, &key);
	struct dw_tally_row *row;
	int r = 0;

	if (i == DW_INDEX_NONE) {
		i = tally->n_rows;
		r = add_row(tally, process, reported, hash, ret_keep);
	}
	if (r < 0)
		return dw_pass(r);
	row = &tally->rows[i];
	row->reported.occurrences += reported->occurrences;
	/* One recording may say the same of several needs that no order declares. */
	row->reported.n_recordings += row->last != tally->n_added;
	row->last = tally->n_added;
	if (reported->leg_paths)
		row->reported.n_recordings = count_paths(reported);
	if (row->suppression)
		row->suppression->n_used += reported->occurrences;
	return 0;
}

int dw_tally_add_process(struct dw_tally *tally, const struct dw_reported_process *process,
			 bool *ret_keep)
{
	int r = 0;

	for (size_t i = 0; i < process->n_findings && r == 0; i++)
		if (!process->findings[i].finding->excuse)
			r = add_finding(tally, process, &process->findings[i], ret_keep);
	if (r == 0 && *ret_keep)
		r = dw_array_room(tally->arena, (void **)&tally->processes, tally->n_processes,
				  &tally->processes_room, sizeof(*process));
	if (r < 0)
		return dw_pass(r);
	if (*ret_keep)
		tally->processes[tally->n_processes++] = *process;
	return 0;
}

/* The findings of the recording itself, and behind them what the order does not declare. */
static int add_undeclared(struct dw_tally *tally, struct dw_study *study,
			  struct dw_reported_process *process)
{
	char fingerprint[DW_FINGERPRINT_SIZE];
	struct dw_finding *findings;
	struct dw_reported *all;
	size_t n;
	int r = dw_declared_check(tally->options->declared, study->facts, study->names,
				  study->arena, &findings, &n);

	all = r < 0 ? NULL
		    : dw_arena_alloc(study->arena, (process->n_findings + n + 1) * sizeof(*all));
	if (!all)
		return dw_raise(-ENOMEM);
	memcpy(all, process->findings, process->n_findings * sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		dw_fingerprint(&findings[i], study->facts, study->names, fingerprint);
		all[process->n_findings + i] = (struct dw_reported){
		    .finding = &findings[i],
		    .fingerprint = dw_arena_text(study->arena, fingerprint, strlen(fingerprint)),
		    .occurrences = 1,
		};
		if (!all[process->n_findings + i].fingerprint)
			return dw_raise(-ENOMEM);
	}
	process->findings = all;
	process->n_findings += n;
	return 0;
}

/* A lock that is only there proves nothing: it has to be taken. */
static void look_for_required(struct dw_tally *tally, const struct dw_study *study)
{
	const struct dw_tally_options *options = tally->options;
	const struct dw_facts *facts = study->facts;

	for (size_t i = 0; i < options->n_required; i++)
		for (uint32_t c = 1; c < facts->n_chains && !tally->required_seen[i]; c++)
			tally->required_seen[i] =
			    !(facts->chains[c].how & DW_WAITS) &&
			    (!strcmp(options->required[i],
				     dw_names_thing_plain(study->names, facts->chains[c].thing)) ||
			     !strcmp(options->required[i],
				     dw_names_thing(study->names, facts->chains[c].thing)));
}

/*
 * How it ended, and whether somebody watched until then. Who reads the recording has waited for the
 * monitor; that a process has its number says nothing, for it may be another one, on another host.
 * One thread alone meets nobody, but it may have been about to make others: a job may say that this
 * is not its concern, and still be told of the rest.
 */
static int judge_end(struct dw_study *study)
{
	unsigned flags = dw_reader_flags(study->reader);
	uint32_t monitor = dw_reader_monitor(study->reader);
	bool has_ended = dw_study_has_ended(study);
	bool is_single = study->facts->n_threads <= 2; /* index 0 is none */
	int r = 0;

	if (!has_ended)
		r = dw_blind_add(&study->blind, study->arena,
				 is_single ? "killed-single" : "killed",
				 "the process%s did not come to its regular end: it was killed, or "
				 "still runs; what else it would have done is not known",
				 is_single ? ", of one thread," : "");
	if (r == 0 && has_ended && monitor && !(flags & DW_REC_WATCHED))
		r = dw_blind_add(&study->blind, study->arena, "monitor-died",
				 "the monitor did not come to its regular end: what was stuck was "
				 "not looked for to the end");
	return r < 0 ? dw_pass(r) : 0;
}

int dw_tally_add(struct dw_tally *tally, struct dw_study *study, bool *ret_keep)
{
	struct dw_reported_process process;
	int r = judge_end(study);

	*ret_keep = false;
	tally->n_added++;
	if (r == 0)
		r = dw_study_process(study, &process);
	if (r < 0)
		return dw_pass(r);
	dw_render_add(&tally->sums, &process);
	look_for_required(tally, study);
	if (tally->options->declared)
		r = add_undeclared(tally, study, &process);
	if (r == 0)
		r = dw_tally_add_blind(tally, study->path, &study->blind);
	if (r == 0 && !tally->merge_is_full)
		tally->merge_is_full = dw_merge_add(tally->merge, study->facts, study->path) < 0;
	if (r == 0)
		r = dw_tally_add_process(tally, &process, ret_keep);
	if (*ret_keep && dw_names_program_is_lost(study->names))
		tally->n_nameless++;
	return r < 0 ? dw_pass(r) : 0;
}
