/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An inspection: looks at a process that nobody has traced, and what they come to.
 *
 * The first look takes all stacks. Where somebody waits for a lock and does not come on over
 * a few short looks, it is looked at until @stall_ns are over, and then whole once more: what
 * is found is what both looks show. So a process that is merely busy is let alone soon.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"
#include "inspect/sight.h"
#include "render/render.h"

#include <stdbool.h>
#include <stdint.h>

struct dw_inspection;
struct dw_process_core_gaps;
struct dw_profiles;

struct dw_inspection_options {
	uint64_t stall_ns; /* who waits for so long without anybody's progress is stuck */
	const struct dw_profiles *profiles;
	const struct dw_process_core_gaps *gaps; /* of a core file; NULL: it is none */
	const struct dw_blind *blind;            /* what is known not to be seen */
	size_t n_blind;
	bool shows_progress; /* to who waits at a terminal */
};

/* Return: 0; -ESRCH: the process ended before anything was seen; or another negative errno. */
int dw_inspection_new(struct dw_inspection **ret, struct dw_process *process,
		      const struct dw_inspection_options *options);

/* The same of a sight that somebody put together: there is one look, and nothing lasts. */
int dw_inspection_new_of_sight(struct dw_inspection **ret, const struct dw_sight *sight,
			       const struct dw_inspection_options *options);

struct dw_inspection *dw_inspection_free(struct dw_inspection *inspection);

/* What it comes to. Lives as long as @inspection. */
const struct dw_report *dw_inspection_report(const struct dw_inspection *inspection);

DW_DEFINE_AUTO(inspection)
