/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/svg.h"

#include "analysis/leg.h"
#include "base/arena.h"
#include "base/error.h"
#include "render/chain.h"
#include "render/embedded.h"
#include "render/label.h"
#include "render/markup.h"
#include "symbol/names.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#define ARROW 8.0

/* What is wider could not be read on a telephone if it were shrunk to fit: there it is scrolled. */
#define SHRUNK_MAX 500.0

/* Each leg is two boxes and two lines; a path has one box more. */
#define LEG_BOXES 2

/* The point of the arrow of @route, and where it comes from. */
static void write_arrow(struct dw_telling *telling, const struct dw_route *route)
{
	struct dw_point tip = route->tip, from = route->points[route->n_points - 1];
	double x = tip.x - from.x, y = tip.y - from.y, length = hypot(x, y);

	if (length < 0.01) {
		from = route->points[route->n_points - 2];
		x = tip.x - from.x;
		y = tip.y - from.y;
		length = hypot(x, y);
	}
	if (length < 0.01)
		return;
	x *= ARROW / length;
	y *= ARROW / length;
	dw_markup(telling, "<path class=\"tip\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fZ\"/>", tip.x,
		  tip.y, tip.x - x - y / 2, tip.y - y + x / 2, tip.x - x + y / 2,
		  tip.y - y - x / 2);
}

/* @ends: attributes that say what it connects; @title: what it says when one looks closer. */
static void write_route(struct dw_telling *telling, const struct dw_route *route, const char *class,
			const char *ends, const char *title)
{
	if (route->n_points == 0)
		return;
	dw_markup(telling, "<g class=\"line%s\"%s>", class, ends);
	dw_markup_element(telling, "title", NULL, title);
	dw_markup(telling, "<path d=\"M%.1f %.1f", route->points[0].x, route->points[0].y);
	for (size_t i = 1; i < route->n_points; i++)
		dw_markup(telling, "%s%.1f %.1f", i % 3 == 1 ? "C" : " ", route->points[i].x,
			  route->points[i].y);
	dw_markup(telling, "\"/>");
	write_arrow(telling, route);
	dw_markup(telling, "</g>\n");
}

static void write_place(struct dw_telling *telling, const struct dw_place *place, double radius,
			const struct dw_label *label)
{
	dw_markup(telling,
		  "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.0f\"/>",
		  place->centre.x - place->width / 2, place->centre.y - place->height / 2,
		  place->width, place->height, radius);
	dw_label_write(telling, label, place);
}

static void begin_svg(struct dw_telling *telling, const struct dw_layout *layout, const char *label)
{
	dw_markup(telling,
		  "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"net%s\" role=\"group\" "
		  "viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" aria-label=\"",
		  layout->width > SHRUNK_MAX ? " wide" : "", layout->width, layout->height,
		  layout->width, layout->height);
	dw_markup_text(telling, label);
	dw_markup(telling, "\">\n");
}

static const char *class_of(struct dw_telling *telling, uint32_t flags)
{
	return dw_tell_text(
	    telling, "%s%s%s%s", flags & DW_DRAWN_LOCK ? " lock" : "",
	    flags & DW_DRAWN_BQL ? " bql" : "", flags & DW_DRAWN_FOUND ? " found" : "",
	    !(flags & DW_DRAWN_FOUND) && flags & DW_DRAWN_EXCUSED ? " excused" : "");
}

/* "fb_lock", or "mutex of worker_new, 40 of them". */
static const char *box_name(struct dw_telling *telling, const struct dw_box *box)
{
	const char *name = dw_tell_name(telling, box->name);

	if (box->n_things == 1)
		return name;
	return dw_tell_text(telling, "%s \xc3\x97%" PRIu32, name, box->n_things);
}

static const char *line_title(struct dw_telling *telling, const struct dw_drawing *drawing,
			      const struct dw_line *line)
{
	const struct dw_chain *needs = &telling->process->facts->chains[line->need->needs];

	return dw_tell_text(telling, "%s needs %s, as %s did",
			    dw_tell_name(telling, drawing->boxes[line->from].name),
			    dw_tell_name(telling, drawing->boxes[line->to].name),
			    dw_tell_thread(telling, needs->thread));
}

