// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads with the smallest stack that there can be take new chains of locks, three deep, and make
 * a call there. What is left below each is a page that nobody may touch.
 *
 *     small_stacks [BYTES]
 *
 * BYTES are used up by the thread itself before it takes its locks.
 */
#include "host.h"

#include <limits.h>
#include <poll.h>

#define THREADS 32

static pthread_mutex_t locks[THREADS][3];
static sem_t semaphore;

static __attribute__((noinline)) void three(pthread_mutex_t *mine, unsigned first)
{
	host_lock(&mine[first]);
	host_lock(&mine[(first + 1) % 3]);
	host_lock(&mine[(first + 2) % 3]);
	HOST_CHECK(poll(NULL, 0, 1) == 0);
	HOST_CHECK(sem_post(&semaphore) == 0 && sem_wait(&semaphore) == 0);
	host_unlock(&mine[(first + 2) % 3]);
	host_unlock(&mine[(first + 1) % 3]);
	host_unlock(&mine[first]);
}

static size_t bytes;

static void *work(void *argument)
{
	volatile char *used = __builtin_alloca(bytes + 1);

	used[0] = 1;
	for (unsigned first = 0; first < 3; first++)
		three(argument, first);
	return used[0] ? NULL : argument;
}

int main(int argc, char **argv)
{
	pthread_attr_t attributes;
	pthread_t threads[THREADS];

	sem_init(&semaphore, 0, 0);
	bytes = argc > 1 ? (size_t)atoi(argv[1]) : 0;
	pthread_attr_init(&attributes);
	HOST_CHECK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
	HOST_CHECK(pthread_attr_setguardsize(&attributes, 4096) == 0);
	for (int i = 0; i < THREADS; i++)
		HOST_CHECK(pthread_create(&threads[i], &attributes, work, locks[i]) == 0);
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	puts("small was enough");
	return 0;
}
