/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is stuck now: what is a deadlock, what a stall, and what just waits. */
#include "analysis/now.h"
#include "analysis/rank.h"
#include "now-facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY_MAX ((size_t)1 << 30)

static const struct {
	uint32_t flag;
	const char *word;
} flags[] = {
    {DW_FOUND_INFERRED, " inferred"},         {DW_FOUND_NO_POSTER, " no-poster"},
    {DW_FOUND_POSTERS_GONE, " posters-gone"}, {DW_FOUND_POLLING, " polling"},
    {DW_FOUND_RUNNING, " running"},           {DW_FOUND_UNSEEN, " unseen"},
};

/* "2:B>A": thread 2 gives B and needs A; a post is "+c". */
static void write_leg(FILE *out, const struct dw_facts *facts, const struct dw_found_leg *leg)
{
	fprintf(out, " %u:", leg->thread);
	if (leg->post)
		fprintf(out, "+%s", now_word(facts->posts[leg->post].thing));
	else if (leg->holds)
		fprintf(out, "%s", now_word(facts->chains[leg->holds].thing));
	if (leg->needs)
		assert_int_equal(facts->chains[leg->needs].thing, leg->thing);
	if (leg->thing)
		fprintf(out, ">%s", now_word(leg->thing));
}

static void write_found(FILE *out, const struct dw_facts *facts, const struct dw_found *found)
{
	fputs(found->verdict == DW_FOUND_DEADLOCK ? "deadlock" : "stall", out);
	for (uint32_t i = 0; i < found->n_legs + found->n_waiters; i++) {
		fputs(i == found->n_legs ? " |" : "", out);
		write_leg(out, facts, &found->legs[i]);
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		fputs(found->flags & flags[i].flag ? flags[i].word : "", out);
}

/* All that is found, in order: "deadlock 1:A>B 2:B>A | 3:>A; stall ..." */
static const char *found_in(const char *picture)
{
	static char text[4096];
	dw_auto(arena) arena = NULL;
	const struct dw_now *now = now_picture(picture);
	const struct dw_found *founds;
	FILE *out = fmemopen(text, sizeof(text), "w");
	size_t n;

	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	assert_int_equal(dw_now_find(now, arena, &founds, &n), 0);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? "; " : "", out);
		write_found(out, now->facts, &founds[i]);
	}
	fputc('\0', out);
	fclose(out);
	return text;
}

#define EXPECT(picture, founds) assert_string_equal(found_in(picture), founds)
#define AB_BA "1 has A; 1 wants B; 2 has B; 2 wants A;"

static void two_threads_that_want_what_the_other_holds_are_a_deadlock(void **state)
{
	(void)state;
	EXPECT(AB_BA, "deadlock 1:A>B 2:B>A");
	EXPECT(AB_BA "3 wants A; 4 wants B; 5 has C", "deadlock 1:A>B 2:B>A | 3:>A 4:>B");
}

static void a_thread_that_handles_signals_is_stuck_all_the_same(void **state)
{
	(void)state;
	EXPECT(AB_BA "1 handles signals", "deadlock 1:A>B 2:B>A");
	EXPECT(AB_BA "1 handles signals; 1 since 900; 2 since 900", "");
	EXPECT("1 has states; 1 asks 2; 1 polls; 1 since 1500; 2 wants states; 2 handles signals",
	       "deadlock 1:states>answer-2 2:>states polling");
	EXPECT("1 asks 2; 1 polls; 1 since 6000; 2 waits w futex; 2 handles signals",
	       "stall 1:>answer-2 2:>w no-poster polling");
}

static void three_legs_are_found(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 wants B; 2 has B; 2 wants C; 3 has C; 3 wants A",
	       "deadlock 1:A>B 2:B>C 3:C>A");
}

static void a_thread_that_ran_is_not_stuck(void **state)
{
	(void)state;
	EXPECT(AB_BA "1 runs; 2 since 4000", "");
	EXPECT("1 has A; 1 wants B; 2 has B; 2 has C", "stall 2:B | 1:>B");
}

