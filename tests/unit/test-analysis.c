/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The analysis on stories: what is a deadlock, what is none, and why. */
#include "analysis/finding.h"
#include "base/arena.h"
#include "model/event.h"
#include "story-facts.h"
#include "story-findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EXPECT(story, findings) assert_string_equal(findings_of(facts_of_story(story)), findings)

#define TWICE(thread, a, b)                                                             \
#thread " hold " #a ";" #thread " hold " #b ";" #thread " drop " #b ";" #thread \
		" drop " #a ";"
#define UNDER(thread, gate, a, b) \
#thread " hold " #gate ";" TWICE(thread, a, b) #thread " drop " #gate ";"

static void opposite_orders_by_two_threads_are_a_deadlock(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) TWICE(2, B, A), "A B");
}

static void one_order_is_none(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) TWICE(2, A, B), "");
	EXPECT(TWICE(1, A, B) TWICE(2, B, C) TWICE(3, A, C), "");
}

static void cycles_of_three_and_five_are_found(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) TWICE(2, B, C) TWICE(3, C, A), "A B C");
	EXPECT(TWICE(1, A, B) TWICE(2, B, C) TWICE(3, C, D) TWICE(4, D, E) TWICE(5, E, A),
	       "A B C D E");
}

static void each_need_shows_its_shortest_cycle(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) TWICE(2, B, C) TWICE(3, C, A) TWICE(4, B, A), "A B; A B C");
}

static void a_need_that_is_waited_for_in_vain_counts(void **state)
{
	(void)state;
	EXPECT("1 hold A; 2 hold B; 1 fail B; 2 fail A;", "A B");
}

static void one_thread_alone_is_excused(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) TWICE(1, B, A), "A B single-thread");
	EXPECT(TWICE(1, A, B) TWICE(1, B, C) TWICE(2, C, A), "A B C single-thread");
}

static void the_start_up_does_not_hide_a_second_thread(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) TWICE(1, B, A) TWICE(2, B, A), "A B");
}

static void a_trylock_needs_nothing(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "2 hold B; 2 hold A try; 2 drop A; 2 drop B", "A B try");
	EXPECT(TWICE(1, A, B) "2 hold B; 2 fail A timed; 2 drop B", "A B try");
}

static void what_a_trylock_took_is_held(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "2 hold B try; 2 hold A", "A B");
}

static void a_timed_wait_takes_its_mutex_again_for_ever(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 hold B; 1 drop A; 1 hold A timed retaken;" TWICE(2, A, B), "A B");
}

static void a_gate_excuses_and_is_named(void **state)
{
	(void)state;
	EXPECT(UNDER(1, G, A, B) UNDER(2, G, B, A), "A B gated G");
}

static void a_gate_held_by_one_of_them_excuses_nothing(void **state)
{
	(void)state;
	EXPECT(UNDER(1, G, A, B) TWICE(2, B, A), "A B");
	EXPECT(UNDER(1, G, A, B) UNDER(2, H, B, A), "A B");
}

static void a_gate_of_readers_excuses_nothing(void **state)
{
	(void)state;
	EXPECT("1 hold G shared;" TWICE(1, A, B) "2 hold G shared;" TWICE(2, B, A), "A B");
	EXPECT("1 hold G;" TWICE(1, A, B) "2 hold G shared;" TWICE(2, B, A), "A B gated G");
}

static void a_gate_does_not_hide_another_thread(void **state)
{
	(void)state;
	EXPECT(UNDER(1, G, A, B) UNDER(2, G, B, A) TWICE(3, B, A), "A B");
}

static void a_gate_excuses_what_one_thread_did_under_it_too(void **state)
{
	(void)state;
	EXPECT(UNDER(1, G, A, B) UNDER(1, G, B, A) UNDER(2, G, A, B), "A B gated G");
}

static void a_condition_wait_lets_the_gate_go(void **state)
{
	(void)state;
	EXPECT("1 hold BQL; 1 hold new_lock; 1 park c BQL; 1 wake c BQL; 1 drop BQL;"
	       "2 hold BQL; 2 hold new_lock",
	       "BQL new_lock");
}

