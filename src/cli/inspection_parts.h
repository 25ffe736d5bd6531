/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of an inspection: inspection_look.c looks, inspection.c makes a report of what was
 * seen.
 *
 * Internal to these.
 */
#pragma once

#include "cli/inspection.h"
#include "inspect/scene.h"

struct dw_analysis;
struct dw_arena;
struct dw_facts;
struct dw_found;

struct dw_inspection {
	const struct dw_inspection_options *options;
	struct dw_arena *arena;
	struct dw_sight sights[2];
	struct dw_scene *scene; /* of the latest sight */
	const struct dw_facts *facts;
	struct dw_analysis *analysis;
	struct dw_reported_process process;
	struct dw_report report;
};

/* Takes the sights of @process, and makes a scene of the latest. Return: 0, or a negative errno. */
int dw_inspection_look(struct dw_inspection *inspection, struct dw_process *process);

/* Makes the scene of @sight, behind what @before shows, or NULL. Return: 0, or a negative errno. */
int dw_inspection_make_scene(struct dw_inspection *inspection, const struct dw_sight *sight,
			     const struct dw_scene *before);

/* What is stuck in @scene for @stall_ns, by all looks. Return: 0, or a negative errno. */
int dw_inspection_find(struct dw_inspection *inspection, const struct dw_scene *scene,
		       const struct dw_facts *facts, uint64_t stall_ns, const struct dw_found **ret,
		       size_t *ret_n);
