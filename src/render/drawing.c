/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/drawing.h"

#include "analysis/index.h"
#include "analysis/leg.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "model/event.h"
#include "render/render.h"
#include "symbol/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_BOX UINT32_MAX

/* What is under way. A thing's box is found first, and gets its place when all are ranked. */
struct draft {
	const struct dw_reported_process *process;
	const struct dw_net_need *needs;
	uint32_t n_needs;
	struct dw_arena *arena;
	uint32_t *box_of;      /* by thing: index of `boxes`; NO_BOX */
	uint32_t *thing_flags; /* by thing: enum dw_drawn_flag */
	uint32_t *need_flags;  /* by need */
	uint64_t *waited_ns;   /* by thing */
	struct dw_box *boxes;
	uint32_t n_boxes;
	struct dw_line *lines;
	uint32_t n_lines;
	struct dw_index by_name, by_ends, lines_by_ends;
};

static bool same_name(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_box *a = &((const struct draft *)context)->boxes[item], *b = wanted;

	return a->flags == b->flags && strcmp(a->name, b->name) == 0;
}

static bool same_need(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_net_need *a = &((const struct draft *)context)->needs[item], *b = wanted;

	return a->from == b->from && a->to == b->to;
}

static bool same_line(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_line *a = &((const struct draft *)context)->lines[item], *b = wanted;

	return a->from == b->from && a->to == b->to;
}

/* Marks what a leg is about: its two things, and the need between them. */
static void mark_leg(struct draft *draft, const struct dw_finding *finding, uint32_t leg,
		     uint32_t flag)
{
	const struct dw_facts *facts = draft->process->facts;
	struct dw_net_need ends = {.from = dw_leg_given(facts, finding, leg),
				   .to = dw_leg_needed(facts, finding, leg)};
	uint32_t need =
	    dw_index_find(&draft->by_ends, dw_hash(ends.from, ends.to), same_need, draft, &ends);

	draft->thing_flags[ends.from] |= flag;
	draft->thing_flags[ends.to] |= flag;
	if (need != DW_INDEX_NONE)
		draft->need_flags[need] |= flag;
}

static int mark_findings(struct draft *draft)
{
	const struct dw_net_need *needs = draft->needs;

	for (uint32_t i = 0; i < draft->n_needs; i++) {
		int r = dw_index_add(&draft->by_ends, draft->arena,
				     dw_hash(needs[i].from, needs[i].to), i);

		if (r < 0)
			return dw_pass(r);
	}
	for (size_t i = 0; i < draft->process->n_findings; i++) {
		const struct dw_finding *finding = draft->process->findings[i].finding;
		uint32_t flag = finding->excuse ? DW_DRAWN_EXCUSED : DW_DRAWN_FOUND;

		if (finding->verdict != DW_HAZARD)
			for (uint32_t leg = 0; leg < finding->n_legs; leg++)
				mark_leg(draft, finding, leg, flag);
	}
	return 0;
}

/*
 * What things are called that are drawn as one: those born at one place share a plain name, and
 * elements of an array are the variable and an offset.
 */
static const char *shared_name(struct draft *draft, uint32_t thing)
{
	const char *name = dw_names_thing_plain(draft->process->names, thing);
	bool is_variable = DW_PLACE_MODULE(draft->process->facts->things[thing].place) != 0;
	const char *plus = is_variable ? strstr(name, "+0x") : NULL;
	char *shared;

	if (!plus || plus[strspn(plus + 3, "0123456789abcdef") + 3])
		return name;
	shared = dw_arena_alloc(draft->arena, (size_t)(plus - name) + sizeof(DW_DRAWN_ELEMENTS));
	if (!shared)
		return name;
	memcpy(shared, name, (size_t)(plus - name));
	memcpy(shared + (plus - name), DW_DRAWN_ELEMENTS, sizeof(DW_DRAWN_ELEMENTS));
	return shared;
}

/* What is known of a thing, as if it had a box to itself. */
static struct dw_box box_of_thing(struct draft *draft, uint32_t thing)
{
	struct dw_names *names = draft->process->names;
	struct dw_box box = {.thing = thing, .flags = draft->thing_flags[thing]};

