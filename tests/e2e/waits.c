/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that wait, each in its own way and named after it; the main one waits for one of
 * them to end. Two of them wait for each other's mutex.
 *
 * usage: waits [THREADS]: so many more that pause.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK_SIZE 65536

pthread_mutex_t first, second, mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
pthread_barrier_t barrier, both_have_one;
sem_t semaphore;

static void name(const char *text)
{
	prctl(PR_SET_NAME, text);
}

static void *take_first(void *unused)
{
	name("first-second");
	pthread_mutex_lock(&first);
	pthread_barrier_wait(&both_have_one);
	pthread_mutex_lock(&second);
	return unused;
}

static void *take_second(void *unused)
{
	name("second-first");
	pthread_mutex_lock(&second);
	pthread_barrier_wait(&both_have_one);
	pthread_mutex_lock(&first);
	return unused;
}

static void *wait_cond(void *unused)
{
	name("condition");
	pthread_mutex_lock(&mutex);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	return unused;
}

static void *wait_semaphore(void *unused)
{
	name("semaphore");
	sem_wait(&semaphore);
	return unused;
}

static void *wait_barrier(void *unused)
{
	name("barrier");
	pthread_barrier_wait(&barrier);
	return unused;
}

static void *wait_reading(void *unused)
{
	name("rwlock-read");
	pthread_rwlock_rdlock(&rwlock);
	return unused;
}

static void *wait_writing(void *unused)
{
	name("rwlock-write");
	pthread_rwlock_wrlock(&rwlock);
	return unused;
}

static void *pause_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static pthread_t start(void *(*routine)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (pthread_create(&thread, &attributes, routine, NULL))
		abort();
	return thread;
}

/* Mutexes that know who has them, in every C library. */
static void make(pthread_mutex_t *made)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(made, &attributes);
}

int main(int argc, char **argv)
{
	pthread_t ending;

	make(&first);
	make(&second);
	sem_init(&semaphore, 0, 0);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_barrier_init(&both_have_one, NULL, 2);
	pthread_rwlock_wrlock(&rwlock);
	ending = start(take_first);
	start(take_second);
	start(wait_cond);
	start(wait_semaphore);
	start(wait_barrier);
	start(wait_reading);
	start(wait_writing);
	for (int i = argc > 1 ? atoi(argv[1]) : 0; i > 0; i--)
		start(pause_for_ever);
	return pthread_join(ending, NULL);
}
