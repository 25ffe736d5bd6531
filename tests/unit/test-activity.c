/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tracker makes of waits, posts, kicks and activities. */
#include "model/picture.h"
#include "model/thread.h"
#include "story-fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct dw_slot *slot_of(const struct dw_facts *facts, uint32_t thread)
{
	return facts->slots[facts->threads[thread].slot].slot;
}

static void what_is_held_needs_what_is_waited_for(void **state)
{
	assert_chains(state, "1 hold A; 1 park S semaphore @x:1; 1 wake S semaphore",
		      "1:A, 1:A S(waits)@x:1");
	assert_chains(state, "1 hold A; 1 park B barrier timed; 1 wake B barrier",
		      "1:A, 1:A B(timed)(waits)");
	assert_chains(state, "1 hold A; 1 enter ppoll timed; 1 leave ppoll; 1 enter CFRelease",
		      "1:A, 1:A ppoll(timed)(waits), 1:A CFRelease(waits)");
	assert_chains(state, "1 hold A; 1 park 2 ending; 1 wake 2 ending; 1 join 2",
		      "1:A, 1:A 2(waits)");
}

static void nothing_builds_on_a_wait(void **state)
{
	assert_chains(state, "1 hold A; 1 park S semaphore; 1 wake S semaphore; 1 hold B",
		      "1:A, 1:A S(waits), 1:A B");
	assert_chains(state, "1 hold A; 1 enter read; 1 hold B; 1 leave read",
		      "1:A, 1:A read(waits), 1:A B");
}

static void a_wait_with_nothing_held_is_no_need(void **state)
{
	const struct dw_facts *facts;

	assert_chains(state, "1 enter read; 1 leave read; 1 hold M; 1 park C M @w:1", //
		      "1:M, 1:M(retaken)@w:1");
	facts = tell(state, "1 park S semaphore");
	assert_int_equal(slot_of(facts, 1)->waits.thing, facts->things[1].address);
	assert_int_equal(slot_of(facts, 1)->waits.chain, 0);
}

static void a_wait_is_published_while_it_lasts(void **state)
{
	const struct dw_facts *facts = tell(state, "1 hold A; 1 hold M; 1 park C M");
	const struct dw_slot *slot = slot_of(facts, 1);

	assert_string_equal(story_word(*state, facts->chains[slot->waits.chain].thing), "C");
	assert_int_equal(slot->waits.what, DW_CONDITION);
	assert_int_equal(slot->wants, 0);
	assert_int_equal(slot->top, 1);
	assert_string_equal(story_word(*state, facts->chains[slot->held[2].chain].thing), "M");
	facts = tell(state, "1 hold A; 1 hold M; 1 park C M; 1 wake C M");
	assert_int_equal(slot_of(facts, 1)->waits.thing, 0);
	assert_int_equal(slot_of(facts, 1)->top, 2);
}

static void a_wait_within_a_wait_gives_back_the_outer_one(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "1 hold A; 1 park S semaphore; 1 enter read; 1 leave read");

	assert_string_equal(story_word(*state, facts->chains[slot_of(facts, 1)->waits.chain].thing),
			    "S");
	/* One that was left by a jump ends with the one that it was in. */
	facts = tell(state, "1 hold A; 1 park S semaphore; 1 enter read; 1 wake S semaphore");
	assert_int_equal(slot_of(facts, 1)->waits.thing, 0);
}

static void waits_are_measured(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "1 hold A; 1 enter read; 2 hold B +3ms; 1 leave read +20us;"
			"1 enter read; 1 leave read +1ns; 1 park S semaphore +5s; 1 enter write");

	assert_int_equal(facts->chains[2].n_waits, 2);
	assert_int_equal(facts->chains[2].waited_ns, 3020001);
	assert_int_equal(facts->chains[2].longest_ns, 3020000);
	assert_int_equal(facts->chains[4].n_waits, 0);
	assert_int_equal(facts->chains[5].n_waits, 0);
}

static void what_is_given_needs_what_was_taken(void **state)
{
	assert_posts(state, "1 hold A; 1 hold B; 1 drop B; 1 drop A; 1 post C",
		     "1:C<1:A, 1:C<1:A B");
	assert_posts(state, "1 hold A; 1 post C; 1 drop A", "1:C<1:A");
	assert_posts(state, "1 post S semaphore; 1 post S semaphore", "1:S");
	assert_posts(state, "2 hold A; 1 post C", "1:C");
}