static void a_condition_wait_that_holds_just_its_mutex_is_fine(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 park c A; 1 wake c A; 1 drop A; 2 hold A; 2 drop A", "");
}

static void a_lock_taken_by_its_holder_needs_nothing(void **state)
{
	(void)state;
	EXPECT("1 hold A reentrant; 1 hold B; 1 hold A reentrant;" TWICE(2, A, B), "");
}

static void the_library_and_its_callback_are_found(void **state)
{
	(void)state;
	EXPECT("1 hold BQL; 1 hold fenceq_lock; 1 drop fenceq_lock; 1 drop BQL;"
	       "2 hold fenceq_lock; 2 hold BQL; 3 hold BQL; 3 drop BQL",
	       "BQL fenceq_lock");
}

static void readers_excuse_each_other(void **state)
{
	(void)state;
	EXPECT("1 hold A shared; 1 hold B shared; 2 hold B shared; 2 hold A shared", "A B readers");
	EXPECT("1 init A writers; 1 hold A shared; 1 hold B; 2 hold B; 2 hold A shared",
	       "A B readers");
}

static void a_queued_writer_stops_readers_where_it_can(void **state)
{
	(void)state;
	EXPECT("1 init A writers; 1 hold A shared; 1 hold B; 2 hold B; 2 hold A shared; 3 hold A",
	       "A B");
	EXPECT("1 hold A shared; 1 hold B; 2 hold B; 2 hold A shared; 3 hold A", "A B readers");
	EXPECT("1 init A writers; 1 hold A shared; 1 hold B; 1 drop B; 1 drop A; 1 hold A;"
	       "2 hold B; 2 hold A shared",
	       "A B readers");
	EXPECT(
	    "1 init A writers; 1 hold A shared; 1 hold B; 2 hold B; 2 hold A shared; 3 hold A try",
	    "A B readers");
}

#define READERS_OF_TWO                                                                            \
	"1 init A writers; 1 init B writers; 1 hold A shared; 1 hold B shared; 1 drop B; 1 drop " \
	"A;"                                                                                      \
	"2 hold B shared; 2 hold A shared; 2 drop A; 2 drop B;"

/* It would have to queue for both locks at once. */
static void one_writer_does_not_stop_readers_twice(void **state)
{
	(void)state;
	EXPECT(READERS_OF_TWO "3 hold A; 3 drop A; 3 hold B; 3 drop B", "A B readers");
	EXPECT(READERS_OF_TWO "3 hold A; 3 drop A; 4 hold B; 4 drop B", "A B");
	EXPECT(READERS_OF_TWO "3 hold A; 3 drop A; 3 hold B; 3 drop B; 4 hold B; 4 drop B", "A B");
}

static void a_writer_in_a_leg_is_no_reader(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 hold B; 2 hold B; 2 hold A shared", "A B");
	EXPECT("1 hold A shared; 1 hold B; 2 hold B; 2 hold A", "A B");
}

static void creation_keeps_parent_and_child_apart(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "1 born 2;" TWICE(2, B, A), "A B ordered");
	EXPECT("1 born 2;" TWICE(1, A, B) TWICE(2, B, A), "A B");
}

static void the_same_order_again_later_is_not_ordered(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "1 born 2;" TWICE(2, B, A) TWICE(1, A, B), "A B");
}

static void joining_keeps_them_apart(void **state)
{
	(void)state;
	EXPECT("1 born 2;" TWICE(2, B, A) "1 join 2;" TWICE(1, A, B), "B A ordered");
	EXPECT("1 born 2;" TWICE(2, B, A) TWICE(1, A, B) "1 join 2;", "B A");
	EXPECT("1 born 2;" TWICE(2, B, A) "1 join 2; 1 born 3;" TWICE(3, A, B), "B A ordered");
}

static void order_is_transitive(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "1 born 2; 2 born 3; 3 born 4;" TWICE(4, B, A), "A B ordered");
	EXPECT("1 born 2; 1 born 3;" TWICE(2, A, B) TWICE(3, B, A), "A B");
}