static const char *ends_of(struct dw_telling *telling, const struct dw_drawing *drawing,
			   const struct dw_line *line)
{
	return dw_tell_text(telling, " data-from=\"%" PRIu32 "\" data-to=\"%" PRIu32 "\"",
			    drawing->boxes[line->from].thing, drawing->boxes[line->to].thing);
}

/* Graphviz takes seconds for hundreds of boxes, and says nothing. */
static void say_laying(struct dw_telling *telling, const struct dw_drawing *drawing)
{
	dw_tell_doing(telling,
		      dw_tell_text(telling, "layout of %" PRIu32 " boxes", drawing->n_boxes),
		      /* number= */ 0, /* n= */ 0);
}

static int lay_net(struct dw_telling *telling, const struct dw_drawing *drawing,
		   struct dw_layout *layout)
{
	struct dw_arena *arena = telling->arena;

	layout->n_places = drawing->n_boxes;
	layout->n_routes = drawing->n_lines;
	layout->places =
	    dw_arena_alloc(arena, (drawing->n_boxes + (size_t)1) * sizeof(*layout->places));
	layout->routes =
	    dw_arena_alloc(arena, (drawing->n_lines + (size_t)1) * sizeof(*layout->routes));
	if (!layout->places || !layout->routes)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < drawing->n_boxes; i++) {
		struct dw_label label = dw_label(telling, box_name(telling, &drawing->boxes[i]));

		layout->places[i] = dw_label_place(&label);
	}
	for (uint32_t i = 0; i < drawing->n_lines; i++)
		layout->routes[i] =
		    (struct dw_route){.from = drawing->lines[i].from, .to = drawing->lines[i].to};
	say_laying(telling, drawing);
	return dw_layout(layout, arena);
}

static void write_box(struct dw_telling *telling, const struct dw_box *box,
		      const struct dw_place *place, enum dw_svg_use use)
{
	const char *name = box_name(telling, box);
	struct dw_label label = dw_label(telling, name);

	dw_markup(telling, "<g class=\"box%s\" data-thing=\"%" PRIu32 "\">",
		  class_of(telling, box->flags), box->thing);
	if (use == DW_SVG_LINKED)
		dw_markup(telling, "<a href=\"#p%zu-thing-%" PRIu32 "\">", telling->number,
			  box->thing);
	dw_markup_element(telling, "title", NULL, name);
	write_place(telling, place, box->flags & DW_DRAWN_LOCK ? 4 : 15, &label);
	dw_markup(telling, use == DW_SVG_LINKED ? "</a></g>\n" : "</g>\n");
}

int dw_svg_net(struct dw_telling *telling, const struct dw_drawing *drawing, enum dw_svg_use use)
{
	struct dw_layout layout = {.kind = DW_LAYOUT_RANKS};
	int r = lay_net(telling, drawing, &layout);

	if (r < 0)
		return dw_pass(r);
	begin_svg(telling, &layout, "locks and the needs between them");
	if (use == DW_SVG_ALONE)
		dw_markup(telling, "<style>\n%s</style>\n", dw_net_css);
	for (uint32_t i = 0; i < drawing->n_lines; i++)
		write_route(telling, &layout.routes[i], class_of(telling, drawing->lines[i].flags),
			    ends_of(telling, drawing, &drawing->lines[i]),
			    line_title(telling, drawing, &drawing->lines[i]));
	for (uint32_t i = 0; i < drawing->n_boxes; i++)
		write_box(telling, &drawing->boxes[i], &layout.places[i], use);
	dw_markup(telling, "</svg>\n");
	return 0;
}

/* The picture of a finding: a box for each thing and for each thread, in the order of the legs. */
struct picture {
	struct dw_layout layout;
	struct dw_label *labels;
	enum { THING, LOCK, THREAD } * kinds; /* by place */
	const char **titles;                  /* by route */
};

static uint32_t add_place(struct dw_telling *telling, struct picture *picture, const char *label,
			  unsigned kind)
{
	uint32_t i = picture->layout.n_places++;

	picture->labels[i] = dw_label(telling, label);
	picture->kinds[i] = kind;
	picture->layout.places[i] = dw_label_place(&picture->labels[i]);
	return i;
}

static unsigned kind_of(struct dw_telling *telling, uint32_t thing)
{
	return dw_names_thing_is_lock(telling->process->names, thing) ? LOCK : THING;
}

