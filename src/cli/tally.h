/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tally: what recordings come to together, for a gate. Each finding is there once, however
 * many recordings have it; and of recordings that have nothing else to show, nothing stays in
 * memory.
 *
 * Single-threaded. Prints nothing.
 */
#pragma once

#include "base/cleanup.h"
#include "render/render.h"

struct dw_baseline;
struct dw_blind_list;
struct dw_declared;
struct dw_study;
struct dw_suppressions;
struct dw_symbols;

/* Recordings that stay in memory because of findings: more would be no report to read. */
#define DW_TALLY_KEPT_MAX 200

struct dw_tally_options {
	struct dw_baseline *baseline; /* never NULL; it may be empty */
	const char *baseline_path;    /* NULL: there is none */
	struct dw_suppressions *suppressions;
	const struct dw_declared *declared; /* NULL: no order is declared */
	const char *declared_path;
	const char *const *required; /* locks that must have been seen being taken */
	const char *const *allowed;  /* reasons of blindness that are none here */
	size_t n_required, n_allowed;
	bool hazards; /* they are a reason to fail */
	bool strict;  /* so is what is wrong with the gate's own files */
};

struct dw_tally;

/* @options, what they point to, and @symbols must outlive it. Return: 0, or -ENOMEM. */
int dw_tally_new(struct dw_tally **ret, const struct dw_tally_options *options,
		 struct dw_symbols *symbols);
struct dw_tally *dw_tally_free(struct dw_tally *tally);

/* Adds a recording. *@ret_keep: it must outlive the report. Return: 0, or -ENOMEM. */
int dw_tally_add(struct dw_tally *tally, struct dw_study *study, bool *ret_keep);

/* Counts a file at @path that was passed over, being no recording. Return: 0, or -ENOMEM. */
int dw_tally_add_stray(struct dw_tally *tally, const char *path);

/*
 * The report: what is new first. @blind: what else could not be seen; @n_unread: how many
 * recordings could not be read. Return: 0, or -ENOMEM.
 */
int dw_tally_finish(struct dw_tally *tally, const struct dw_blind_list *blind, size_t n_unread,
		    struct dw_report *ret);

/* What the finished tally means: an enum dw_exit. */
int dw_tally_exit(const struct dw_tally *tally);

/*
 * Adds what is new to the baseline, once finished; from then on it is known.
 *
 * Return: how many findings that were, or -ENOMEM.
 */
int dw_tally_update(struct dw_tally *tally);

DW_DEFINE_AUTO(tally)
