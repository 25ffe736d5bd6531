// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process is killed while two of its threads hold locks and a third goes on and on. What it
 * told until then can be read.
 */
#include "host.h"

#include <signal.h>

static pthread_mutex_t first = HOST_MUTEX, second = HOST_MUTEX, third = HOST_MUTEX;
static pthread_mutex_t many[16];
static sem_t held;

static void *hold(void *argument)
{
	host_lock(argument);
	host_lock(argument == &first ? &second : &third);
	sem_post(&held);
	for (;;)
		pause();
	return NULL;
}

static void *go_on(void *argument)
{
	(void)argument;
	sem_post(&held);
	for (unsigned i = 0;; i++)
		host_lock_both(&many[i % 8], &many[8 + i / 8 % 8]);
	return NULL;
}

static void child(int ready)
{
	pthread_mutex_t other = HOST_MUTEX;

	sem_init(&held, 0, 0);
	host_start(hold, &first);
	host_wait(&held);
	host_start(hold, &other);
	host_start(go_on, NULL);
	host_wait(&held);
	host_wait(&held);
	HOST_CHECK(write(ready, "", 1) == 1);
	for (;;)
		pause();
}

int main(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	HOST_CHECK(pipe(ready) == 0);
	pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0)
		child(ready[1]);
	HOST_CHECK(read(ready[0], &byte, 1) == 1);
	usleep(20000);
	HOST_CHECK(kill(pid, SIGKILL) == 0);
	printf("killed: %d\n", host_reap(pid));
	return 0;
}
