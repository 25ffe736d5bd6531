/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where boxes and lines go, whatever was laid out before. */
#include "render/layout.h"

#include "base/arena.h"
#include "graphviz-leaks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PLACES_MAX 400
#define MEMORY_MAX ((size_t)16 << 20)

/* A ring of @n places. */
static struct dw_layout ring(struct dw_arena *arena, uint32_t n, enum dw_layout_kind kind)
{
	struct dw_layout layout = {.kind = kind, .n_places = n, .n_routes = n};

	layout.places = dw_arena_alloc(arena, (n + 1) * sizeof(*layout.places));
	layout.routes = dw_arena_alloc(arena, (n + 1) * sizeof(*layout.routes));
	for (uint32_t i = 0; i < n; i++) {
		layout.places[i] = (struct dw_place){60 + i % 7 * 20, 30, {0, 0}};
		layout.routes[i] = (struct dw_route){.from = i, .to = (i + 1) % n};
	}
	assert_int_equal(dw_layout(&layout, arena), 0);
	return layout;
}

static void expect_sound(const struct dw_layout *layout)
{
	for (uint32_t i = 0; i < layout->n_places; i++) {
		const struct dw_place *place = &layout->places[i];

		assert_true(place->centre.x - place->width / 2 > 0);
		assert_true(place->centre.y - place->height / 2 > 0);
		assert_true(place->centre.x + place->width / 2 < layout->width);
		assert_true(place->centre.y + place->height / 2 < layout->height);
	}
	for (uint32_t i = 0; i < layout->n_routes; i++)
		assert_true(layout->routes[i].n_points >= 4);
}

static void boxes_are_within_the_drawing(void **state)
{
	dw_auto(arena) arena = NULL;

	(void)state;
	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	for (enum dw_layout_kind kind = DW_LAYOUT_RANKS; kind <= DW_LAYOUT_CIRCLE; kind++)
		for (uint32_t n = 1; n < 9; n++) {
			struct dw_layout layout = ring(arena, n, kind);

			expect_sound(&layout);
		}
}

/* More boxes than can be ranked in time. */
static void many_boxes_are_laid_out_too(void **state)
{
	dw_auto(arena) arena = NULL;
	struct dw_layout layout;

	(void)state;
	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	layout = ring(arena, PLACES_MAX, DW_LAYOUT_RANKS);
	expect_sound(&layout);
}

static void nothing_takes_no_room(void **state)
{
	struct dw_layout layout = {0};

	(void)state;
	assert_int_equal(dw_layout(&layout, NULL), 0);
	assert_true(layout.width < 20 && layout.height < 20);
}

/* Graphviz remembers graphs by their addresses, which are those of later graphs as well. */
static void what_was_laid_out_before_does_not_matter(void **state)
{
	dw_auto(arena) arena = NULL;
	struct dw_layout first;

	(void)state;
	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	first = ring(arena, 6, DW_LAYOUT_CIRCLE);
	for (uint32_t i = 1; i < 40; i++) {
		struct dw_layout again;

		ring(arena, i % 9 + 1, i % 3 ? DW_LAYOUT_CIRCLE : DW_LAYOUT_RANKS);
		again = ring(arena, 6, DW_LAYOUT_CIRCLE);
		assert_memory_equal(again.places, first.places, 6 * sizeof(*first.places));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(boxes_are_within_the_drawing),
	    cmocka_unit_test(many_boxes_are_laid_out_too),
	    cmocka_unit_test(nothing_takes_no_room),
	    cmocka_unit_test(what_was_laid_out_before_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
