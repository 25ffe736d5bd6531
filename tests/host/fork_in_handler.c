/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal handler forks, and its child comes back from it into the wait that the signal has
 * interrupted: in a process that has just begun.
 */
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

pthread_mutex_t held = HOST_MUTEX, inner = HOST_MUTEX;

static sem_t none;
static volatile pid_t child;

static void fork_here(int number)
{
	(void)number;
	child = fork();
}

static void poll_nothing(void)
{
	HOST_CHECK(poll(NULL, 0, -1) < 0 && errno == EINTR);
}

static void wait_in_vain(void)
{
	HOST_CHECK(sem_wait(&none) < 0 && errno == EINTR);
}

static void rest(void)
{
	HOST_CHECK(pause() < 0 && errno == EINTR);
}

static void go_on(const char *name, void (*wait_for_it)(void))
{
	struct itimerval time = {.it_value.tv_usec = 10000};

	HOST_CHECK(setitimer(ITIMER_REAL, &time, NULL) == 0);
	wait_for_it();
	host_lock(&inner);
	host_unlock(&inner);
	if (child == 0)
		_exit(7);
	printf("%s: %d\n", name, host_reap(child));
	fflush(stdout);
}

static void *nothing(void *argument)
{
	return argument;
}

int main(void)
{
	HOST_CHECK(sigaction(SIGALRM, &(struct sigaction){.sa_handler = fork_here}, NULL) == 0);
	sem_init(&none, 0, 0);
	host_join(host_start(nothing, NULL));
	host_lock(&held);
	go_on("poll", poll_nothing);
	go_on("sem_wait", wait_in_vain);
	go_on("pause", rest);
	host_unlock(&held);
	return 0;
}
