/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all graphs of the net of needs share, whatever format they are in.
 *
 * Internal to the graph renderers.
 */
#pragma once

#include "render/drawing.h"
#include "render/tell.h"

/*
 * Draws the net of telling->process; all of it, or the boxes that matter most.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_grapher_draw(struct dw_telling *telling, bool all, struct dw_drawing *ret);

/* "40 of 120 things and 90 of 300 needs are left out; --all draws them", or "". */
const char *dw_grapher_left_out(struct dw_telling *telling, const struct dw_drawing *drawing);

/* Writes one process; what it needs is telling->arena's. Return: 0, or a negative errno. */
typedef int dw_grapher_write(struct dw_telling *telling, size_t number, bool all);

/* Writes all processes of @report by @write. Return: 0, or a negative errno. */
int dw_grapher_write_all(FILE *out, const struct dw_report *report,
			 const struct dw_render_options *options, dw_grapher_write *write);