static void a_post_is_told_once_for_each_chain(void **state)
{
	const char *again = "1 hold A; 1 drop A; 1 post C; 1 idle;"
			    "1 hold A; 1 drop A; 1 post C; 1 idle;"
			    "1 hold A @x:1; 1 drop A; 1 post C";

	assert_posts(state, again, "1:C<1:A, 1:C<1:A@x:1");
}

static void what_was_taken_in_another_activity_is_not_needed(void **state)
{
	static const char *const points[] = {
	    "1 idle",
	    "1 idle S semaphore",
	    "1 park D; 1 wake D",
	    "1 hold M; 1 park D M; 1 wake D M; 1 drop M; 1 idle",
	    "1 park S semaphore; 1 wake S semaphore",
	    "1 park B barrier timed; 1 wake B barrier",
	    "1 park F futex; 1 wake F futex",
	};
	char story[256];

	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
		snprintf(story, sizeof(story),
			 "1 hold A; 1 drop A; %s; 1 hold B; 1 drop B; 1 post C", points[i]);
		assert_posts(state, story, "1:C<1:B");
	}
}

static void joins_and_calls_are_no_idle_points(void **state)
{
	assert_posts(state,
		     "1 hold A; 1 drop A; 1 park 2 ending; 1 wake 2 ending; 1 join 2; 1 post C",
		     "1:C<1:A");
	assert_posts(state, "1 hold A; 1 enter read; 1 leave read; 1 drop A; 1 post C", "1:C<1:A");
}

static void what_is_held_across_an_idle_point_is_not_needed(void **state)
{
	assert_posts(state, "1 hold A; 1 idle; 1 post C", "1:C");
	assert_posts(state, "1 hold A; 1 idle; 1 hold B; 1 post C", "1:C<1:A B");
}

static void the_retaken_mutex_is_taken_in_the_new_activity(void **state)
{
	assert_posts(state, "1 hold M; 1 park D M; 1 wake D M; 1 drop M; 1 post C",
		     "1:C<1:M(retaken)");
	/* And so each time, though the chain is known by then. */
	assert_posts(state,
		     "1 hold M; 1 park D M; 1 wake D M; 1 park D M; 1 wake D M; 1 drop M; 1 post C",
		     "1:C<1:M(retaken)");
}

static void what_remains_was_not_taken(void **state)
{
	assert_posts(state, "1 hold A; 1 hold B; 1 idle; 1 drop A; 1 post C", "1:C");
}

static void what_was_said_since_the_lock_was_taken_is_told(void **state)
{
	assert_posts(state, "1 hold A; 1 drop A; 1 post S; 1 post C", "1:S<1:A, 1:C<1:A said S");
	assert_posts(state, "1 hold A; 1 drop A; 1 post S; 1 hold A; 1 drop A; 1 post C",
		     "1:S<1:A, 1:C<1:A");
	assert_posts(state, "1 hold A; 1 drop A; 1 post S; 1 hold B; 1 drop B; 1 post C",
		     "1:S<1:A, 1:C<1:A said S, 1:C<1:B");
	assert_posts(state, "1 post S; 1 idle; 1 hold A; 1 drop A; 1 post C", "1:S, 1:C<1:A");
}

static void a_new_segment_is_no_new_activity(void **state)
{
	assert_posts(state, "1 hold A; 1 drop A; 1 born 2; 1 hold B; 1 drop B; 1 post C",
		     "1:C<1:A, 1:C<1:B");
	assert_posts(state, "1 hold A; 1 drop A; 1 born 2; 1 hold A; 1 drop A; 1 post C",
		     "1:C<1:A");
}

static void an_exit_gives_the_threads_ending(void **state)
{
	assert_posts(state, "1 park 2 ending; 2 hold A; 2 drop A; 2 exit; 1 wake 2 ending",
		     "2:2(ending)<2:A");
	assert_posts(state, "io exit", "1:io(ending)");
}

