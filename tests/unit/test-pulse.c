/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of a real process, counted by the kernel. Needs the right to (root has it). */
#include "inspect/clock.h"
#include "inspect/pulse.h"
#include "inspect/uprobe.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define LOOK_MS 50
#define LATE_NS (1000 * MS)
#define PATIENCE_MS 60000 /* what has not come by then does not */
#define TRIES 5           /* on a machine with much else to do a beat may take its time */
#define SKIPPED 77        /* meson's exit code for a test that cannot run here */

struct target {
	pid_t pid;
	struct dw_pulse *pulse;
};

/* Waits until a process that is to execute it has done so. */
static void await_program(pid_t pid, const char *program)
{
	struct stat wanted, executed;
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	assert_int_equal(stat(program, &wanted), 0);
	while (stat(link, &executed) == 0 && executed.st_ino != wanted.st_ino)
		usleep(1000);
}

static struct target start(const char *program, const char *wishes)
{
	struct target target = {.pid = fork()};

	assert_true(target.pid >= 0);
	if (target.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(program, program, (char *)NULL);
		_exit(1);
	}
	await_program(target.pid, program);
	assert_true(dw_pulse_check(wishes, strlen(wishes)));
	assert_int_equal(dw_pulse_new(&target.pulse, target.pid, wishes, LATE_NS, /* told= */ NULL),
			 0);
	return target;
}

static void stop(struct target *target)
{
	int status;

	assert_int_equal(waitpid(target->pid, &status, WNOHANG), 0);
	kill(target->pid, SIGKILL);
	waitpid(target->pid, &status, 0);
	dw_pulse_free(target->pulse);
}

/* Looks for @ms. Return: the kind of the first news, which is in @ret; 0: there was none. */
static int look(struct target *target, unsigned ms, struct dw_pulse_news *ret)
{
	uint64_t end_ns = dw_clock_ns() + ms * MS;

	while (dw_clock_ns() < end_ns) {
		assert_int_equal(dw_pulse_look(target->pulse, dw_clock_ns()), 0);
		if (dw_pulse_next(target->pulse, ret) == 1)
			return (int)ret->kind;
		usleep(LOOK_MS * 1000);
	}
	return 0;
}

static void a_function_is_silent_and_back_as_it_runs(void **state)
{
	struct target target = start(PROGRAM, "sample_beat=2s");
	struct dw_pulse_news news = {0};

	(void)state;
	for (unsigned i = 1; i <= TRIES; i++) {
		assert_int_equal(look(&target, i * 1500, &news), 0);
		kill(target.pid, SIGUSR1);
		if (look(&target, PATIENCE_MS / TRIES, &news) == 0) {
			kill(target.pid, SIGUSR1); /* no beat was counted before it fell silent */
			continue;
		}
		assert_int_equal(news.kind, DW_PULSE_STOPPED);
		assert_string_equal(news.function, "sample_beat");
		assert_true(news.quiet_ns > 2000 * MS);
		/* At most one each 5 ms from two threads. */
		assert_true(news.usual_ns >= 2 * MS);
		if (news.usual_ns < LOOK_MS * MS && news.n_beats >= 30)
			break;
		kill(target.pid, SIGUSR1);
		assert_int_equal(look(&target, PATIENCE_MS, &news), DW_PULSE_BACK);
	}
	assert_true(news.usual_ns < LOOK_MS * MS);
	assert_true(news.n_beats >= 30);
	assert_int_equal(look(&target, 500, &news), 0);
	kill(target.pid, SIGUSR1);
	assert_int_equal(look(&target, PATIENCE_MS, &news), DW_PULSE_BACK);
	assert_true(news.quiet_ns > 500 * MS);
	stop(&target);
}

/* Nothing is told of a process that runs, is stopped, and runs again. */
static bool nothing_is_told(struct target *target)
{
	struct dw_pulse_news news;
	bool is_quiet = look(target, 2500, &news) == 0;

	kill(target->pid, SIGSTOP);
	is_quiet = is_quiet && look(target, 1500, &news) == 0;
	kill(target->pid, SIGCONT);
	return is_quiet && look(target, 1500, &news) == 0;
}

/*
 * Threads come and go meanwhile; stop() sees that none could not be made. Whom a busy machine has
 * kept from running for so long is silent.
 */
static void a_process_that_runs_or_is_stopped_is_not_silent(void **state)
{
	bool is_quiet = false;

	(void)state;
	for (unsigned i = 0; !is_quiet && i < TRIES; i++) {
		struct target target = start(PROGRAM, "sample_beat=600ms+clock_nanosleep=600ms");

		is_quiet = nothing_is_told(&target);
		stop(&target);
	}
	assert_true(is_quiet);
}

static void looks_that_come_late_are_no_silence(void **state)
{
	struct target target = start(PROGRAM, "sample_beat=600ms");
	struct dw_pulse_news news;
	int kind = 0;

	(void)state;
	for (unsigned i = 1; kind == 0 && i <= TRIES; i++) {
		assert_int_equal(look(&target, i * 1000, &news), 0);
		kill(target.pid, SIGUSR1);
		usleep(1500000);
		assert_int_equal(look(&target, 200, &news), 0);
		kind = look(&target, PATIENCE_MS / TRIES, &news);
		if (kind == 0) /* no beat was counted before it fell silent */
			kill(target.pid, SIGUSR1);
	}
	assert_int_equal(kind, DW_PULSE_STOPPED);
	stop(&target);
}