static void before_and_after_a_thread_is_apart_and_during_is_not(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "1 born 2;" TWICE(2, B, A) "1 join 2;" TWICE(1, A, B), "A B ordered");
	EXPECT(TWICE(1, A, B) "1 born 2; 1 born 3;" TWICE(2, B, A) TWICE(1, A, B) "1 join 2;",
	       "A B");
}

static void just_one_segment_of_three_can_meet(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "1 born 3; 1 born 2;" TWICE(1, A, B)
		   TWICE(2, B, A) "1 join 2;" TWICE(1, A, B),
	       "A B");
	EXPECT(TWICE(1, A, B) "1 born 3; 1 born 2;" TWICE(2, B, A) "1 join 2;" TWICE(1, A, B),
	       "A B ordered");
}

static void lives_of_an_address_are_different_locks(void **state)
{
	(void)state;
	EXPECT(TWICE(1, A, B) "1 destroy A;" TWICE(2, B, A), "A B reused");
	EXPECT(TWICE(1, A, B) "1 destroy A;" TWICE(1, A, C) TWICE(2, C, A), "A C");
}

static void addresses_change_nothing(void **state)
{
	static struct dw_thing things[64];
	struct dw_facts facts = *facts_of_story(TWICE(1, A, B) TWICE(2, B, A) TWICE(1, D, C) TWICE(
	    2, C, E) TWICE(3, E, D) TWICE(1, B, E) UNDER(2, A, E, B) "1 destroy E;" TWICE(1, E, C));
	char before[4096];

	(void)state;
	snprintf(before, sizeof(before), "%s", findings_of(&facts));
	assert_non_null(strstr(before, "A B; "));
	memcpy(things, facts.things, facts.n_things * sizeof(*things));
	for (uint32_t i = 1; i < facts.n_things; i++)
		things[i].address = (UINT64_C(1) << 40) - facts.things[i].address * 7919;
	facts.things = things;
	assert_string_equal(findings_of(&facts), before);
}

static void an_excused_cycle_does_not_hide_a_longer_real_one(void **state)
{
	(void)state;
	EXPECT(UNDER(1, G, A, B) UNDER(2, G, B, A) TWICE(3, B, C) TWICE(4, C, A),
	       "A B C; A B gated G");
	/* Behind an excused one of two legs through every need of it. */
	EXPECT(TWICE(1, A, B) TWICE(2, B, C)
		   TWICE(3, C, A) "4 hold B; 4 fail A try; 4 fail C timed;"
				  "4 drop B; 4 hold C; 4 fail B try;"
				  "4 drop C; 4 hold A; 4 fail C try;",
	       "A B C; A B try; B C try; A C try");
	/* Of four legs, behind an excused one of three through every need of it. */
	EXPECT(TWICE(1, A, B) UNDER(2, G, B, C) UNDER(3, G, C, A) TWICE(4, B, D) TWICE(5, D, C)
		   UNDER(6, G, C, A),
	       "A B D C; A B C gated G");
}

static void misuse_comes_between_deadlocks_and_excused_cycles(void **state)
{
	static const struct dw_misuse misuses[2] = {{.kind = 0}, {.kind = DW_MISUSE_UNLOCK}};
	struct dw_facts facts =
	    *facts_of_story(TWICE(1, A, B) TWICE(2, B, A) TWICE(3, C, D) TWICE(3, D, C));

	(void)state;
	facts.misuses = misuses;
	facts.n_misuses = 2;
	assert_string_equal(findings_of(&facts), "A B; misuse 1; C D single-thread");
}

static void order_is_by_length_then_as_told(void **state)
{
	(void)state;
	EXPECT(TWICE(1, X, Y) TWICE(2, Y, Z) TWICE(3, Z, X) TWICE(1, C, D) TWICE(1, A, B)
		   TWICE(2, B, A) TWICE(2, D, C),
	       "A B; C D; X Y Z");
}

