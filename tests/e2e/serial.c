/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that take one lock after the other, and never two: each sleeps under it for a moment,
 * so that others wait; and some that are made to wait for long.
 */
#include <pthread.h>
#include <unistd.h>

#define MOMENT_US 2000
#define LONG_US 700000
#define N_THREADS 6
#define N_SLOW 3

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t slow = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noinline)) void use(pthread_mutex_t *lock, unsigned us)
{
	pthread_mutex_lock(lock);
	usleep(us);
	pthread_mutex_unlock(lock);
}

static void *take_both(void *arg)
{
	for (;;) {
		use(&first, MOMENT_US);
		use(&second, MOMENT_US);
	}
	return arg;
}

static void *take_slow(void *arg)
{
	for (;;)
		use(&slow, LONG_US);
	return arg;
}

int main(void)
{
	pthread_t thread;

	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_create(&thread, NULL, take_both, NULL);
	for (unsigned i = 0; i < N_SLOW; i++)
		pthread_create(&thread, NULL, take_slow, NULL);
	pause();
	return 0;
}
