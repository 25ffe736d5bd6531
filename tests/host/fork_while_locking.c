/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads lock as fast as they can, so that every fork catches some of them in the shim; the
 * children lock too.
 */
#include "host.h"

#define CHILDREN 200
#define THREADS 3
#define LOCKS 64

pthread_mutex_t locks[LOCKS], of_child = HOST_MUTEX, of_child_too = HOST_MUTEX;

static bool over;

/* Any two, outer before inner, so that nobody meets. */
static void *run(void *argument)
{
	unsigned n = (unsigned)(size_t)argument;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		unsigned outer = n % (LOCKS - 1),
			 inner = outer + 1 + n / LOCKS % (LOCKS - 1 - outer);

		host_lock_both(&locks[outer], &locks[inner]);
		n = n * 1664525 + 1013904223;
		n = n >> 1;
	}
	return NULL;
}

static void *run_in_child(void *argument)
{
	host_lock_both(&of_child, &of_child_too);
	return argument;
}

static int live_as_child(int i)
{
	host_lock_both(&of_child, &of_child_too);
	if (i % 4 == 0)
		host_join(host_start(run_in_child, NULL));
	return i % 100;
}

int main(void)
{
	pthread_t threads[THREADS];
	int sum = 0;

	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&locks[i], NULL);
	for (size_t i = 0; i < THREADS; i++)
		threads[i] = host_start(run, (void *)(i + 1));
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(live_as_child(i));
		HOST_CHECK(child > 0);
		sum += host_reap(child);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	printf("%d children, sum of their statuses %d\n", CHILDREN, sum);
	return 0;
}
