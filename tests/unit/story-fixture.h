/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A story, and what its replay comes to, for the tests of stories and of the tracker. */
#pragma once

#include "record/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

/* The story of a test, and the facts that it comes to. */
struct told {
	struct dw_story *story;
	struct dw_replay *replay;
	const struct dw_facts *facts;
};

int story_set_up(void **state);
int story_tear_down(void **state);

/* The facts of the story @text, which is sound. They live until the next one. */
const struct dw_facts *tell(void **state, const char *text);

/* What the story calls thing number @thing; "?" if it does not. */
const char *story_word(const struct told *told, uint32_t thing);

/* The chains as "2:A, 2:A B(shared)@b.c:12": the last lock with how and where it was taken. */
void assert_chains(void **state, const char *story, const char *expected);

/* The posts as "2:C<2:A B said S, 1:C": what was given, the chain that it needs, what was said. */
void assert_posts(void **state, const char *story, const char *expected);

#define TEST(name) cmocka_unit_test_setup_teardown(name, story_set_up, story_tear_down)