static void a_function_of_a_library_is_counted(void **state)
{
	struct dw_pulse_news news;
	bool is_quiet = false;

	(void)state;
	for (unsigned i = 0; !is_quiet && i < TRIES; i++) {
		struct target target = start(PROGRAM, "clock_nanosleep=600ms");

		is_quiet = look(&target, 3000, &news) == 0;
		stop(&target);
	}
	assert_true(is_quiet);
}

static void a_missing_function_is_told_once(void **state)
{
	struct target whole = start(PROGRAM, "no_such_function=300ms");
	struct target stripped = start(STRIPPED, "sample_beat=600ms");
	struct dw_pulse_news news;

	(void)state;
	assert_int_equal(look(&whole, PATIENCE_MS, &news), DW_PULSE_MISSING);
	assert_false(news.is_stripped);
	assert_int_equal(look(&stripped, PATIENCE_MS, &news), DW_PULSE_MISSING);
	assert_true(news.is_stripped);
	assert_int_equal(look(&whole, 1000, &news), 0);
	stop(&whole);
	stop(&stripped);
}

static void an_ended_process_is_told_by_the_result(void **state)
{
	struct target target = start(PROGRAM, "sample_beat=600ms");
	struct dw_pulse_news news;

	(void)state;
	assert_int_equal(look(&target, 500, &news), 0);
	kill(target.pid, SIGKILL);
	usleep(100000);
	assert_int_equal(look(&target, 1000, &news), 0);
	waitpid(target.pid, NULL, 0);
	assert_int_equal(dw_pulse_look(target.pulse, dw_clock_ns()), -ESRCH);
	dw_pulse_free(target.pulse);
}

/* Return: whether @name is that of the beats that @argument counts. */
static bool tell(void *argument, const char *name, uint64_t *ret)
{
	*ret = *(uint64_t *)argument;
	return strcmp(name, "told::by") == 0;
}

/* Of our own process, so that nobody else's time is in it. */
static void beats_that_the_program_tells_are_not_looked_for(void **state)
{
	uint64_t n = 7, time_ns = 1000 * MS;
	struct dw_pulse_told told = {tell, &n};
	struct dw_pulse_news news;
	dw_auto(pulse) pulse = NULL;

	(void)state;
	assert_int_equal(dw_pulse_new(&pulse, getpid(), "told//by=300ms", LATE_NS, &told), 0);
	for (unsigned i = 0; i < 20; i++, time_ns += 100 * MS, n += 10) {
		assert_int_equal(dw_pulse_look(pulse, time_ns), 0);
		assert_int_equal(dw_pulse_next(pulse, &news), 0);
	}
	n -= 10;
	for (unsigned i = 0; i < 4; i++, time_ns += 100 * MS) {
		assert_int_equal(dw_pulse_look(pulse, time_ns), 0);
		assert_int_equal(dw_pulse_next(pulse, &news), i == 3);
	}
	assert_int_equal(news.kind, DW_PULSE_STOPPED);
	assert_int_equal(news.usual_ns, 10 * MS);
	assert_int_equal(news.quiet_ns, 400 * MS);
	assert_int_equal(news.n_beats, 190);
}

static bool can_be_asked_for(const char *text)
{
	return dw_pulse_check(text, strlen(text));
}

static void only_wishes_that_are_right_can_be_asked_for(void **state)
{
	char many[DW_PULSE_MAX * 5 + 5] = "";

	(void)state;
	assert_true(can_be_asked_for("fence_poll=1s+gui_update=500ms"));
	assert_false(can_be_asked_for(""));
	assert_false(can_be_asked_for("fence_poll"));
	assert_false(can_be_asked_for("fence_poll=1s+"));
	assert_false(can_be_asked_for("+fence_poll=1s"));
	assert_false(can_be_asked_for("fence_poll=1s,gui_update=500ms"));
	for (unsigned i = 0; i < DW_PULSE_MAX; i++)
		strcat(many, i ? "+f=1s" : "f=1s");
	assert_true(can_be_asked_for(many));
	assert_false(can_be_asked_for(strcat(many, "+f=1s")));
}

/* Return: whether this test can run here, having said why not. */
static bool can_run(void)
{
	dw_auto(uprobe) uprobe = NULL;
	int r = dw_uprobe_new(&uprobe, getpid(), PROGRAM, 0x1000);

	if (r == DW_UPROBE_UNKNOWN)
		puts("skipped: this kernel has no perf events on uprobes");
	if (r == DW_UPROBE_NOT_PERMITTED)
		puts("skipped: perf events on uprobes are not permitted here (root may)");
	return r <= 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_function_is_silent_and_back_as_it_runs),
	    cmocka_unit_test(a_process_that_runs_or_is_stopped_is_not_silent),
	    cmocka_unit_test(looks_that_come_late_are_no_silence),
	    cmocka_unit_test(a_function_of_a_library_is_counted),
	    cmocka_unit_test(a_missing_function_is_told_once),
	    cmocka_unit_test(an_ended_process_is_told_by_the_result),
	    cmocka_unit_test(beats_that_the_program_tells_are_not_looked_for),
	    cmocka_unit_test(only_wishes_that_are_right_can_be_asked_for),
	};

	if (!can_run())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
