/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people and programs get to see: one format a file, each a row of a table.
 *
 * A report is what a renderer is given: the recordings that were read, with their
 * findings. Output is a function of the report: no addresses, no time of printing, no
 * order of hash tables.
 */
#pragma once

#include "analysis/finding.h"
#include "model/facts.h"

#include <stdbool.h>
#include <stdio.h>

struct dw_event;
struct dw_names;
struct dw_inspected;

/* A reason why "nothing found" would not mean "nothing there". */
struct dw_blind {
	const char *reason; /* a word to compare: "no-events", "lost-disk", "truncated" ... */
	const char *text;   /* a sentence for people, with what to do about it */
	const char *path; /* of the recording it was first seen in; NULL: said elsewhere, or none */
	uint32_t n_more;  /* how many more have the same reason */
};

/* What a gate makes of a finding. */
#define DW_STANDINGS(X)                                                             \
	X(DW_STANDING_NONE, 0, "none")             /* there is no gate */           \
	X(DW_STANDING_NEW, 1, "new")               /* the baseline lacks it */      \
	X(DW_STANDING_KNOWN, 2, "known")           /* it is in the baseline */      \
	X(DW_STANDING_SUPPRESSED, 3, "suppressed") /* nobody wants to hear of it */ \
	X(DW_STANDING_LISTED, 4, "listed")         /* no reason to fail */

enum dw_standing {
#define X(name, value, text) name = value,
	DW_STANDINGS(X)
#undef X
};

/*
 * A finding that stands for all with the same fingerprint in the same process; under a gate, in
 * all processes.
 */
struct dw_reported {
	const struct dw_finding *finding;
	const char *fingerprint; /* 16 hexadecimal digits */
	uint32_t occurrences;    /* how many findings it stands for */

	/* Of a gate; all zero without one. */
	enum dw_standing standing;
	const char *reason; /* the baseline's, the suppression, why it is listed; NULL: none */
	uint32_t n_recordings;
	const char *const *leg_paths; /* by leg: the recording it is of; NULL: all of one */
};

/* One recording. */
struct dw_reported_process {
	const char *path; /* of the recording; NULL: there is none */
	const struct dw_facts *facts;
	const struct dw_event *events; /* in their order; NULL: not every event was recorded */
	size_t n_events;
	struct dw_names *names;
	const struct dw_reported *findings; /* in the order in which to show them */
	size_t n_findings;
	uint64_t n_needs, n_things;
	bool monitored;  /* somebody watched it while it ran, so what was stuck was found */
	bool cut_off;    /* nobody watched it, and it did not come to its regular end; see last.h */
	bool was_killed; /* it did not come to its regular end, and does not run any more */
	const struct dw_inspected *inspected; /* of one that was inspected; else NULL */
	const struct dw_blind *blind;
	size_t n_blind;
};

/* How much was seen, in all recordings. */
struct dw_sums {
	uint64_t processes, monitored, killed, threads, locks, things, needs, short_stacks,
	    left_out, excused;
	uint64_t verdicts[DW_UNDECLARED + 1]; /* by enum dw_verdict, without an excuse */
	uint64_t losses[DW_LOSS_MAX];
};

/* Something about the gate's own files that somebody should look at. */
struct dw_gate_note {
	const char *kind; /* "gone", "todo", "unused", "broad", "allowed" */
	const char *path; /* of the file; NULL: of none */
	unsigned line;
	const char *text;
	bool fails;
};

/* What a gate makes of a report. */
struct dw_gated {
	const struct dw_gate_note *notes;
	size_t n_notes;
	size_t n_standings[DW_STANDING_LISTED + 1]; /* findings, by enum dw_standing */
	size_t n_unread;                            /* recordings that could not be read */
	struct dw_sums sums;
	const char *baseline; /* its path; NULL: there is none */
};

struct dw_report {
	const struct dw_reported_process *processes;
	size_t n_processes;
	const struct dw_blind *blind; /* what concerns no single recording */
	size_t n_blind;

	/* NULL: there is no gate. With one, `processes` are those that have something to show. */
	const struct dw_gated *gate;
};

/* @what is being made; of @n of them, number @number: @n is 0 where there is but one. */
typedef void dw_render_doing(const char *what, size_t number, size_t n);

struct dw_render_options {
	bool all;                /* excused findings too; of a graph, every thing */
	bool contention;         /* how long locks were waited for */
	bool colour;             /* for a terminal */
	const char *source_root; /* for formats that want paths below it; NULL: as they are */
	dw_render_doing *doing;  /* told before what may take long; NULL: nobody waits for it */
};

struct dw_renderer {
	const char *name; /* what the user writes after --format= */

	bool of_events; /* it shows events: every process must have some */

	/* mandatory. Return: 0, or a negative errno of writing. */
	int (*render)(FILE *out, const struct dw_report *report,
		      const struct dw_render_options *options);
};

/* How many of the things of a process are locks. */
uint64_t dw_render_n_locks(const struct dw_reported_process *process);

/* Adds to @sums what @process comes to. */
void dw_render_add(struct dw_sums *sums, const struct dw_reported_process *process);

/* The word of a standing; static. */
const char *dw_standing_word(unsigned standing);

/* NULL if there is no format of that name; of reports, and of graphs. */
const struct dw_renderer *dw_renderer_find(const char *name);
const struct dw_renderer *dw_grapher_find(const char *name);

extern const struct dw_renderer dw_render_text;
extern const struct dw_renderer dw_render_json;
extern const struct dw_renderer dw_render_sarif;
extern const struct dw_renderer dw_render_junit;
extern const struct dw_renderer dw_render_github;
extern const struct dw_renderer dw_render_gitlab;
extern const struct dw_renderer dw_render_html;
extern const struct dw_renderer dw_render_timeline;
extern const struct dw_renderer dw_render_openmetrics;
extern const struct dw_renderer dw_render_ndjson;

extern const struct dw_renderer dw_grapher_dot;
extern const struct dw_renderer dw_grapher_svg;
extern const struct dw_renderer dw_grapher_mermaid;