static void locks_need_but_two_looks(void **state)
{
	(void)state;
	EXPECT(AB_BA "1 since 1; 2 since 1", "deadlock 1:A>B 2:B>A");
}

static void a_thread_that_waits_for_its_own_lock_is_a_deadlock(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 wants A", "deadlock 1:A>A");
}

static void two_deadlocks_are_two(void **state)
{
	(void)state;
	EXPECT(AB_BA "3 has C; 3 wants D; 4 has D; 4 wants C",
	       "deadlock 1:A>B 2:B>A; deadlock 3:C>D 4:D>C");
}

static void a_writer_waits_for_each_reader(void **state)
{
	(void)state;
	EXPECT("1 has R shared rwlock; 2 has R shared rwlock; 2 wants M; 3 has M; 3 wants R rwlock;"
	       "1 runs",
	       "deadlock 2:R>M 3:M>R");
	EXPECT("1 has R rwlock; 1 wants M; 2 has M; 2 wants R shared rwlock",
	       "deadlock 1:R>M 2:M>R");
}

static void readers_wait_for_readers_only_behind_a_writer(void **state)
{
	(void)state;
	EXPECT("1 has R shared rwlock; 1 wants M; 2 has M; 2 wants R shared rwlock; 2 since 100;"
	       "1 since 100",
	       "");
	EXPECT("1 has R shared rwlock; 1 wants M; 2 has M; 2 wants R shared rwlock;"
	       "3 wants R rwlock",
	       "deadlock 1:R>M 2:M>R | 3:>R");
}

static void a_condition_that_only_a_stuck_thread_posts_is_a_deadlock(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 waits c condition; 2 wants A; 2 posts c",
	       "deadlock 1:A>c 2:+c>A inferred");
}

static void that_nobody_else_posts_takes_a_while_to_believe(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 waits c condition; 2 wants A; 2 posts c; 1 since 900; 2 since 900", "");
}

static void a_second_poster_that_lives_can_post(void **state)
{
	(void)state;
	EXPECT(
	    "1 has A; 1 waits c condition; 2 wants A; 2 since 2000; 2 posts c; 3 posts c; 3 runs",
	    "");
	EXPECT("1 has A; 1 waits c condition; 2 wants A; 2 posts c; 3 posts c; 3 ends",
	       "deadlock 1:A>c 2:+c>A inferred");
}

static void a_condition_wait_needs_its_mutex_again(void **state)
{
	(void)state;
	EXPECT("1 has fb; 1 parks work bql; 2 has bql; 2 wants fb", "deadlock 1:fb>bql 2:bql>fb");
	EXPECT("1 has fb; 1 parks work bql timed; 2 has bql; 2 wants fb",
	       "deadlock 1:fb>bql 2:bql>fb");
}

/* S0 of the incidents: CFRelease waits for what only the main loop posts, under the BQL. */
static void a_thread_that_only_itself_could_wake_is_a_deadlock(void **state)
{
	(void)state;
	EXPECT("1 has bql; 1 waits fence semaphore; 1 posts fence bql; 2 wants bql; 3 calls 17;"
	       "3 runs",
	       "deadlock 1:bql>fence 1:+fence>bql | 2:>bql inferred");
}

static void the_post_that_needs_what_is_held_is_the_one_told(void **state)
{
	(void)state;
	EXPECT("1 has bql; 1 waits fence semaphore; 1 posts fence; 1 posts fence other;"
	       "1 posts fence bql",
	       "deadlock 1:bql>fence 1:+fence>bql inferred");
}

static void an_idle_thread_that_woke_itself_once_is_none(void **state)
{
	(void)state;
	EXPECT("1 waits c condition; 1 posts c A", "");
}

static void a_join_of_a_stuck_thread_is_a_deadlock(void **state)
{
	(void)state;
	EXPECT("1 has bql; 1 joins 2; 2 wants bql", "deadlock 1:bql>end-2 2:>bql");
}

