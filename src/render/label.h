/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a box of a drawing says, and how large that makes it: one line, or two where one would
 * make the box wide, and the drawing with it. Sizes depend on how many characters there are, not
 * on fonts.
 */
#pragma once

#include "render/layout.h"
#include "render/tell.h"

#define DW_LABEL_LINES 2

struct dw_label {
	const char *lines[DW_LABEL_LINES];
	unsigned n;
};

/* @text is harmless, as dw_tell_name() makes it. What is long is broken at a space, or cut. */
struct dw_label dw_label(struct dw_telling *telling, const char *text);

/* A place of the size that @label needs. */
struct dw_place dw_label_place(const struct dw_label *label);

/* Writes it as text elements of an SVG, in the middle of @place. */
void dw_label_write(struct dw_telling *telling, const struct dw_label *label,
		    const struct dw_place *place);
