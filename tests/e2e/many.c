/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 2,000 locks: 1,500 that were made in one place, an array of 499, and one above all of them, which
 * one thread takes below an element of the array. That thread's name is made to harm.
 *
 * usage: many [BUCKETS]: so many in one place, not 1,500
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define BUCKETS_MAX 10000
#define N_SLOTS 499
#define N_THREADS 3

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *buckets[BUCKETS_MAX];
static pthread_mutex_t slots[N_SLOTS];
static size_t n_buckets = 1500, n_done;

static void take_both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	pthread_mutex_lock(inner);
	pthread_mutex_unlock(inner);
	pthread_mutex_unlock(outer);
}

static void *look_up(void *argument)
{
	size_t number = (size_t)argument;

	for (size_t i = 0; i < n_buckets; i++)
		take_both(&big_lock, buckets[i]);
	for (size_t i = 0; i < n_buckets; i++)
		take_both(buckets[i], &slots[(i + number) % N_SLOTS]);
	__atomic_add_fetch(&n_done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* When the others are done, so that it does not hang; but nothing that can be seen says so. */
static void *invert(void *argument)
{
	pthread_setname_np(pthread_self(), "</script><b>&'\"");
	while (__atomic_load_n(&n_done, __ATOMIC_ACQUIRE) < N_THREADS)
		sched_yield();
	take_both(&slots[7], &big_lock);
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t threads[N_THREADS], last;

	if (argc > 1)
		n_buckets = strtoul(argv[1], NULL, 10) % BUCKETS_MAX;
	for (size_t i = 0; i < n_buckets; i++) {
		buckets[i] = malloc(sizeof(*buckets[i]));
		pthread_mutex_init(buckets[i], NULL);
	}
	for (size_t i = 0; i < N_SLOTS; i++)
		pthread_mutex_init(&slots[i], NULL);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, look_up, (void *)i);
	pthread_create(&last, NULL, invert, NULL);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_join(last, NULL);
	return 0;
}