static void a_join_of_a_thread_that_works_is_none(void **state)
{
	(void)state;
	EXPECT("1 joins 2; 2 has A; 2 runs", "");
	EXPECT("1 has bql; 1 joins 2; 2 runs; 3 wants bql; 3 since 4000", "");
	EXPECT("1 has bql; 1 joins 2; 2 runs; 3 wants bql",
	       "stall 1:bql>end-2 2: | 3:>bql running");
}

/* Others have the processors: a machine that is busy makes no stall. */
static void who_is_not_given_a_processor_is_none(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 runs; 2 wants A; 2 since 8000", "stall 1:A | 2:>A running");
	EXPECT("1 has A; 1 runs 10; 2 wants A; 2 since 40000", "");
	EXPECT("1 has A; 1 runs 10; 2 wants A; 2 since 58000", "stall 1:A | 2:>A running");
	EXPECT("1 has A; 1 runs; 2 wants A; 2 since 8000; 3 wants A; 3 since 3000", "");
	EXPECT("1 has A; 1 runs 10; 2 wants A; 3 wants A; 3 since 8000", "");
	EXPECT("1 has bql; 1 joins 2; 1 since 8000; 2 runs 10; 3 wants bql", "");
}

static void looks_at_who_runs_are_kept_for_any_time(void **state)
{
	static const uint64_t second = 1000000000, times[] = {1, 5, 60, 3600, 40000};
	struct dw_rans rans = {0};
	uint64_t now = 50000 * second;

	(void)state;
	assert_int_equal(dw_rans_since(&rans, 0), 0);
	for (uint64_t t = 0; t <= now; t += second / 10)
		dw_rans_note(&rans, t, t / 2);
	assert_int_equal(rans.n, DW_RANS_MAX);
	assert_int_equal(dw_rans_since(&rans, 0), now / 2);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		uint64_t ran = dw_rans_since(&rans, now - times[i] * second);

		assert_in_range(ran, times[i] * second * 3 / 8, times[i] * second / 2);
	}
}

/* S3: the VMM kicks vcpu0 and polls under the lock that vcpu0 wants. */
static void an_answer_of_a_stuck_thread_is_a_deadlock(void **state)
{
	(void)state;
	EXPECT("1 has states; 1 asks 2; 1 polls; 1 since 1500; 2 wants states",
	       "deadlock 1:states>answer-2 2:>states polling");
	EXPECT("1 has states; 1 asks 2; 1 polls; 1 since 500; 2 wants states; 2 since 500", "");
	/* It began after the look. */
	EXPECT("1 has states; 1 asks 2; 1 polls; 1 since -5; 2 wants states", "");
}

/* The same with locks of Rust, which nobody is seen to hold. */
static void an_answer_of_a_thread_that_waits_on_a_word_is_a_stall(void **state)
{
	(void)state;
	EXPECT("1 asks 2; 1 polls; 1 since 6000; 2 waits w futex",
	       "stall 1:>answer-2 2:>w no-poster polling");
	EXPECT("1 asks 2; 1 polls; 1 since 4000; 2 waits w futex", "");
	EXPECT("1 asks 2; 1 polls; 1 since 6000; 2 waits w futex; 3 posts w; 3 runs", "");
	EXPECT("1 asks 2; 1 polls; 1 since 6000; 2 waits w futex; 1 posts w",
	       "deadlock 1:+w>answer-2 2:>w inferred polling");
}

static void a_lock_that_nobody_can_be_seen_to_hold_is_a_stall(void **state)
{
	(void)state;
	EXPECT("1 waits w futex; 1 locks", "stall 1:>w unseen");
	EXPECT("1 waits w lock-word; 1 locks; 1 since 4000", "");
	EXPECT("1 waits w futex; 1 locks; 2 waits v lock-word; 2 locks",
	       "stall 1:>w unseen; stall 2:>v unseen");
	EXPECT("1 has A; 1 waits w futex; 1 locks; 2 wants A", "stall 1:A>w | 2:>A unseen");
}