static void add_route(struct picture *picture, uint32_t from, uint32_t to, const char *title)
{
	picture->titles[picture->layout.n_routes] = title;
	picture->layout.routes[picture->layout.n_routes++] =
	    (struct dw_route){.from = from, .to = to};
}

static void draw_leg(struct dw_telling *telling, struct picture *picture,
		     const struct dw_finding *finding, uint32_t number)
{
	const struct dw_facts *facts = telling->process->facts;
	const struct dw_leg *leg = &finding->legs[number];
	const char *given = dw_chain_given(telling->process, finding, number);
	const char *thread = dw_tell_thread(telling, leg->thread);
	uint32_t thing = picture->layout.n_places, who;

	if (given) {
		const char *name = dw_tell_name(telling, given);

		add_place(telling, picture, name,
			  kind_of(telling, dw_leg_given(facts, finding, number)));
		who = add_place(telling, picture, thread, THREAD);
		add_route(picture, thing, who,
			  dw_tell_text(telling, "%s is %s by %s", name,
				       leg->holds ? "held" : "given", thread));
	} else {
		add_place(telling, picture, thread, THREAD);
	}
}

/* The line from the thread of leg @number to what it needs, which is the next place but for the
 * last of a cycle. */
static void draw_need(struct dw_telling *telling, struct picture *picture,
		      const struct dw_finding *finding, uint32_t number, bool closes)
{
	const struct dw_facts *facts = telling->process->facts;
	const char *needed = dw_chain_needed(telling->process, finding, number);
	const char *name = dw_tell_name(telling, needed);
	uint32_t who = picture->layout.n_places - 1;

	if (!needed)
		return;
	if (number + 1 == finding->n_legs && !closes)
		add_place(telling, picture, name,
			  kind_of(telling, dw_leg_needed(facts, finding, number)));
	add_route(picture, who, number + 1 == finding->n_legs && closes ? 0 : who + 1,
		  dw_tell_text(telling, "%s %s %s",
			       dw_tell_thread(telling, finding->legs[number].thread),
			       dw_leg_waits(telling->process->facts, finding, number) ? "waits for"
										      : "needs",
			       name));
}

static int make_picture(struct dw_telling *telling, const struct dw_finding *finding,
			struct picture *ret)
{
	size_t n = (size_t)finding->n_legs * LEG_BOXES + 1;
	struct dw_arena *arena = telling->arena;

	ret->layout.places = dw_arena_alloc(arena, n * sizeof(*ret->layout.places));
	ret->layout.routes = dw_arena_alloc(arena, n * sizeof(*ret->layout.routes));
	ret->labels = dw_arena_alloc(arena, n * sizeof(*ret->labels));
	ret->kinds = dw_arena_alloc(arena, n * sizeof(*ret->kinds));
	ret->titles = dw_arena_alloc(arena, n * sizeof(*ret->titles));
	if (!ret->layout.places || !ret->layout.routes || !ret->labels || !ret->kinds ||
	    !ret->titles)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < finding->n_legs; i++) {
		draw_leg(telling, ret, finding, i);
		draw_need(telling, ret, finding, i, dw_leg_is_cycle(finding));
	}
	return 0;
}

int dw_svg_finding(struct dw_telling *telling, const struct dw_finding *finding)
{
	struct picture picture = {.layout.kind = dw_leg_is_cycle(finding) ? DW_LAYOUT_CIRCLE
									  : DW_LAYOUT_COLUMN};
	static const char *const classes[] = {"box", "box lock", "thread"};
	struct dw_layout *layout = &picture.layout;
	int r = make_picture(telling, finding, &picture);

	if (r == 0)
		r = dw_layout(layout, telling->arena);
	if (r < 0)
		return dw_pass(r);
	begin_svg(telling, layout, "who holds what, and waits for what");
	for (uint32_t i = 0; i < layout->n_routes; i++)
		write_route(telling, &layout->routes[i],
			    picture.kinds[layout->routes[i].from] == THREAD ? " waits" : " held",
			    "", picture.titles[i]);
	for (uint32_t i = 0; i < layout->n_places; i++) {
		dw_markup(telling, "<g class=\"%s\">", classes[picture.kinds[i]]);
		write_place(telling, &layout->places[i], picture.kinds[i] == LOCK ? 4 : 15,
			    &picture.labels[i]);
		dw_markup(telling, "</g>\n");
	}
	dw_markup(telling, "</svg>\n");
	return 0;
}
