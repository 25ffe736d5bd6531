/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S (1000 * MS)

/* A monitor that looks every 100 ms, at a function that is to run each second at least. */
struct monitor {
	struct dw_heartbeat heartbeat;
	struct dw_heartbeat_look look;
};

static struct monitor start(void)
{
	struct monitor monitor = {
	    .heartbeat = dw_heartbeat_make(1 * S, 400 * MS),
	    .look = {.time_ns = 5 * S, .count = 40, .whole = true},
	};

	assert_int_equal(dw_heartbeat_look(&monitor.heartbeat, &monitor.look), DW_HEARTBEAT_SAME);
	return monitor;
}

static enum dw_heartbeat_answer look(struct monitor *monitor, uint64_t later_ns, uint64_t beats)
{
	monitor->look.time_ns += later_ns;
	monitor->look.count += beats;
	return dw_heartbeat_look(&monitor->heartbeat, &monitor->look);
}

/* @n looks, of which each sees @beats and none has anything to say. */
static void look_often(struct monitor *monitor, unsigned n, uint64_t beats)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(look(monitor, 100 * MS, beats), DW_HEARTBEAT_SAME);
}

static void a_function_that_used_to_run_is_silent_after_the_time_and_told_once(void **state)
{
	struct monitor monitor = start();

	(void)state;
	look_often(&monitor, 20, 10);
	assert_int_equal(dw_heartbeat_usual_ns(&monitor.heartbeat), 10 * MS);
	look_often(&monitor, 10, 0);
	assert_int_equal(look(&monitor, 100 * MS, 0), DW_HEARTBEAT_STOPPED);
	assert_int_equal(monitor.heartbeat.n_beats, 200);
	assert_int_equal(monitor.heartbeat.quiet_ns, 1100 * MS);
	look_often(&monitor, 50, 0);
	assert_int_equal(monitor.heartbeat.quiet_ns, 6100 * MS);
}

static void one_that_runs_again_is_back_and_can_fall_silent_again(void **state)
{
	struct monitor monitor = start();

	(void)state;
	look_often(&monitor, 20, 10);
	look_often(&monitor, 10, 0);
	assert_int_equal(look(&monitor, 100 * MS, 0), DW_HEARTBEAT_STOPPED);
	assert_int_equal(look(&monitor, 100 * MS, 1), DW_HEARTBEAT_BACK);
	look_often(&monitor, 20, 10);
	assert_int_equal(dw_heartbeat_usual_ns(&monitor.heartbeat), 10 * MS);
	look_often(&monitor, 10, 0);
	assert_int_equal(look(&monitor, 100 * MS, 0), DW_HEARTBEAT_STOPPED);
}

static void one_that_never_ran_or_has_no_habit_is_never_silent(void **state)
{
	struct monitor never = start(), once = start(), thrice = start();

	(void)state;
	look_often(&never, 100, 0);
	look_often(&once, 1, 100);
	look_often(&once, 100, 0);
	look_often(&thrice, 4, 1);
	look_often(&thrice, 100, 0);
	assert_int_equal(dw_heartbeat_usual_ns(&thrice.heartbeat), 0);
}

/* What was before the first beat is no interval: a device that is opened after a minute. */
static void a_late_start_is_no_habit(void **state)
{
	struct monitor monitor = start();

	(void)state;
	look_often(&monitor, 600, 0);
	look_often(&monitor, 5, 1);
	assert_int_equal(dw_heartbeat_usual_ns(&monitor.heartbeat), 100 * MS);
}

static void one_that_runs_seldom_may_be_quiet_for_longer(void **state)
{
	struct monitor monitor = start();

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		look_often(&monitor, 6, 0);
		look_often(&monitor, 1, 1);
	}
	assert_int_equal(dw_heartbeat_usual_ns(&monitor.heartbeat), 700 * MS);
	look_often(&monitor, 21, 0);
	assert_int_equal(look(&monitor, 100 * MS, 0), DW_HEARTBEAT_STOPPED);
}

static void an_interval_between_two_looks_is_told_from_several(void **state)
{
	struct monitor monitor = start();

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		look_often(&monitor, 2, 0);
		look_often(&monitor, 1, 1);
		look_often(&monitor, 1, 0);
		look_often(&monitor, 1, 1);
	}
	assert_int_equal(dw_heartbeat_usual_ns(&monitor.heartbeat), 250 * MS);
}