/* Between two that have it nobody has; but whoever wants it was woken for it meanwhile. */
static void a_lock_that_is_handed_on_is_no_stall(void **state)
{
	(void)state;
	EXPECT("1 wants A", "stall 1:>A");
	EXPECT("1 wants A; 1 runs", "");
	EXPECT("1 wants A; 1 runs; 2 wants A", "stall 2:>A");
	EXPECT("1 waits w futex; 1 locks; 1 runs", "");
}

static void a_word_that_no_stack_calls_a_lock_is_waited_on_for_ever(void **state)
{
	(void)state;
	EXPECT("1 waits w futex", "");
	EXPECT("1 waits w lock-word", "");
	EXPECT("1 waits w condition; 1 locks", "");
	EXPECT("1 waits w futex timed; 1 locks", "");
}

static void all_who_wait_for_an_unseen_lock_are_told_once(void **state)
{
	(void)state;
	EXPECT("1 waits w futex; 1 locks; 2 waits w futex; 2 locks; 3 joins 1; 4 waits v futex",
	       "stall 1:>w | 2:>w 3:>end-1 unseen");
}

/* Who gave the word let go of the lock: that is no reason to think that it has it now. */
static void who_let_go_of_an_unseen_lock_is_not_its_holder(void **state)
{
	(void)state;
	EXPECT("1 waits w futex; 1 locks; 2 posts w; 2 runs", "stall 1:>w unseen");
	EXPECT("1 has A; 1 waits w futex; 1 locks; 1 posts w A; 2 wants A",
	       "stall 1:A>w | 2:>A unseen");
	EXPECT("1 asks 2; 1 polls; 1 since 6000; 2 waits w futex; 2 locks; 3 posts w; 3 runs",
	       "stall 1:>answer-2 2:>w polling unseen");
}

static void an_answer_of_an_idle_thread_is_awaited_in_vain_and_that_is_all(void **state)
{
	(void)state;
	EXPECT("1 asks 2; 1 polls; 1 since 60000; 2 waits c condition", "");
	EXPECT("1 asks 2; 1 polls; 1 since 60000; 2 calls 11", "");
}

/* S4 with a trylock in a loop: no fix. */
static void a_livelock_is_a_stall(void **state)
{
	(void)state;
	EXPECT("1 has fb; 1 parks work bql; 2 has bql; 2 polls; 2 since 6000",
	       "stall 2:bql | 1:>bql polling");
	EXPECT("1 has fb; 1 parks work bql; 2 has bql; 2 polls; 2 since 3000", "");
	EXPECT("1 parks work bql; 2 has bql; 2 polls; 2 since 6000", "");
}

/* R1: a vCPU sleeps and tries again, under the BQL. */
static void who_polls_under_a_lock_stalls_those_who_want_it(void **state)
{
	(void)state;
	EXPECT("1 has bql; 1 polls; 1 since 6000; 2 wants bql", "stall 1:bql | 2:>bql polling");
}

static void idle_threads_that_wake_each_other_are_none(void **state)
{
	(void)state;
	EXPECT("1 waits c condition; 2 waits d condition; 1 posts d M; 2 posts c M", "");
	EXPECT("1 parks c M; 2 parks d M; 1 posts d M; 2 posts c M", "");
}

static void a_post_that_needs_a_lock_of_the_ring_makes_a_deadlock(void **state)
{
	(void)state;
	EXPECT("1 has L; 1 waits c condition; 2 waits d condition; 2 posts c L; 1 posts d",
	       "deadlock 1:+d>c 2:+c>d inferred");
}

static void contention_is_none(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 runs; 2 wants A; 2 since 100; 3 wants A; 3 since 200", "");
	EXPECT("1 has A; 1 runs; 2 wants A; 2 since 9000; 3 wants A; 3 since 200", "");
	EXPECT("1 has A; 1 runs; 2 wants A; 2 handles signals; 3 wants A", "");
}