	if (draft->process->facts->things[thing].flags & DW_THING_BQL)
		box.flags |= DW_DRAWN_BQL;
	if (dw_names_thing_is_lock(names, thing))
		box.flags |= DW_DRAWN_LOCK;
	box.name = box.flags & ~(uint32_t)DW_DRAWN_LOCK ? dw_names_thing(names, thing)
							: shared_name(draft, thing);
	return box;
}

/* Finds or makes the box that @thing belongs to. */
static int ensure_box(struct draft *draft, uint32_t thing)
{
	struct dw_box box;
	uint64_t hash;
	uint32_t known;
	int r = 0;

	if (draft->box_of[thing] != NO_BOX)
		return 0;
	box = box_of_thing(draft, thing);
	hash = dw_hash(dw_hash_text(DW_HASH_TEXT_START, box.name, strlen(box.name)), box.flags);
	known = dw_index_find(&draft->by_name, hash, same_name, draft, &box);
	if (known == DW_INDEX_NONE) {
		known = draft->n_boxes++;
		draft->boxes[known] = box;
		r = dw_index_add(&draft->by_name, draft->arena, hash, known);
	}
	draft->box_of[thing] = known;
	draft->boxes[known].n_things++;
	draft->boxes[known].waited_ns += draft->waited_ns[thing];
	return r < 0 ? dw_pass(r) : 0;
}

static int make_boxes(struct draft *draft)
{
	int r = 0;

	for (uint32_t i = 0; i < draft->n_needs && r == 0; i++) {
		r = ensure_box(draft, draft->needs[i].from);
		if (r == 0)
			r = ensure_box(draft, draft->needs[i].to);
		if (r < 0)
			return dw_pass(r);
		draft->boxes[draft->box_of[draft->needs[i].from]].n_needs++;
		draft->boxes[draft->box_of[draft->needs[i].to]].n_needs++;
	}
	for (uint32_t i = 0; i < draft->n_boxes; i++)
		if (draft->boxes[i].n_things == 1)
			draft->boxes[i].name =
			    dw_names_thing(draft->process->names, draft->boxes[i].thing);
	return 0;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* What is equal in all that counts stays in the order in which it was told. */
static int compare_boxes(const void *left, const void *right)
{
	const struct dw_box *a = left, *b = right;
	static const uint32_t flags[] = {DW_DRAWN_FOUND, DW_DRAWN_EXCUSED, DW_DRAWN_BQL};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(flags) / sizeof(flags[0]); i++)
		r = compare_numbers(b->flags & flags[i], a->flags & flags[i]);
	if (r == 0)
		r = compare_numbers(b->waited_ns, a->waited_ns);
	if (r == 0)
		r = compare_numbers(b->n_needs, a->n_needs);
	return r ? r : compare_numbers(a->thing, b->thing);
}

/* Boxes get their places; things of those beyond @boxes_max have none any more. */
static int rank_boxes(struct draft *draft, uint32_t boxes_max, struct dw_drawing *ret)
{
	uint32_t n_things = draft->process->facts->n_things;
	uint32_t *place_of_thing = dw_arena_alloc(draft->arena, (n_things + 1) * sizeof(uint32_t));
	uint32_t *first_thing = dw_arena_alloc(draft->arena, (n_things + 1) * sizeof(uint32_t));

	if (!place_of_thing || !first_thing)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n_things; i++)
		if (draft->box_of[i] != NO_BOX)
			first_thing[i] = draft->boxes[draft->box_of[i]].thing;
	qsort(draft->boxes, draft->n_boxes, sizeof(*draft->boxes), compare_boxes);
	for (uint32_t i = 0; i < draft->n_boxes; i++)
		place_of_thing[draft->boxes[i].thing] = i;
	if (boxes_max > draft->n_boxes)
		boxes_max = draft->n_boxes;
	for (uint32_t i = 0; i < n_things; i++) {
		uint32_t place;

		if (draft->box_of[i] == NO_BOX)
			continue;
		place = place_of_thing[first_thing[i]];
		draft->box_of[i] = place < boxes_max ? place : NO_BOX;
		ret->n_things++;
		ret->n_things_left_out += place >= boxes_max;
	}
	ret->boxes = draft->boxes;
	ret->n_boxes = boxes_max;
	return 0;
}

