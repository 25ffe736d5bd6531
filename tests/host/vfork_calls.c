/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Children by vfork() do what they should not, though all do: they read, write, sleep, poll, lock
 * and close before they end, are killed in the middle of it, and make children of their own. Their
 * parent holds a lock meanwhile, and goes on as if nothing had been.
 */
#include "host.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

pthread_mutex_t a = HOST_MUTEX, b = HOST_MUTEX, child_only = HOST_MUTEX;

static int ends[2];
static sem_t turn;

static void use_calls(void)
{
	char byte = 0;
	struct pollfd poll_for = {.fd = ends[0], .events = POLLIN};

	HOST_CHECK(write(ends[1], &byte, 1) == 1);
	HOST_CHECK(poll(&poll_for, 1, -1) == 1);
	HOST_CHECK(read(ends[0], &byte, 1) == 1);
	HOST_CHECK(nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL) == 0);
}

/* Were it told, these would be locks that the parent has taken, and another in the other order. */
static int lock_and_end(void)
{
	pid_t child = vfork();

	if (child == 0) {
		use_calls();
		host_lock(&child_only);
		host_lock(&b);
		host_unlock(&b);
		host_unlock(&child_only);
		_exit(3);
	}
	return host_reap(child);
}

static int be_killed(void)
{
	pid_t child = vfork();

	if (child == 0) {
		use_calls();
		host_lock(&child_only);
		kill(getpid(), SIGKILL);
	}
	/* By the lock's own word it is this thread's. */
	host_unlock(&child_only);
	return host_reap(child);
}

static int make_a_grandchild(void)
{
	pid_t child = vfork();

	if (child == 0) {
		pid_t grandchild = vfork();

		if (grandchild == 0) {
			use_calls();
			_exit(5);
		}
		use_calls();
		_exit(host_reap(grandchild));
	}
	return host_reap(child);
}

static int execute(void)
{
	pid_t child = vfork();

	if (child == 0) {
		close(ends[0]);
		dup2(ends[1], 1);
		execl("/bin/sh", "sh", "-c", "printf x", (char *)NULL);
		_exit(127);
	}
	return host_reap(child);
}

/* With one more thread, so that there is something to tell. */
static void *other_way(void *argument)
{
	host_wait(&turn);
	host_lock_both(&b, &a);
	host_lock_both(&b, &child_only);
	return argument;
}

int main(void)
{
	pthread_t other;
	char byte;

	HOST_CHECK(pipe(ends) == 0);
	sem_init(&turn, 0, 0);
	other = host_start(other_way, NULL);
	host_lock(&a);
	printf("ended: %d\n", lock_and_end());
	printf("killed: %d\n", be_killed());
	printf("grandchild: %d\n", make_a_grandchild());
	printf("executed: %d\n", execute());
	HOST_CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x');
	host_lock(&b);
	host_unlock(&b);
	host_unlock(&a);
	sem_post(&turn);
	host_join(other);
	return 0;
}
