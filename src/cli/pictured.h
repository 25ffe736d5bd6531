/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scene as a report shows it beside its findings: what every thread does, and what could not be
 * seen of it.
 */
#pragma once

#include "render/render.h"

struct dw_arena;
struct dw_inspection_options;
struct dw_profiles;
struct dw_scene;

/* @facts: those of @scene, and what profiles add. Memory is the arena's. Return: 0, or -ENOMEM. */
int dw_pictured_make(const struct dw_inspected **ret, struct dw_arena *arena,
		     struct dw_scene *scene, const struct dw_facts *facts,
		     const struct dw_profiles *profiles);

/*
 * The reasons why finding nothing in @process, seen as @scene, would not mean much; what is known
 * of that beforehand is in @options. Return: 0, or -ENOMEM.
 */
int dw_pictured_judge(struct dw_reported_process *process, struct dw_arena *arena,
		      const struct dw_scene *scene, const struct dw_inspection_options *options);
