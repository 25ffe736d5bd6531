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

struct dw_names;

/* A reason why "nothing found" would not mean "nothing there". */
struct dw_blind {
	const char *reason; /* a word to compare: "no-events", "lost-disk", "truncated" ... */
	const char *text;   /* a sentence for people, with what to do about it */
};

/* A finding that stands for all with the same fingerprint in the same process. */
struct dw_reported {
	const struct dw_finding *finding;
	const char *fingerprint; /* 16 hexadecimal digits */
	uint32_t occurrences;    /* how many findings it stands for */
};

/* One recording. */
struct dw_reported_process {
	const char *path; /* of the recording */
	const struct dw_facts *facts;
	struct dw_names *names;
	const struct dw_reported *findings; /* in the order in which to show them */
	size_t n_findings;
	uint64_t n_needs, n_things;
	bool monitored; /* somebody watched it while it ran, so what was stuck was found */
	bool cut_off;   /* nobody watched it, and it did not come to its regular end; see last.h */
	const struct dw_blind *blind;
	size_t n_blind;
};

struct dw_report {
	const struct dw_reported_process *processes;
	size_t n_processes;
	const struct dw_blind *blind; /* what concerns no single recording */
	size_t n_blind;
};

struct dw_render_options {
	bool all;        /* excused findings too */
	bool contention; /* how long locks were waited for */
	bool colour;     /* for a terminal */
};

struct dw_renderer {
	const char *name; /* what the user writes after --format= */

	/* mandatory. Return: 0, or a negative errno of writing. */
	int (*render)(FILE *out, const struct dw_report *report,
		      const struct dw_render_options *options);
};

/* How many of the things of a process are locks. */
uint64_t dw_render_n_locks(const struct dw_reported_process *process);

/* NULL if there is no format of that name. */
const struct dw_renderer *dw_renderer_find(const char *name);

extern const struct dw_renderer dw_render_text;
extern const struct dw_renderer dw_render_json;
