/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads of a process seen from outside: a child of ours that waits. */
#include "base/arena.h"
#include "inspect/frames.h"
#include "inspect/map.h"
#include "inspect/peer.h"
#include "inspect/task.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMORY_MAX ((size_t)64 << 20)

static pid_t child;

static __attribute__((noinline)) void wait_in_pause(void)
{
	for (;;)
		pause();
}

/* An interrupted epoll_wait() does not go on by itself. */
static __attribute__((noinline)) void wait_in_epoll(void)
{
	struct epoll_event event;

	_exit(epoll_wait(epoll_create1(0), &event, 1, -1) < 0 ? 1 : 0);
}

/* Two ends of a socket or pipe: the child's, and ours. */
static int ends[2];

static void wait_in_read(void)
{
	char byte;

	close(ends[1]);
	_exit(read(ends[0], &byte, 1) < 0 ? 1 : 0);
}

static void start(void (*wait)(void))
{
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "a child");
		wait();
	}
	while (dw_task_state(child, child) != 'S')
		usleep(1000);
}

static int end(void **state)
{
	(void)state;
	kill(child, SIGKILL);
	return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static void a_thread_that_sleeps_has_not_run(void **state)
{
	struct dw_task_ran before, after;

	(void)state;
	start(wait_in_pause);
	usleep(20000);
	assert_int_equal(dw_task_ran(child, child, &before), 0);
	usleep(20000);
	assert_int_equal(dw_task_ran(child, child, &after), 0);
	assert_true(dw_task_ran_same(&before, &after));
	kill(child, SIGSTOP);
	kill(child, SIGCONT);
	usleep(50000);
	assert_int_equal(dw_task_ran(child, child, &after), 0);
	assert_false(dw_task_ran_same(&before, &after));
}

static void what_the_kernel_does_not_count_is_never_the_same(void **state)
{
	struct dw_task_ran none = {0};

	(void)state;
	assert_false(dw_task_ran_same(&none, &none));
}

static void its_state_name_and_call_are_known(void **state)
{
	char name[DW_TASK_NAME_SIZE];

	(void)state;
	start(wait_in_pause);
	assert_int_equal(dw_task_name(child, child, name), 0);
	assert_string_equal(name, "a child");
	kill(child, SIGSTOP);
	while (dw_task_state(child, child) != 'T')
		usleep(1000);
	assert_int_equal(dw_task_state(child, child + 1000000), 0);
	assert_int_equal(dw_task_call(child, child + 1000000), -1);
}

static bool is_in(const struct dw_frames *frames, void (*function)(void))
{
	uint64_t start = (uint64_t)function;

	for (uint32_t i = 0; i < frames->n; i++)
		if (start <= frames->addresses[i] && frames->addresses[i] < start + 64)
			return true;
	return false;
}

/* A child of a fork has its code where ours is. */
static void its_stack_is_seen_and_it_goes_on(void **state)
{
	struct dw_frames frames[2] = {{0}};

	(void)state;
	start(wait_in_pause);
	frames[0].tid = child;
	frames[1].tid = child + 1000000;
	assert_int_equal(dw_frames_read(child, frames, 2), 0);
	assert_int_equal(frames[0].error, 0);
	assert_true(is_in(&frames[0], wait_in_pause));
	assert_int_equal(frames[1].n, 0);
	assert_true(frames[1].error < 0);
	usleep(20000);
	assert_int_equal(dw_task_state(child, child), 'S');
}

static void a_call_that_would_be_interrupted_is_left_alone(void **state)
{
	struct dw_frames frames = {0};

	(void)state;
	start(wait_in_epoll);
	frames.tid = child;
	assert_int_equal(dw_frames_read(child, &frames, 1), 0);
	assert_int_equal(frames.error, 0);
	assert_int_equal(frames.stopped_ns, 0);
	assert_true(is_in(&frames, wait_in_epoll));
	usleep(20000);
	assert_int_equal(dw_task_state(child, child), 'S');
}

static void the_files_of_code_are_found(void **state)
{
	dw_auto(arena) arena = NULL;
	const struct dw_map *maps, *own;
	char path[4096] = "";
	uint32_t n;

	(void)state;
	start(wait_in_pause);
	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	assert_int_equal(dw_maps_read(child, arena, &maps, &n), 0);
	own = dw_maps_find(maps, n, (uint64_t)wait_in_pause);
	assert_non_null(own);
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_string_equal(own->path, path);
	assert_null(dw_maps_find(maps, n, 64));
	assert_true(dw_map_bias(own) == own->start || dw_map_bias(own) == 0);
}

static void expect_us_as_peer(void)
{
	struct dw_peer peer;
	char name[DW_TASK_NAME_SIZE];

	start(wait_in_read);
	close(ends[0]);
	assert_int_equal(dw_task_file(child, child), ends[0]);
	assert_int_equal(dw_peer_find(child, child, &peer), 1);
	assert_int_equal(peer.pid, getpid());
	prctl(PR_GET_NAME, name);
	assert_string_equal(peer.name, name);
	close(ends[1]);
}

static void who_has_the_other_end_of_a_socket_is_found(void **state)
{
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	expect_us_as_peer();
}

/* Not who has the same end. */
static void who_can_write_to_a_pipe_is_found(void **state)
{
	(void)state;
	assert_int_equal(pipe(ends), 0);
	expect_us_as_peer();
}

static void nobody_is_at_the_other_end_of_a_pause(void **state)
{
	struct dw_peer peer;

	(void)state;
	start(wait_in_pause);
	assert_int_equal(dw_task_file(child, child), -1);
	assert_int_equal(dw_peer_find(child, child, &peer), 0);
}

#define test(function) cmocka_unit_test_teardown(function, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(a_thread_that_sleeps_has_not_run),
	    cmocka_unit_test(what_the_kernel_does_not_count_is_never_the_same),
	    test(its_state_name_and_call_are_known),
	    test(its_stack_is_seen_and_it_goes_on),
#ifndef __SANITIZE_ADDRESS__ /* its functions are larger, and lie on its own frames */
	    test(a_call_that_would_be_interrupted_is_left_alone),
#endif
	    test(the_files_of_code_are_found),
	    test(who_has_the_other_end_of_a_socket_is_found),
	    test(who_can_write_to_a_pipe_is_found),
	    test(nobody_is_at_the_other_end_of_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
