/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that end in the middle of nested calls: with cleanup handlers, and with thread-specific
 * values whose destructors take locks in every round that there is.
 */
#include "host.h"

#include <limits.h>

#define DEPTH 8

pthread_mutex_t levels[DEPTH], in_destructor = HOST_MUTEX, in_destructor_too = HOST_MUTEX;

static pthread_key_t keys[3];
static sem_t begun;
static int cleanups, rounds[3];

static void let_go(void *mutex)
{
	host_unlock(mutex);
	cleanups++;
}

static void nest(int depth, void *value)
{
	host_lock(&levels[depth]);
	pthread_cleanup_push(let_go, &levels[depth]);
	if (depth + 1 < DEPTH)
		nest(depth + 1, value);
	else if (value)
		pthread_exit(value);
	pthread_cleanup_pop(1);
}

/* Set again until the C library gives up. */
static void destroy(void *value)
{
	int i = (int)(size_t)value - 1;

	host_lock_both(&in_destructor, &in_destructor_too);
	rounds[i]++;
	HOST_CHECK(pthread_setspecific(keys[i], value) == 0);
}

static void *run(void *argument)
{
	for (size_t i = 0; i < 3; i++)
		HOST_CHECK(pthread_setspecific(keys[i], (void *)(i + 1)) == 0);
	nest(0, argument);
	return NULL;
}

static void *run_detached(void *argument)
{
	host_lock_both(&levels[0], &levels[DEPTH - 1]);
	sem_post(&begun);
	pthread_exit(argument);
}

/* The main thread ends first, and the process with the last one. */
static void *run_last(void *argument)
{
	host_join(*(pthread_t *)argument);
	host_lock_both(&in_destructor, &levels[0]);
	printf("main thread joined\n");
	return NULL;
}

int main(void)
{
	static pthread_t self;
	pthread_attr_t detached;
	pthread_t thread;
	void *value;

	sem_init(&begun, 0, 0);
	for (int i = 0; i < DEPTH; i++)
		pthread_mutex_init(&levels[i], NULL);
	for (int i = 0; i < 3; i++)
		HOST_CHECK(pthread_key_create(&keys[i], destroy) == 0);

	HOST_CHECK(pthread_join(host_start(run, keys), &value) == 0 && value == keys);
	printf("%d cleanups; destructors %d %d %d of %d rounds\n", cleanups, rounds[0], rounds[1],
	       rounds[2], PTHREAD_DESTRUCTOR_ITERATIONS);

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	HOST_CHECK(pthread_create(&thread, &detached, run_detached, NULL) == 0);
	host_wait(&begun);

	self = pthread_self();
	host_start(run_last, &self);
	pthread_exit(NULL);
}
