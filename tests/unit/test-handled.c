/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stories do not say: chains that have to do with signals, and with threads that are paused.
 */
#include "story-facts.h"
#include "story-findings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A chain of the story, as if it had been told with what it has to do with signals. */
static struct dw_chain *chain_at(const struct dw_facts *facts, uint32_t number)
{
	assert_true(number < facts->n_chains);
	return (struct dw_chain *)&facts->chains[number];
}

#define SIGNAL(number) (UINT64_C(1) << ((number)-1))

/* The findings where the story's first chain is taken outside and the second in a handler. */
static const char *handled(const char *story, uint64_t exposed, uint32_t handler)
{
	const struct dw_facts *facts = facts_of_story(story);

	chain_at(facts, 1)->exposed = exposed;
	chain_at(facts, 2)->handler = handler;
	return findings_of(facts);
}

static void a_lock_taken_in_a_handler_and_outside_needs_itself(void **state)
{
	const char *story = "1 hold A; 1 drop A; 1 hold A robust; 1 drop A;";

	(void)state;
	assert_string_equal(handled(story, SIGNAL(13), 13), "A");
	assert_string_equal(handled(story, SIGNAL(64) | SIGNAL(1), 64), "A");
	assert_string_equal(handled(story, SIGNAL(12), 13), "A masked");
	assert_string_equal(handled(story, 0, 13), "A masked");
	assert_string_equal(handled(story, SIGNAL(13), 0), "");
}

static void a_handler_that_does_not_wait_for_itself_is_fine(void **state)
{
	(void)state;
	assert_string_equal(handled("1 hold A; 1 drop A; 1 hold A try; 1 drop A;", SIGNAL(13), 13),
			    "");
	assert_string_equal(
	    handled("1 hold A; 1 drop A; 1 hold A reentrant; 1 drop A;", SIGNAL(13), 13), "");
	assert_string_equal(
	    handled("1 hold R shared; 1 drop R; 1 hold R shared robust; 1 drop R;", SIGNAL(13), 13),
	    "");
	assert_string_equal(handled("1 hold A; 1 drop A; 2 hold A; 2 drop A;", SIGNAL(13), 13), "");
	assert_string_equal(handled("1 hold A; 1 drop A; 1 hold B; 1 drop B;", SIGNAL(13), 13), "");
}

static void the_signal_that_can_come_is_told_of_several(void **state)
{
	const struct dw_facts *facts =
	    facts_of_story("1 hold A; 1 drop A; 1 hold A robust; 1 drop A;"
			   "1 hold A timed robust; 1 drop A;"
			   "1 hold A retaken robust; 1 drop A;");

	(void)state;
	chain_at(facts, 1)->exposed = SIGNAL(10);
	chain_at(facts, 2)->handler = 9;
	chain_at(facts, 3)->handler = 10; /* it does not wait for ever */
	assert_string_equal(findings_of(facts), "A masked");
	chain_at(facts, 4)->handler = 10;
	assert_string_equal(findings_of(facts), "A");
}

static void who_is_paused_meanwhile_is_in_no_leg(void **state)
{
	const char *story = "1 hold A; 1 hold B; 1 drop B; 1 drop A; 2 hold B; 2 hold A;";
	const struct dw_facts *facts = facts_of_story(story);

	(void)state;
	chain_at(facts, 2)->paused = 6;
	chain_at(facts, 4)->pauses = 1;
	assert_string_equal(findings_of(facts), "A B");
	chain_at(facts, 4)->pauses = 4;
	assert_string_equal(findings_of(facts), "A B paused");
}

/* A second way to the same, which pauses nobody, is not taken for the first. */
static void a_pause_does_not_hide_another_way(void **state)
{
	const struct dw_facts *facts =
	    facts_of_story("1 hold A; 1 hold B; 1 drop B; 1 drop A; 2 hold B; 2 hold A; 2 drop A;"
			   "2 hold A robust;");

	(void)state;
	chain_at(facts, 2)->paused = 1;
	chain_at(facts, 4)->pauses = 1;
	assert_string_equal(findings_of(facts), "A B");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lock_taken_in_a_handler_and_outside_needs_itself),
	    cmocka_unit_test(a_handler_that_does_not_wait_for_itself_is_fine),
	    cmocka_unit_test(the_signal_that_can_come_is_told_of_several),
	    cmocka_unit_test(who_is_paused_meanwhile_is_in_no_leg),
	    cmocka_unit_test(a_pause_does_not_hide_another_way),
	};

	return cmocka_run_group_tests_name("handled", tests, NULL, NULL);
}
