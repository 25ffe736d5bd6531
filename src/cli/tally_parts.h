/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a tally. tally.c has what happens as recordings are added, tally_merge.c what
 * several show that none of them shows alone, tally_finish.c what all come to.
 *
 * Internal to these.
 */
#pragma once

#include "analysis/index.h"
#include "cli/tally.h"

struct dw_baseline_entry;
struct dw_merge;
struct dw_suppression;
struct dw_tally_merged;

/* A finding; all with its fingerprint and verdict are it. */
struct dw_tally_row {
	struct dw_reported reported; /* its finding is there only where `is_shown` */
	uint32_t verdict;
	uint32_t process; /* index of the one that has it, where `is_shown` */
	uint32_t last;    /* which recording had it last; they count from 1 */
	bool is_shown;
	const char *chain;
	struct dw_suppression *suppression;
	struct dw_baseline_entry *entry;
};

struct dw_tally {
	const struct dw_tally_options *options;
	struct dw_arena *arena;
	struct dw_index index; /* of rows, by fingerprint and verdict */
	struct dw_tally_row *rows;
	struct dw_reported_process *processes; /* that are kept */
	struct dw_blind *blind;                /* each reason once */
	struct dw_gate_note *notes;
	uint32_t n_rows, rows_room, n_processes, processes_room, n_blind, blind_room, n_notes,
	    notes_room;
	uint32_t n_added;
	uint32_t n_nameless; /* that are kept, of programs whose files are not there any more */
	uint32_t n_strays;   /* files that are no recordings */
	const char *stray;   /* the first of them */
	bool *required_seen; /* by option */
	struct dw_symbols *symbols; /* the caller's */
	struct dw_merge *merge;
	struct dw_tally_merged *merged; /* tally_merge.c has it */
	bool merge_is_full;
	struct dw_sums sums;
	struct dw_gated gated;
};

/* Adds the findings of @process. *@ret_keep is set if it must outlive the report. */
int dw_tally_add_process(struct dw_tally *tally, const struct dw_reported_process *process,
			 bool *ret_keep);

/* Adds reasons of the recording at @path; NULL: of none. Return: 0, or -ENOMEM. */
int dw_tally_add_blind(struct dw_tally *tally, const char *path, const struct dw_blind_list *list);

/* Whether there is such a finding. */
bool dw_tally_has(const struct dw_tally *tally, const char *fingerprint, uint32_t verdict);

/* Adds what follows from several recordings together. Return: 0, or -ENOMEM. */
int dw_tally_merge(struct dw_tally *tally);
void dw_tally_free_merged(struct dw_tally *tally);

/* Adds that not all was looked at that follows from several. Return: 0, or -ENOMEM. */
int dw_tally_blind_of_runs(struct dw_tally *tally);