static void an_idle_point_answers_who_has_asked(void **state)
{
	assert_posts(state, "2 hold A; 2 drop A; 2 idle", "");
	assert_posts(state, "2 hold A; 2 drop A; 1 kick 2; 2 idle", "2:2(answer)<2:A");
	assert_posts(state, "2 idle guest; 2 hold A; 2 drop A; 2 idle guest", "2:2(answer)<2:A");
	/* What it took before it was asked, it took on its way to idle points as well. */
	assert_posts(state, "2 hold A; 2 drop A; 2 idle; 1 kick 2; 2 hold B; 2 drop B; 2 idle",
		     "2:2(answer)<2:A, 2:2(answer)<2:B");
	assert_posts(state, "1 kick 2; 2 hold A; 2 drop A; 2 idle", "");
	assert_posts(state, "2 exit; 1 kick 2", "2:2(ending)");
	/* Nothing has been needed: so there is nothing to say. */
	assert_posts(state, "2 idle; 1 kick 2; 2 idle", "");
}

static void who_has_kicked_waits_for_the_answer_in_its_sleep(void **state)
{
	const struct dw_facts *facts;

	assert_chains(state, "2 idle; 1 hold A; 1 kick 2; 1 enter usleep @x:1; 1 leave usleep",
		      "1:A, 1:A usleep(waits)@x:1, 1:A 2(waits)@x:1");
	assert_chains(state, "2 idle; 1 hold A; 1 kick 2; 1 enter poll sleeps; 1 leave poll",
		      "1:A, 1:A poll(waits), 1:A 2(waits)");
	facts = tell(state, "2 idle; 1 hold A; 1 kick 2; 1 enter usleep");
	assert_int_equal(slot_of(facts, 1)->waits.thing, dw_thing_address(DW_ANSWER, 2));
}

static void calls_that_do_more_than_sleep_are_no_waits_for_an_answer(void **state)
{
	assert_chains(state, "2 idle; 1 hold A; 1 kick 2; 1 enter poll; 1 leave poll",
		      "1:A, 1:A poll(waits)");
	assert_chains(state, "2 idle; 1 hold A; 1 kick 2; 1 park S semaphore", "1:A, 1:A S(waits)");
}

static void what_is_held_needs_an_answer_that_is_to_come(void **state)
{
	assert_chains(state, "2 idle; 1 kick 2; 1 hold A; 1 enter usleep",
		      "1:A, 1:A usleep(waits), 1:A 2(waits)");
	assert_chains(
	    state, "2 idle; 1 hold A; 1 kick 2; 1 drop A; 1 hold B; 1 enter usleep; 1 leave usleep",
	    "1:A, 1:B, 1:B usleep(waits), 1:B 2(waits)");
}

static void once_it_came_only_what_was_held_at_the_kick_and_since_did(void **state)
{
	assert_chains(state, "2 idle; 1 kick 2; 2 idle; 1 hold A; 1 enter usleep",
		      "1:A, 1:A usleep(waits)");
	assert_chains(state,
		      "2 idle; 1 hold A; 1 kick 2; 2 idle; 1 drop A; 1 hold B; 1 enter usleep;"
		      "1 leave usleep",
		      "1:A, 1:B, 1:B usleep(waits)");
	assert_chains(state, "2 idle; 1 hold A; 1 kick 2; 2 idle; 1 hold B; 1 enter usleep",
		      "1:A, 1:A B, 1:A B usleep(waits), 1:A 2(waits)");
	assert_chains(state, "2 idle; 1 hold A; 1 kick 2; 1 drop A; 1 enter usleep; 1 leave usleep",
		      "1:A");
}

static void nobody_waits_for_who_has_ended(void **state)
{
	assert_chains(state, "2 idle; 2 exit; 1 hold A; 1 kick 2; 1 enter usleep",
		      "1:A, 1:A usleep(waits)");
	assert_chains(state, "1 hold A; 1 kick 2; 1 enter usleep", "1:A, 1:A usleep(waits)");
}

static void an_answer_ends_the_wait_for_it(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "2 idle; 1 hold A; 1 kick 2; 2 idle; 1 enter usleep");

	/* It is not waited for now; that it was is told all the same. */
	assert_int_equal(slot_of(facts, 1)->waits.thing, facts->things[2].address);
	assert_string_equal(story_word(*state, 2), "usleep");
	facts = tell(state, "2 idle; 3 idle; 1 hold A; 1 kick 2; 1 kick 3; 2 idle; 1 enter usleep");
	assert_int_equal(slot_of(facts, 1)->waits.thing, dw_thing_address(DW_ANSWER, 3));
	facts = tell(state, "2 idle; 1 hold A; 1 kick 2; 1 enter usleep; 2 idle; 1 leave usleep;"
			    "1 kick 2; 1 enter usleep");
	assert_int_equal(slot_of(facts, 1)->waits.thing, dw_thing_address(DW_ANSWER, 2));
}