static void one_burst_in_between_does_not_change_the_habit(void **state)
{
	struct monitor monitor = start();

	(void)state;
	look_often(&monitor, 20, 5);
	look_often(&monitor, 2, 100000);
	look_often(&monitor, 2, 5);
	assert_int_equal(dw_heartbeat_usual_ns(&monitor.heartbeat), 20 * MS);
}

static void time_in_which_the_process_was_stopped_does_not_count(void **state)
{
	struct monitor monitor = start();

	(void)state;
	look_often(&monitor, 20, 10);
	monitor.look.whole = false;
	look_often(&monitor, 100, 0);
	monitor.look.whole = true;
	look_often(&monitor, 10, 0);
	assert_int_equal(look(&monitor, 100 * MS, 0), DW_HEARTBEAT_STOPPED);
}

static void late_looks_do_not_count(void **state)
{
	struct monitor monitor = start();

	(void)state;
	look_often(&monitor, 20, 10);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(look(&monitor, i % 2 ? 400 * MS : 3600 * S, 0), DW_HEARTBEAT_SAME);
	assert_int_equal(monitor.heartbeat.quiet_ns, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(look(&monitor, 333 * MS, 0), DW_HEARTBEAT_SAME);
	assert_int_equal(look(&monitor, 333 * MS, 0), DW_HEARTBEAT_STOPPED);
}

/* Else many beats in no counted time at all would look like a habit of running all the time. */
static void an_interval_that_was_not_counted_as_a_whole_is_none(void **state)
{
	struct monitor monitor = start();

	(void)state;
	look_often(&monitor, 5, 10);
	for (unsigned i = 0; i < DW_HEARTBEAT_INTERVALS_MAX; i++)
		assert_int_equal(look(&monitor, 500 * MS, 50), DW_HEARTBEAT_SAME);
	assert_int_equal(dw_heartbeat_usual_ns(&monitor.heartbeat), 10 * MS);
}

static bool reads(const char *text, const char *function, uint64_t threshold_ns)
{
	struct dw_heartbeat_wish wish;

	return dw_heartbeat_read(text, strlen(text), &wish) && wish.threshold_ns == threshold_ns &&
	       wish.function_size == strlen(function) &&
	       memcmp(wish.function, function, wish.function_size) == 0;
}

static void a_wish_is_a_function_and_a_time(void **state)
{
	(void)state;
	assert_true(reads("fence_poll=1s", "fence_poll", 1 * S));
	assert_true(reads("fence_poll=250ms", "fence_poll", 250 * MS));
	assert_true(reads("qemu::Timer::fire=2min", "qemu::Timer::fire", 120 * S));
}

static void what_is_no_wish_is_refused(void **state)
{
	static const char *const wrong[] = {
	    "",
	    "fence_poll",
	    "fence_poll=",
	    "=1s",
	    "fence_poll=1",
	    "f=1s,g=1s",
	    "f=1 s",
	    "f=-1s",
	    "f=1.5s",
	    "f=0s",
	    "f=1sec",
	    "f=s",
	    "f=1s ",
	    "f=18446744073709551s",
	    "f=1000000000ms",
	};
	struct dw_heartbeat_wish wish;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(dw_heartbeat_read(wrong[i], strlen(wrong[i]), &wish));
	assert_false(dw_heartbeat_read("f=1s", strlen("f=1"), &wish));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_function_that_used_to_run_is_silent_after_the_time_and_told_once),
	    cmocka_unit_test(one_that_runs_again_is_back_and_can_fall_silent_again),
	    cmocka_unit_test(one_that_never_ran_or_has_no_habit_is_never_silent),
	    cmocka_unit_test(a_late_start_is_no_habit),
	    cmocka_unit_test(one_that_runs_seldom_may_be_quiet_for_longer),
	    cmocka_unit_test(an_interval_between_two_looks_is_told_from_several),
	    cmocka_unit_test(one_burst_in_between_does_not_change_the_habit),
	    cmocka_unit_test(time_in_which_the_process_was_stopped_does_not_count),
	    cmocka_unit_test(late_looks_do_not_count),
	    cmocka_unit_test(an_interval_that_was_not_counted_as_a_whole_is_none),
	    cmocka_unit_test(a_wish_is_a_function_and_a_time),
	    cmocka_unit_test(what_is_no_wish_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
