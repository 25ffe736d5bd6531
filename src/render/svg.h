/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drawings as SVG: of the net of needs, and of the legs of one finding.
 *
 * Colours are those of a style sheet, by class: `box`, `line`, `thread`, with `found`, `excused`,
 * `lock`, `bql`. Sizes depend on how many characters names have, not on fonts.
 */
#pragma once

#include "render/drawing.h"
#include "render/tell.h"

enum dw_svg_use {
	DW_SVG_ALONE,  /* a file of its own: its style is within */
	DW_SVG_LINKED, /* part of a page: a box leads to its element `pN-thing-NUMBER` */
};

/*
 * Writes the net.
 *
 * Return: 0, or a negative errno of dw_layout().
 */
int dw_svg_net(struct dw_telling *telling, const struct dw_drawing *drawing, enum dw_svg_use use);

/* Writes who holds or gives what, and needs what, around a circle, or in a row. The same. */
int dw_svg_finding(struct dw_telling *telling, const struct dw_finding *finding);
