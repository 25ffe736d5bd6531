/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A study: a recording that was read, and all that was made of it.
 *
 * Here reader, profiles, names, analysis and fingerprints meet. It owns all that it points to.
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"
#include "cli/blind.h"
#include "render/render.h"

struct dw_profiles;
struct dw_reader;
struct dw_symbols;

/* What one recording and its analysis may take. A QEMU boot's facts need some megabytes; a
 * file made to harm must not take the machine down. */
#define DW_STUDY_MEMORY_MAX ((size_t)2 << 30)

struct dw_study {
	char *path;
	struct dw_arena *arena; /* of what is made here */
	struct dw_reader *reader;
	const struct dw_facts *facts; /* the reader's, and what profiles add */
	struct dw_analysis *analysis;
	struct dw_names *names;
	struct dw_blind_list blind;
	bool may_run;          /* its process, still: whoever reads the recording may know */
	struct dw_study *next; /* for the list of who has it */
};

/*
 * @symbols: what names are taken from; NULL: of its own. They, and @profiles, must outlive it.
 *
 * Return: 0; a dw_reader_answer; or a negative errno.
 */
int dw_study_new(struct dw_study **ret, const char *path, const struct dw_profiles *profiles,
		 struct dw_symbols *symbols);
struct dw_study *dw_study_free(struct dw_study *study);

/* Whether its process, so far as the recording tells, came to its end by itself. */
bool dw_study_has_ended(const struct dw_study *study);

/* What a report says of it: all its findings, folded. Return: 0, or -ENOMEM. */
int dw_study_process(struct dw_study *study, struct dw_reported_process *ret);

DW_DEFINE_AUTO(study)