static void many_alike_threads_under_a_gate_are_no_burden(void **state)
{
	static char story[200000];
	size_t n = 0;

	(void)state;
	for (int i = 1; i <= 200; i++)
		n += (size_t)snprintf(
		    story + n, sizeof(story) - n,
		    "%d hold G; %d hold A; %d hold B; %d hold C; %d drop C; %d drop B;"
		    "%d drop A; %d hold C; %d hold B; %d hold A; %d drop A; %d drop B;"
		    "%d drop C; %d drop G;",
		    i, i, i, i, i, i, i, i, i, i, i, i, i, i);
	EXPECT(story, "B C gated G; A B gated G; A C gated G");
}

static void a_thousand_locks_deep_is_no_burden(void **state)
{
	static char story[100000];
	dw_auto(analysis) analysis = NULL;
	const struct dw_facts *facts;
	size_t n = 0, n_findings;

	(void)state;
	for (int i = 1; i <= 1000; i++)
		n += (size_t)snprintf(story + n, sizeof(story) - n, "1 hold L%d;", i);
	snprintf(story + n, sizeof(story) - n, "2 hold L1000; 2 hold L1;");
	facts = facts_of_story(story);
	assert_int_equal(dw_analysis_new(&analysis, facts, MEMORY_MAX), 0);
	assert_int_equal(dw_analysis_run(analysis), 0);
	assert_nothing_left(analysis);
	assert_int_equal(dw_analysis_n_needs(analysis), 999 * 1000 / 2 + 1);
	assert_int_equal(dw_analysis_n_things(analysis), 1000);
	assert_int_equal(dw_analysis_findings(analysis, &n_findings)[0].n_legs, 2);
	assert_int_equal(dw_analysis_findings(analysis, &n_findings)[0].excuse, DW_NO_EXCUSE);
}

static void a_thousand_locks_in_both_orders_are_looked_at_in_full(void **state)
{
	static char story[100000];
	dw_auto(analysis) analysis = NULL;
	const struct dw_finding *findings;
	size_t n = 0, n_findings, n_real = 0;

	(void)state;
	for (int i = 1; i <= 1000; i++)
		n += (size_t)snprintf(story + n, sizeof(story) - n, "1 hold L%d; 2 hold L%d;", i,
				      1001 - i);
	assert_int_equal(dw_analysis_new(&analysis, facts_of_story(story), MEMORY_MAX), 0);
	assert_int_equal(dw_analysis_run(analysis), 0);
	assert_nothing_left(analysis);
	findings = dw_analysis_findings(analysis, &n_findings);
	while (n_real < n_findings && !findings[n_real].excuse)
		n_real++;
	/* Of two locks that are not neighbours, one between them is a gate. */
	assert_int_equal(n_real, 999);
	assert_true(n_findings > n_real);
	assert_int_equal(findings[n_real].excuse, DW_EXCUSE_GATED);
}

/* Any of 1000 locks under any other, by any of so many threads. */
static void limits_of_random_needs(int n_threads, struct dw_analysis_limits *ret)
{
	static char story[1 << 20];
	dw_auto(analysis) analysis = NULL;
	size_t n = 0;

	srand(1);
	for (int i = 0; i < 5000; i++) {
		int thread = 1 + rand() % n_threads, a = rand() % 1000;
		int b = (a + 1 + rand() % 999) % 1000;

		n += (size_t)snprintf(story + n, sizeof(story) - n,
				      "%d hold %d; %d hold %d; %d drop %d; %d drop %d;", thread, a,
				      thread, b, thread, b, thread, a);
	}
	assert_int_equal(dw_analysis_new(&analysis, facts_of_story(story), MEMORY_MAX), 0);
	assert_int_equal(dw_analysis_run(analysis), 0);
	dw_analysis_limits(analysis, ret);
}

static void what_was_not_searched_is_counted(void **state)
{
	struct dw_analysis_limits limits;

	(void)state;
	limits_of_random_needs(30, &limits);
	assert_true(limits.cycles_not_searched > 0);
	assert_true(limits.excused_not_kept > 0);
}

static void a_single_thread_leaves_nothing_to_search(void **state)
{
	struct dw_analysis_limits limits;

	(void)state;
	limits_of_random_needs(1, &limits);
	assert_int_equal(limits.cycles_not_searched, 0);
	assert_int_equal(limits.choices_not_tried, 0);
	assert_true(limits.excused_not_kept > 0);
}

