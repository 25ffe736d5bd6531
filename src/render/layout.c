/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/layout.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <graphviz/gvc.h>
#include <stdio.h>
#include <string.h>

/* Room around all: lines' widths and arrows are not in what Graphviz measures. */
#define MARGIN 8.0

/* Beyond so many boxes, ranks take minutes, and show nothing: then related boxes are put together.
 */
#define RANKED_MAX 300

/* A layout that is under way. */
struct laying {
	struct dw_layout *layout;
	GVC_t *gvc;
	Agraph_t *graph;
	Agnode_t **nodes;
	Agedge_t **edges;
};

static void set(Agraph_t *graph, int kind, const char *name, const char *value)
{
	agattr(graph, kind, (char *)name, (char *)value);
}

static void set_inches(void *object, const char *name, double points)
{
	char text[32];

	snprintf(text, sizeof(text), "%.4f", points / POINTS_PER_INCH);
	agset(object, (char *)name, text);
}

static void set_defaults(struct laying *l)
{
	Agraph_t *graph = l->graph;

	set(graph, AGNODE, "shape", "box");
	set(graph, AGNODE, "label", "");
	set(graph, AGNODE, "fixedsize", "true");
	set(graph, AGNODE, "width", "1");
	set(graph, AGNODE, "height", "1");
	set(graph, AGEDGE, "arrowsize", "0.8");
	set(graph, AGRAPH, "nodesep", "0.22");
	set(graph, AGRAPH, "ranksep", "0.5");
	if (l->layout->kind == DW_LAYOUT_RANKS)
		set(graph, AGRAPH, "rankdir", "LR");
	if (l->layout->kind == DW_LAYOUT_CIRCLE)
		set(graph, AGRAPH, "mindist", "0.35");
	if (l->layout->n_places > RANKED_MAX) {
		set(graph, AGRAPH, "splines", "line");
		set(graph, AGRAPH, "overlap", "prism");
	}
}

static int fill(struct laying *l, struct dw_arena *arena)
{
	struct dw_layout *layout = l->layout;

	l->nodes = dw_arena_alloc(arena, (layout->n_places + 1) * sizeof(*l->nodes));
	l->edges = dw_arena_alloc(arena, (layout->n_routes + 1) * sizeof(*l->edges));
	if (!l->nodes || !l->edges)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < layout->n_places; i++) {
		l->nodes[i] = agnode(l->graph, NULL, /* createflag= */ 1);
		if (!l->nodes[i])
			return dw_raise(-ENOMEM);
		set_inches(l->nodes[i], "width", layout->places[i].width);
		set_inches(l->nodes[i], "height", layout->places[i].height);
	}
	for (uint32_t i = 0; i < layout->n_routes; i++) {
		const struct dw_route *route = &layout->routes[i];

		l->edges[i] = agedge(l->graph, l->nodes[route->from], l->nodes[route->to], NULL,
				     /* createflag= */ 1);
		if (!l->edges[i])
			return dw_raise(-ENOMEM);
	}
	return 0;
}

/* Graphviz's y goes up. */
static struct dw_point point_of(const struct laying *l, pointf p)
{
	boxf box = GD_bb(l->graph);

	return (struct dw_point){p.x - box.LL.x + MARGIN, box.UR.y - p.y + MARGIN};
}

static int read_route(const struct laying *l, Agedge_t *edge, struct dw_route *route,
		      struct dw_arena *arena)
{
	const splines *spline = ED_spl(edge);
	const bezier *curve = spline && spline->size > 0 ? &spline->list[0] : NULL;
	struct dw_point *points;

	if (!curve || curve->size < 4)
		return 0; /* it stays without points, and is not drawn */
	points = dw_arena_alloc(arena, (size_t)curve->size * sizeof(*points));
	if (!points)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; i < (size_t)curve->size; i++)
		points[i] = point_of(l, curve->list[i]);
	route->points = points;
	route->n_points = (size_t)curve->size;
	route->tip = curve->eflag ? point_of(l, curve->ep) : points[route->n_points - 1];
	return 0;
}

static int read_all(const struct laying *l, struct dw_arena *arena)
{
	struct dw_layout *layout = l->layout;
	boxf box = GD_bb(l->graph);
	int r = 0;

	layout->width = box.UR.x - box.LL.x + 2 * MARGIN;
	layout->height = box.UR.y - box.LL.y + 2 * MARGIN;
	for (uint32_t i = 0; i < layout->n_places; i++)
		layout->places[i].centre = point_of(l, ND_coord(l->nodes[i]));
	for (uint32_t i = 0; i < layout->n_routes && r == 0; i++)
		r = read_route(l, l->edges[i], &layout->routes[i], arena);
	return r < 0 ? dw_pass(r) : 0;
}

static int lay(struct laying *l, struct dw_arena *arena)
{
	const char *engine = l->layout->kind == DW_LAYOUT_CIRCLE ? "circo"
			     : l->layout->n_places > RANKED_MAX  ? "sfdp"
								 : "dot";
	int r;

	set_defaults(l);
	r = fill(l, arena);
	if (r < 0)
		return dw_pass(r);
	if (gvLayout(l->gvc, l->graph, engine) != 0)
		return dw_raise(-ENOSYS);
	r = read_all(l, arena);
	gvFreeLayout(l->gvc, l->graph);
	return r < 0 ? dw_pass(r) : 0;
}

/*
 * circo keeps what it knows about a graph by the graph's address, after the graph is gone. So its
 * graph is closed only when its next one exists, which then has another address.
 */
static void close_graph(Agraph_t *graph, enum dw_layout_kind kind)
{
	static Agraph_t *last_circle;

	if (kind != DW_LAYOUT_CIRCLE) {
		agclose(graph);
		return;
	}
	if (last_circle)
		agclose(last_circle);
	last_circle = graph;
}

int dw_layout(struct dw_layout *layout, struct dw_arena *arena)
{
	struct laying l = {.layout = layout};
	int r = -ENOMEM;

	layout->width = layout->height = 2 * MARGIN;
	if (layout->n_places == 0)
		return 0;
	agseterr(AGMAX); /* a library does not speak */
	l.gvc = gvContext();
	if (!l.gvc)
		return dw_raise(-ENOMEM);
	l.graph = agopen("net", Agdirected, NULL);
	if (l.graph) {
		r = lay(&l, arena);
		close_graph(l.graph, layout->kind);
	}
	gvFreeContext(l.gvc);
	return r < 0 ? dw_pass(r) : 0;
}
