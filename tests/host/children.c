/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All that a program has to do with children, around its first thread: there are none but its own,
 * no signal says that one has ended, and who waits for any hears that there is none.
 */
#include "host.h"

#include <errno.h>
#include <signal.h>

static pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX;
static volatile sig_atomic_t n_signals;

static void count(int number)
{
	(void)number;
	n_signals++;
}

static void *take_both(void *argument)
{
	host_lock_both(&outer, &inner);
	return argument;
}

static void make_thread(void)
{
	host_join(host_start(take_both, NULL));
}

static void check_no_children(void)
{
	HOST_CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	HOST_CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	HOST_CHECK(n_signals == 0);
}

static void own_child(void)
{
	int status;
	pid_t child = fork();

	HOST_CHECK(child >= 0);
	if (child == 0) {
		make_thread();
		check_no_children();
		_exit(7);
	}
	HOST_CHECK(waitpid(-1, &status, 0) == child);
	HOST_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	HOST_CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	HOST_CHECK(n_signals == 1);
}

int main(void)
{
	struct sigaction action = {.sa_handler = count};

	HOST_CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
	make_thread();
	check_no_children();
	usleep(400000); /* the monitor looks */
	check_no_children();
	own_child();
	printf("%d\n", (int)n_signals);
	return 0;
}