static void too_little_memory_is_an_error(void **state)
{
	dw_auto(analysis) analysis = NULL;
	const struct dw_facts *facts = facts_of_story(TWICE(1, A, B) TWICE(2, B, A));

	(void)state;
	assert_int_equal(dw_analysis_new(&analysis, facts, 1 << 16), 0);
	assert_int_equal(dw_analysis_run(analysis), -12);
}

static void a_condition_needs_what_its_poster_took(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 wait c; 1 drop A; 2 hold A; 2 drop A; 2 post c;", "A c");
	EXPECT("1 hold A; 1 wait c; 1 drop A; 2 hold B; 2 drop B; 2 post c;", "");
}

static void a_condition_that_nobody_gives_closes_no_cycle(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 wait c; 1 drop A; 2 hold A; 2 drop A;", "");
}

static void what_was_taken_before_the_idle_point_does_not_count(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 wait c; 1 drop A; 2 hold A; 2 drop A; 2 idle d; 2 post c;", "");
}

static void another_poster_excuses_unless_it_needs_the_cycle_too(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 wait c; 1 drop A; 2 hold A; 2 drop A; 2 post c; 3 post c;",
	       "A c posters");
	EXPECT("1 hold A; 1 wait c; 1 drop A; 2 hold A; 2 drop A; 2 post c;"
	       "3 hold A; 3 drop A; 3 post c;",
	       "A c");
	EXPECT("1 hold A; 1 wait c; 1 post c; 1 drop A; 2 hold A; 2 drop A; 2 post c;", "A c");
}

static void who_waits_for_what_it_alone_gives_is_stuck(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 post c; 1 drop A; 1 idle d; 1 hold A; 1 wait c; 1 drop A;", "A c");
	EXPECT("1 hold A; 1 post c; 1 drop A; 1 idle d; 1 hold A; 1 wait c; 1 drop A; 2 post c;",
	       "A c posters");
}

static void a_wait_with_an_end_is_no_leg(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 wait c timed; 1 drop A; 2 hold A; 2 drop A; 2 post c;", "A c try");
	EXPECT("1 hold A; 1 wait c; 1 drop A; 2 hold A try; 2 drop A; 2 post c;", "A c try");
}

static void who_was_told_that_the_lock_is_out_of_the_way_may_wait(void **state)
{
	(void)state;
	EXPECT(
	    "2 hold A; 2 drop A; 2 post s; 1 idle s; 1 hold A; 1 wait end; 1 drop A; 2 post end;",
	    "A end ordered");
	EXPECT(
	    "2 post s; 1 idle s; 1 hold A; 1 wait end; 1 drop A; 2 hold A; 2 drop A; 2 post end;",
	    "A end");
	EXPECT("2 hold A; 2 drop A; 2 post s; 1 hold A; 1 wait end; 1 drop A; 2 post end;",
	       "A end");
}

static void a_condition_waits_among_locks(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 wait c; 1 drop A;" TWICE(3, B, A) "2 hold B; 2 drop B; 2 post c;",
	       "A c B");
}

static void the_framebuffer_has_both_cycles(void **state)
{
	(void)state;
	EXPECT("1 hold BQL; 1 hold new_lock; 1 park work BQL; 1 wake work BQL; 1 drop new_lock;"
	       "1 drop BQL; 2 hold BQL; 2 hold new_lock; 2 drop new_lock; 2 post work; 2 drop BQL;",
	       "new_lock work; BQL new_lock; BQL new_lock work single-thread");
}

