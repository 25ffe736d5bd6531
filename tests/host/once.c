/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done once is done once: by many at a time, again after a thread was cancelled in it, and
 * one inside another. Whoever runs it may take a lock that another holds when it asks for it.
 */
#include "host.h"

#include <threads.h>

#define THREADS 8

pthread_once_t control = PTHREAD_ONCE_INIT;
pthread_mutex_t mutex = HOST_MUTEX;

static pthread_once_t outer = PTHREAD_ONCE_INIT, inner = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;
static pthread_barrier_t all_there;
static sem_t in_it;
static int runs, inner_runs, flag_runs;

static void be_cancelled(void)
{
	sem_post(&in_it);
	for (;;)
		pause();
}

static void let_go(void *held)
{
	host_unlock(held);
}

static void *run_in_vain(void *argument)
{
	host_lock(&mutex);
	pthread_cleanup_push(let_go, &mutex);
	pthread_once(&control, be_cancelled);
	pthread_cleanup_pop(1);
	return argument;
}

static void take(void)
{
	host_lock(&mutex);
	host_unlock(&mutex);
	runs++;
}

static void run_inner(void)
{
	inner_runs++;
}

static void run_outer(void)
{
	HOST_CHECK(pthread_once(&inner, run_inner) == 0);
	inner_runs += 10;
}

static void run_flag(void)
{
	flag_runs++;
}

static void *run(void *argument)
{
	pthread_barrier_wait(&all_there);
	HOST_CHECK(pthread_once(&control, take) == 0);
	HOST_CHECK(pthread_once(&outer, run_outer) == 0);
	call_once(&flag, run_flag);
	HOST_CHECK(runs == 1 && inner_runs == 11 && flag_runs == 1);
	return argument;
}

int main(void)
{
	pthread_t threads[THREADS], in_vain;

	sem_init(&in_it, 0, 0);
	pthread_barrier_init(&all_there, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		threads[i] = host_start(run, NULL);
	in_vain = host_start(run_in_vain, NULL);
	host_wait(&in_it);
	HOST_CHECK(pthread_cancel(in_vain) == 0);
	host_join(in_vain);
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	printf("%d, %d, %d\n", runs, inner_runs, flag_runs);
	return 0;
}