static int add_line(struct draft *draft, uint32_t number)
{
	const struct dw_net_need *need = &draft->needs[number];
	struct dw_line line = {
	    .from = draft->box_of[need->from], .to = draft->box_of[need->to], .need = need};
	uint64_t hash = dw_hash(line.from, line.to);
	uint32_t known = dw_index_find(&draft->lines_by_ends, hash, same_line, draft, &line);
	int r = 0;

	if (known == DW_INDEX_NONE) {
		known = draft->n_lines++;
		draft->lines[known] = line;
		r = dw_index_add(&draft->lines_by_ends, draft->arena, hash, known);
	}
	draft->lines[known].n_needs++;
	draft->lines[known].flags |= draft->need_flags[number];
	return r < 0 ? dw_pass(r) : 0;
}

static int make_lines(struct draft *draft, struct dw_drawing *ret)
{
	int r = 0;

	for (uint32_t i = 0; i < draft->n_needs && r == 0; i++) {
		const struct dw_net_need *need = &draft->needs[i];

		if (draft->box_of[need->from] == NO_BOX || draft->box_of[need->to] == NO_BOX)
			ret->n_needs_left_out++;
		else
			r = add_line(draft, i);
	}
	ret->n_needs = draft->n_needs;
	ret->lines = draft->lines;
	ret->n_lines = draft->n_lines;
	return r < 0 ? dw_pass(r) : 0;
}

uint64_t *dw_drawing_waited(const struct dw_reported_process *process, struct dw_arena *arena)
{
	const struct dw_facts *facts = process->facts;
	uint64_t *waited_ns =
	    dw_arena_alloc(arena, ((size_t)facts->n_things + 1) * sizeof(*waited_ns));

	for (uint32_t i = 1; waited_ns && i < facts->n_chains; i++)
		waited_ns[facts->chains[i].thing] += facts->chains[i].waited_ns;
	return waited_ns;
}

static int make_room(struct draft *draft)
{
	size_t n_things = draft->process->facts->n_things + (size_t)1;
	size_t n_needs = draft->n_needs + (size_t)1;

	draft->box_of = dw_arena_alloc(draft->arena, n_things * sizeof(*draft->box_of));
	draft->thing_flags = dw_arena_alloc(draft->arena, n_things * sizeof(*draft->thing_flags));
	draft->need_flags = dw_arena_alloc(draft->arena, n_needs * sizeof(*draft->need_flags));
	draft->boxes = dw_arena_alloc(draft->arena, n_things * sizeof(*draft->boxes));
	draft->lines = dw_arena_alloc(draft->arena, n_needs * sizeof(*draft->lines));
	draft->waited_ns = dw_drawing_waited(draft->process, draft->arena);
	if (!draft->box_of || !draft->thing_flags || !draft->need_flags || !draft->boxes ||
	    !draft->lines || !draft->waited_ns)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; i < n_things; i++)
		draft->box_of[i] = NO_BOX;
	return 0;
}

int dw_drawing(const struct dw_reported_process *process, const struct dw_net_need *needs,
	       uint32_t n_needs, uint32_t boxes_max, struct dw_arena *arena, struct dw_drawing *ret)
{
	struct draft draft = {
	    .process = process, .needs = needs, .n_needs = n_needs, .arena = arena};
	struct dw_drawing drawing = {0};
	int r = make_room(&draft);

	if (r == 0)
		r = mark_findings(&draft);
	if (r == 0)
		r = make_boxes(&draft);
	if (r == 0)
		r = rank_boxes(&draft, boxes_max, &drawing);
	if (r == 0)
		r = make_lines(&draft, &drawing);
	if (r < 0)
		return dw_pass(r);
	*ret = drawing;
	return 0;
}