static void more_kicks_than_are_kept_are_a_loss(void **state)
{
	char *story = calloc(DW_KICKS_MAX + 2, 32), *at = story;

	for (int i = 1; i <= DW_KICKS_MAX + 1; i++)
		at += sprintf(at, "%d idle; main kick %d\n", i, i);
	assert_int_equal(tell(state, story)->losses[DW_LOSS_KICKS], 1);
	*strrchr(story, 'm') = '\0';
	assert_int_equal(tell(state, story)->losses[DW_LOSS_KICKS], 0);
	free(story);
}

static void kicks_that_were_answered_are_not_kept(void **state)
{
	const int n = 2 * DW_KICKS_MAX;
	char *story = calloc((size_t)n, 96), *at = story;

	for (int i = 1; i <= n; i++)
		at += sprintf(
		    at, "%d idle; main kick %d; %d idle; main enter usleep; main leave usleep\n", i,
		    i, i);
	assert_int_equal(tell(state, story)->losses[DW_LOSS_KICKS], 0);
	free(story);
}

/* More than are kept in a list, and more, with their posts, than fit in the first table. */
static void an_activity_of_many_chains_forgets_none(void **state)
{
	static const uint32_t numbers[] = {DW_RECENT_MAX - 1, DW_RECENT_MAX, DW_RECENT_MAX + 1, 200,
					   2000};

	for (size_t n = 0; n < sizeof(numbers) / sizeof(*numbers); n++) {
		char *story = calloc(numbers[n] + 2, 32), *at = story;
		const struct dw_facts *facts;

		at += sprintf(at, "1 hold old; 1 drop old; 1 idle;");
		for (uint32_t i = 0; i < numbers[n]; i++)
			at += sprintf(at, "1 hold L%u; 1 drop L%u\n", i, i);
		sprintf(at, "1 post C");
		facts = tell(state, story);
		assert_int_equal(facts->n_posts, numbers[n] + 1);
		for (uint32_t i = 1; i < facts->n_posts; i++) {
			assert_int_not_equal(facts->posts[i].chain, 1);
			for (uint32_t j = i + 1; j < facts->n_posts; j++)
				assert_int_not_equal(facts->posts[i].chain, facts->posts[j].chain);
		}
		free(story);
	}
}

/* It was readied in the activity before. */
static void a_retaken_mutex_is_found_among_many(void **state)
{
	char *story = calloc(DW_RECENT_MAX + 3, 32), *at = story;
	const struct dw_facts *facts;
	uint32_t n_retaken = 0;

	at += sprintf(at, "1 hold M; 1 park D M; 1 wake D M; 1 drop M;");
	for (int i = 0; i < DW_RECENT_MAX; i++)
		at += sprintf(at, "1 hold L%d; 1 drop L%d\n", i, i);
	sprintf(at, "1 post C");
	facts = tell(state, story);
	free(story);
	assert_int_equal(facts->n_posts, DW_RECENT_MAX + 2);
	for (uint32_t i = 1; i < facts->n_posts; i++)
		n_retaken += facts->chains[facts->posts[i].chain].how == DW_RETAKEN;
	assert_int_equal(n_retaken, 1);
}

static void a_chain_says_what_its_activity_began_with(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "1 hold A; 1 drop A; 1 park C; 1 wake C; 1 hold B; 1 drop B; 1 idle;"
			"1 hold D; 1 drop D; 1 idle S semaphore; 1 hold E; 1 hold A");

	assert_int_equal(facts->chains[1].origin.woken_by, 0);
	assert_string_equal(story_word(*state, facts->chains[2].origin.woken_by), "C");
	assert_int_equal(facts->chains[3].origin.woken_by, 0);
	assert_string_equal(story_word(*state, facts->chains[4].origin.woken_by), "S");
	assert_int_equal(facts->things[facts->chains[4].origin.woken_by].kind, DW_SEMAPHORE);
}