static void who_runs_under_a_lock_that_all_wait_for_is_a_stall(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 runs; 2 wants A; 3 wants A", "stall 1:A | 2:>A 3:>A running");
}

static void who_gives_up_is_not_stuck(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 wants B timed; 2 has B; 2 wants A; 1 since 2000; 2 since 2000", "");
	EXPECT("1 has A; 1 wants B timed; 1 polls; 1 since 2000; 2 has B; 2 wants A",
	       "deadlock 1:A>B 2:B>A polling");
	EXPECT("1 has A; 1 waits c condition timed; 2 posts c; 2 wants A; 1 since 2000;"
	       "2 since 2000",
	       "");
}

static void a_lock_held_in_a_call_that_does_not_return_is_a_stall(void **state)
{
	(void)state;
	EXPECT("1 has bql; 1 calls 11; 2 wants bql; 3 wants bql",
	       "stall 1:bql>call-11 | 2:>bql 3:>bql");
	EXPECT("1 has bql; 1 calls 11; 2 has A; 2 wants bql; 3 wants A",
	       "stall 2:A>bql 1:bql>call-11 | 3:>A");
	EXPECT("1 has bql; 1 calls 11; 2 wants bql; 2 since 4999", "");
}

static void a_condition_that_nobody_was_seen_to_post_ends_a_stall(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 waits c condition; 2 wants A", "stall 1:A>c | 2:>A no-poster");
	EXPECT("1 has A; 1 waits c condition; 2 wants A; 3 posts c; 3 ends",
	       "stall 1:A>c | 2:>A posters-gone");
	EXPECT("1 has A; 1 waits c condition; 2 wants A; 3 posts c; 3 runs", "stall 1:A>c | 2:>A");
}

static void a_stall_goes_on_through_those_who_post(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 waits c condition; 2 wants A; 3 posts c; 3 wants B; 4 has B; 4 calls 11",
	       "stall 1:A>c 3:+c>B 4:B>call-11 | 2:>A inferred");
}

static void a_holder_that_is_not_known_is_not_made_up(void **state)
{
	(void)state;
	EXPECT("1 has A; 2 wants B; 3 wants B; 3 since 7000", "stall 2:>B | 3:>B");
	EXPECT("1 lost A; 1 calls 11; 2 wants A", "stall 1:>call-11 | 2:>A");
}

static void a_lock_of_a_thread_that_has_ended_stays_taken(void **state)
{
	(void)state;
	EXPECT("1 has A; 1 ends; 2 wants A", "stall 1:A | 2:>A");
}

static void who_waits_for_a_deadlock_is_no_stall_beside_it(void **state)
{
	(void)state;
	EXPECT(AB_BA "3 has C; 3 wants A; 4 wants C", "deadlock 1:A>B 2:B>A | 3:>A");
}

static void definite_facts_are_preferred(void **state)
{
	(void)state;
	EXPECT("1 has fb; 1 parks work bql; 2 has bql; 2 wants fb; 2 posts work; 1 posts work fb",
	       "deadlock 1:fb>bql 2:bql>fb");
}