static void a_long_wait_under_a_lock_is_a_hazard(void **state)
{
	(void)state;
	EXPECT("1 hold A; 1 hold B; 1 wait c long; 1 drop B; 1 drop A;", "A c hazard");
	EXPECT("1 hold A; 1 wait c; 1 drop A;", "");
	EXPECT("1 wait c long;", "");
	EXPECT("1 hold A; 1 wait c long; 1 drop A; 2 hold A; 2 drop A; 2 post c;", "A c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opposite_orders_by_two_threads_are_a_deadlock),
	    cmocka_unit_test(one_order_is_none),
	    cmocka_unit_test(cycles_of_three_and_five_are_found),
	    cmocka_unit_test(each_need_shows_its_shortest_cycle),
	    cmocka_unit_test(a_need_that_is_waited_for_in_vain_counts),
	    cmocka_unit_test(one_thread_alone_is_excused),
	    cmocka_unit_test(the_start_up_does_not_hide_a_second_thread),
	    cmocka_unit_test(a_trylock_needs_nothing),
	    cmocka_unit_test(what_a_trylock_took_is_held),
	    cmocka_unit_test(a_timed_wait_takes_its_mutex_again_for_ever),
	    cmocka_unit_test(a_gate_excuses_and_is_named),
	    cmocka_unit_test(a_gate_held_by_one_of_them_excuses_nothing),
	    cmocka_unit_test(a_gate_of_readers_excuses_nothing),
	    cmocka_unit_test(a_gate_does_not_hide_another_thread),
	    cmocka_unit_test(a_gate_excuses_what_one_thread_did_under_it_too),
	    cmocka_unit_test(a_condition_wait_lets_the_gate_go),
	    cmocka_unit_test(a_condition_wait_that_holds_just_its_mutex_is_fine),
	    cmocka_unit_test(a_lock_taken_by_its_holder_needs_nothing),
	    cmocka_unit_test(the_library_and_its_callback_are_found),
	    cmocka_unit_test(readers_excuse_each_other),
	    cmocka_unit_test(a_queued_writer_stops_readers_where_it_can),
	    cmocka_unit_test(one_writer_does_not_stop_readers_twice),
	    cmocka_unit_test(a_writer_in_a_leg_is_no_reader),
	    cmocka_unit_test(creation_keeps_parent_and_child_apart),
	    cmocka_unit_test(the_same_order_again_later_is_not_ordered),
	    cmocka_unit_test(joining_keeps_them_apart),
	    cmocka_unit_test(order_is_transitive),
	    cmocka_unit_test(before_and_after_a_thread_is_apart_and_during_is_not),
	    cmocka_unit_test(just_one_segment_of_three_can_meet),
	    cmocka_unit_test(lives_of_an_address_are_different_locks),
	    cmocka_unit_test(addresses_change_nothing),
	    cmocka_unit_test(an_excused_cycle_does_not_hide_a_longer_real_one),
	    cmocka_unit_test(misuse_comes_between_deadlocks_and_excused_cycles),
	    cmocka_unit_test(order_is_by_length_then_as_told),
	    cmocka_unit_test(many_alike_threads_under_a_gate_are_no_burden),
	    cmocka_unit_test(a_thousand_locks_deep_is_no_burden),
	    cmocka_unit_test(a_thousand_locks_in_both_orders_are_looked_at_in_full),
	    cmocka_unit_test(what_was_not_searched_is_counted),
	    cmocka_unit_test(a_single_thread_leaves_nothing_to_search),
	    cmocka_unit_test(a_condition_needs_what_its_poster_took),
	    cmocka_unit_test(a_condition_that_nobody_gives_closes_no_cycle),
	    cmocka_unit_test(what_was_taken_before_the_idle_point_does_not_count),
	    cmocka_unit_test(another_poster_excuses_unless_it_needs_the_cycle_too),
	    cmocka_unit_test(who_waits_for_what_it_alone_gives_is_stuck),
	    cmocka_unit_test(a_wait_with_an_end_is_no_leg),
	    cmocka_unit_test(who_was_told_that_the_lock_is_out_of_the_way_may_wait),
	    cmocka_unit_test(a_condition_waits_among_locks),
	    cmocka_unit_test(the_framebuffer_has_both_cycles),
	    cmocka_unit_test(a_long_wait_under_a_lock_is_a_hazard),
	    cmocka_unit_test(too_little_memory_is_an_error),
	};

	return cmocka_run_group_tests_name("analysis", tests, NULL, NULL);
}
