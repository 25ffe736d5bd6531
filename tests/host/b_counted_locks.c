// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads take locks and wait for each other; a preloaded library counts the calls that reach
 * it. However many libraries are preloaded, and in whatever order: each call reaches it once.
 */
#include "host.h"

#define THREADS 4
#define ROUNDS 1000

/* Of the preloaded library. */
struct counts {
	unsigned long locks, unlocks, waits, signals;
};
__attribute__((weak)) struct counts counted(void);

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inner = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int turn_of;

static void *work(void *argument)
{
	(void)argument;
	for (int i = 0; i < ROUNDS; i++) {
		host_lock(&outer);
		host_lock(&inner);
		host_unlock(&inner);
		host_unlock(&outer);
	}
	return NULL;
}

/* One wait, exactly: it is signalled only when it is there, under the mutex. */
static void *wait_once(void *argument)
{
	(void)argument;
	host_lock(&outer);
	turn_of = 1;
	while (turn_of != 2)
		HOST_CHECK(pthread_cond_wait(&turn, &outer) == 0);
	host_unlock(&outer);
	return NULL;
}

static void signal_once(void)
{
	for (int there = 0; !there;) {
		sched_yield();
		there = __atomic_load_n(&turn_of, __ATOMIC_RELAXED) == 1;
	}
	host_lock(&outer);
	turn_of = 2;
	HOST_CHECK(pthread_cond_signal(&turn) == 0);
	host_unlock(&outer);
}

int main(void)
{
	pthread_t threads[THREADS], waiter;
	struct counts counts;

	HOST_CHECK(counted);
	for (int i = 0; i < THREADS; i++)
		threads[i] = host_start(work, NULL);
	waiter = host_start(wait_once, NULL);
	signal_once();
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	host_join(waiter);
	counts = counted();
	printf("%lu locks, %lu unlocks, %lu waits, %lu signals\n", counts.locks, counts.unlocks,
	       counts.waits, counts.signals);
	return 0;
}
