/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the boxes and lines of a drawing go: Graphviz's algorithms, without its words. Boxes
 * have the sizes that the caller gives them, and no text goes in, so neither fonts nor hostile
 * names have a say in what comes out.
 *
 * Single-threaded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_arena;

struct dw_point {
	double x, y;
};

struct dw_place {
	double width, height; /* the caller's */
	struct dw_point centre;
};

struct dw_route {
	uint32_t from, to; /* the caller's: indices of places */

	/* A Bezier curve, three points for each piece after the first point; its tip is beyond. */
	const struct dw_point *points;
	size_t n_points;
	struct dw_point tip; /* where the arrow ends */
};

enum dw_layout_kind {
	DW_LAYOUT_RANKS,  /* from left to right: what is needed is right of what needs it */
	DW_LAYOUT_COLUMN, /* the same from top to bottom: a path stays narrow */
	DW_LAYOUT_CIRCLE, /* around a circle, in the order of the routes */
};

struct dw_layout {
	struct dw_place *places;
	struct dw_route *routes;
	uint32_t n_places, n_routes;
	enum dw_layout_kind kind;
	double width, height; /* what it came to; the origin is the top left corner */
};

/* Return: 0; -ENOMEM; -ENOSYS: Graphviz has no such layout here. */
int dw_layout(struct dw_layout *layout, struct dw_arena *arena);