static void a_thing_is_what_it_is_used_as(void **state)
{
	const struct dw_facts *facts = tell(state, "1 init C; 1 park C; 1 wake C; 1 hold A");

	assert_int_equal(facts->things[facts->chains[1].origin.woken_by].kind, DW_CONDITION);
}

static void what_woke_a_thread_may_be_gone(void **state)
{
	const struct dw_facts *facts = tell(
	    state, "1 park C; 1 wake C; 1 destroy C; 1 hold A; 1 post S; 1 destroy S; 1 post D");

	/* The destroyed ones have no second life. */
	assert_int_equal(facts->things[facts->chains[1].origin.woken_by].life, 1);
	assert_int_equal(facts->things[facts->posts[2].said].life, 1);
	assert_int_equal(facts->n_things, 5);
}

/* That it is given was told before; and when it is said, another lives at its address. */
static void what_was_said_is_what_was_given_then(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "1 hold A; 1 drop A; 1 post S; 1 idle; 1 hold A; 1 drop A; 1 post S;"
			"1 destroy S; 1 init S; 2 post S; 1 post D");

	assert_string_equal(story_word(*state, facts->posts[3].thing), "D");
	assert_string_equal(story_word(*state, facts->posts[3].said), "S");
	assert_int_equal(facts->things[facts->posts[3].said].life, 1);
}

static void a_guest_makes_a_vcpu(void **state)
{
	const struct dw_facts *facts = tell(state, "1 idle guest; 2 idle");

	assert_int_equal(facts->threads[1].flags, DW_THREAD_VCPU);
	assert_int_equal(slot_of(facts, 1)->asked, DW_ANSWERS);
	assert_int_equal(slot_of(facts, 1)->n_idles, 1);
	assert_int_equal(facts->threads[2].flags, 0);
}

static void calls_of_the_program_have_names(void **state)
{
	const struct dw_facts *facts = tell(state, "1 hold A; 1 enter CFRelease; 1 enter poll");

	assert_int_equal(facts->things[2].address, dw_thing_address(DW_CALL, DW_CALL_NAMED));
	assert_string_equal(facts->things[2].name, "CFRelease");
	assert_int_equal(facts->things[3].address, dw_thing_address(DW_CALL, 1));
	assert_null(facts->things[3].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_held_needs_what_is_waited_for),
	    TEST(nothing_builds_on_a_wait),
	    TEST(a_wait_with_nothing_held_is_no_need),
	    TEST(a_wait_is_published_while_it_lasts),
	    TEST(a_wait_within_a_wait_gives_back_the_outer_one),
	    TEST(waits_are_measured),
	    TEST(what_is_given_needs_what_was_taken),
	    TEST(a_post_is_told_once_for_each_chain),
	    TEST(what_was_taken_in_another_activity_is_not_needed),
	    TEST(joins_and_calls_are_no_idle_points),
	    TEST(what_is_held_across_an_idle_point_is_not_needed),
	    TEST(the_retaken_mutex_is_taken_in_the_new_activity),
	    TEST(what_remains_was_not_taken),
	    TEST(what_was_said_since_the_lock_was_taken_is_told),
	    TEST(a_new_segment_is_no_new_activity),
	    TEST(an_exit_gives_the_threads_ending),
	    TEST(an_idle_point_answers_who_has_asked),
	    TEST(who_has_kicked_waits_for_the_answer_in_its_sleep),
	    TEST(calls_that_do_more_than_sleep_are_no_waits_for_an_answer),
	    TEST(what_is_held_needs_an_answer_that_is_to_come),
	    TEST(once_it_came_only_what_was_held_at_the_kick_and_since_did),
	    TEST(nobody_waits_for_who_has_ended),
	    TEST(an_answer_ends_the_wait_for_it),
	    TEST(more_kicks_than_are_kept_are_a_loss),
	    TEST(kicks_that_were_answered_are_not_kept),
	    TEST(an_activity_of_many_chains_forgets_none),
	    TEST(a_retaken_mutex_is_found_among_many),
	    TEST(a_chain_says_what_its_activity_began_with),
	    TEST(a_thing_is_what_it_is_used_as),
	    TEST(what_woke_a_thread_may_be_gone),
	    TEST(what_was_said_is_what_was_given_then),
	    TEST(a_guest_makes_a_vcpu),
	    TEST(calls_of_the_program_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
