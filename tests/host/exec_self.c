/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that becomes another program, its own: the same process number, another life. It
 * does so while it holds a lock and threads of it are locking.
 */
#include "host.h"

pthread_mutex_t held = HOST_MUTEX, busy = HOST_MUTEX;
pthread_mutex_t a = HOST_MUTEX, b = HOST_MUTEX;

static sem_t started, turn;

static void *lock_for_ever(void *argument)
{
	host_lock_both(&busy, &a);
	sem_post(&started);
	for (;;)
		host_lock_both(&busy, &a);
	return argument;
}

static void *run(void *argument)
{
	host_wait(&turn);
	host_lock_both(&b, &a);
	return argument;
}

static int live_again(void)
{
	pthread_t thread;

	sem_init(&turn, 0, 0);
	thread = host_start(run, NULL);
	host_lock_both(&a, &b);
	sem_post(&turn);
	host_join(thread);
	printf("second life\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return live_again();
	sem_init(&started, 0, 0);
	host_start(lock_for_ever, NULL);
	host_wait(&started);
	host_lock(&held);
	printf("first life\n");
	fflush(stdout);
	execl("/proc/self/exe", argv[0], "again", (char *)NULL);
	return HOST_FAILED;
}
