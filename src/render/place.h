/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a finding is, for those who show it beside source: sites that scan code, test reports,
 * annotations of a change.
 *
 * What is returned lives as long as the telling's arena.
 */
#pragma once

#include "render/tell.h"

struct dw_named_stack;

/* A line of source, or, where that is not known, a file with code. */
struct dw_place_shown {
	const char *path; /* as people write it; NULL: nothing is known */
	const char *uri;  /* the same as a URI */
	bool below_root;  /* it is relative to the source's root */
	uint32_t line;    /* 0: not known */
};

/* Of @frame, which may be NULL. */
struct dw_place_shown dw_place_of_frame(struct dw_telling *telling, const struct dw_frame *frame,
					const char *source_root);

/* The one frame of a finding that people are sent to: where what closes the cycle is taken. */
const struct dw_frame *dw_place_of_finding(struct dw_telling *telling,
					   const struct dw_finding *finding);

/* The sayings of all legs, a line each, with where they are: a finding in a few words. */
const char *dw_place_summary(struct dw_telling *telling, const struct dw_finding *finding);

/* Whether formats for other programs have the finding: what is excused only on request. */
bool dw_place_is_shown(const struct dw_reported *reported, const struct dw_render_options *options);

/* Of a gate: "2 recordings could not be read". Return: @ret. */
#define DW_PLACE_UNREAD_SIZE 64
const char *dw_place_unread(char ret[DW_PLACE_UNREAD_SIZE], const struct dw_gated *gate);

/* "error", "warning" or "note", as SARIF has it. */
const char *dw_place_level(const struct dw_reported *reported);