/* Told before it was known how they stand, and by who has nothing to do with the deadlock. */
static void a_stall_that_is_part_of_a_deadlock_is_not_told(void **state)
{
	struct dw_leg circle[] = {{.thread = 1, .holds = 5}, {.thread = 2, .holds = 6}};
	struct dw_leg other[] = {{.thread = 1, .holds = 5}, {.thread = 3, .holds = 7}};
	struct dw_finding findings[] = {
	    {.verdict = DW_STALL, .legs = circle, .n_legs = 1, .found = 1},
	    {.verdict = DW_STALL, .legs = other, .n_legs = 2, .found = 2},
	    {.verdict = DW_DEADLOCK, .legs = circle, .n_legs = 2, .found = 3},
	    {.verdict = DW_STALL, .legs = circle + 1, .n_legs = 1, .found = 4},
	};
	struct dw_facts told = {.n_founds = 5};

	(void)state;
	assert_int_equal(dw_rank_drop_happened(&told, findings, 4), 2);
	assert_int_equal(findings[0].found, 2);
	assert_int_equal(findings[1].found, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_threads_that_want_what_the_other_holds_are_a_deadlock),
	    cmocka_unit_test(a_thread_that_handles_signals_is_stuck_all_the_same),
	    cmocka_unit_test(three_legs_are_found),
	    cmocka_unit_test(a_thread_that_ran_is_not_stuck),
	    cmocka_unit_test(locks_need_but_two_looks),
	    cmocka_unit_test(a_thread_that_waits_for_its_own_lock_is_a_deadlock),
	    cmocka_unit_test(two_deadlocks_are_two),
	    cmocka_unit_test(a_writer_waits_for_each_reader),
	    cmocka_unit_test(readers_wait_for_readers_only_behind_a_writer),
	    cmocka_unit_test(a_condition_that_only_a_stuck_thread_posts_is_a_deadlock),
	    cmocka_unit_test(that_nobody_else_posts_takes_a_while_to_believe),
	    cmocka_unit_test(a_second_poster_that_lives_can_post),
	    cmocka_unit_test(a_condition_wait_needs_its_mutex_again),
	    cmocka_unit_test(a_thread_that_only_itself_could_wake_is_a_deadlock),
	    cmocka_unit_test(the_post_that_needs_what_is_held_is_the_one_told),
	    cmocka_unit_test(an_idle_thread_that_woke_itself_once_is_none),
	    cmocka_unit_test(a_join_of_a_stuck_thread_is_a_deadlock),
	    cmocka_unit_test(a_join_of_a_thread_that_works_is_none),
	    cmocka_unit_test(who_is_not_given_a_processor_is_none),
	    cmocka_unit_test(looks_at_who_runs_are_kept_for_any_time),
	    cmocka_unit_test(an_answer_of_a_stuck_thread_is_a_deadlock),
	    cmocka_unit_test(an_answer_of_a_thread_that_waits_on_a_word_is_a_stall),
	    cmocka_unit_test(a_lock_that_nobody_can_be_seen_to_hold_is_a_stall),
	    cmocka_unit_test(a_lock_that_is_handed_on_is_no_stall),
	    cmocka_unit_test(a_word_that_no_stack_calls_a_lock_is_waited_on_for_ever),
	    cmocka_unit_test(all_who_wait_for_an_unseen_lock_are_told_once),
	    cmocka_unit_test(who_let_go_of_an_unseen_lock_is_not_its_holder),
	    cmocka_unit_test(an_answer_of_an_idle_thread_is_awaited_in_vain_and_that_is_all),
	    cmocka_unit_test(a_livelock_is_a_stall),
	    cmocka_unit_test(who_polls_under_a_lock_stalls_those_who_want_it),
	    cmocka_unit_test(idle_threads_that_wake_each_other_are_none),
	    cmocka_unit_test(a_post_that_needs_a_lock_of_the_ring_makes_a_deadlock),
	    cmocka_unit_test(contention_is_none),
	    cmocka_unit_test(who_runs_under_a_lock_that_all_wait_for_is_a_stall),
	    cmocka_unit_test(who_gives_up_is_not_stuck),
	    cmocka_unit_test(a_lock_held_in_a_call_that_does_not_return_is_a_stall),
	    cmocka_unit_test(a_condition_that_nobody_was_seen_to_post_ends_a_stall),
	    cmocka_unit_test(a_stall_goes_on_through_those_who_post),
	    cmocka_unit_test(a_holder_that_is_not_known_is_not_made_up),
	    cmocka_unit_test(a_lock_of_a_thread_that_has_ended_stays_taken),
	    cmocka_unit_test(who_waits_for_a_deadlock_is_no_stall_beside_it),
	    cmocka_unit_test(definite_facts_are_preferred),
	    cmocka_unit_test(a_stall_that_is_part_of_a_deadlock_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
