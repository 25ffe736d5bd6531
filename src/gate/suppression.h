/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Suppressions, in the sanitizers' format: what nobody wants to be told of, by pattern.
 *
 *   # the library takes care of it
 *   deadlock:^virgl_*_fence$
 *   hazard:libasound.so
 *
 * `deadlock` is for deadlocks that have happened and those that can, `potential` for the latter
 * only; `stall`, `misuse`, `hazard` and `undeclared` are the verdicts. Lines with a kind that
 * ThreadSanitizer has and we have not are for it, and left alone. A pattern is searched for in
 * the names of a finding's things, and in the functions, files and modules of its stacks: `*`
 * stands for any text, `^` and `$` hold it to the begin and the end of a name.
 *
 * Single-threaded. What is handed out lives as long as the list.
 */
#pragma once

#include "analysis/finding.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct dw_names;
struct dw_wrong;

struct dw_suppression {
	unsigned kinds;      /* bits 1 << enum dw_verdict */
	const char *text;    /* the line */
	const char *pattern; /* what is behind its colon */
	const char *path;    /* of the file; the caller's */
	unsigned line;
	uint64_t n_used;      /* occurrences of findings that it suppressed */
	uint32_t n_different; /* findings that it suppressed, each once */
};

/* One that suppressed more different findings than this was meant for something else. */
#define DW_SUPPRESSION_BROAD_MIN 10

struct dw_suppressions;

int dw_suppressions_new(struct dw_suppressions **ret);
struct dw_suppressions *dw_suppressions_free(struct dw_suppressions *suppressions);

/* Adds those of a file. Return: 0; 1 if it is wrong, with *@ret_wrong set; or -ENOMEM. */
int dw_suppressions_parse(struct dw_suppressions *suppressions, const char *path, const char *text,
			  size_t size, struct dw_wrong *ret_wrong);

/* In the order of the files. */
const struct dw_suppression *dw_suppressions_entries(const struct dw_suppressions *suppressions,
						     size_t *ret_n);

/* The first that is about @finding; NULL: none is. Uses are the caller's to count. */
struct dw_suppression *dw_suppressions_find(struct dw_suppressions *suppressions,
					    const struct dw_finding *finding,
					    const struct dw_facts *facts, struct dw_names *names);

/* Whether it suppressed, or would suppress, more than anybody can mean. */
bool dw_suppression_is_broad(const struct dw_suppression *suppression);

/* Whether @pattern is in @name, as said above. */
bool dw_suppression_matches(const char *pattern, const char *name);

DW_DEFINE_AUTO(suppressions)
