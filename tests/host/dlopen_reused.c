/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two libraries take turns at one place in memory, so their locks have one address. The one is
 * taken within `mine`, the other around it: no two threads can meet there.
 */
#include "dlopen_host.h"

#define ROUNDS 20

pthread_mutex_t mine = HOST_MUTEX;

static sem_t turns[2];

static void nothing(void *argument)
{
	(void)argument;
}

static void take_mine(void *argument)
{
	(void)argument;
	host_lock(&mine);
	host_unlock(&mine);
}

static void *run_left(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct plugin left;

		host_wait(&turns[0]);
		left = host_load(LEFT);
		host_lock(&mine);
		left.lock_around(nothing, NULL);
		host_unlock(&mine);
		host_unload(&left);
		sem_post(&turns[1]);
	}
	return argument;
}

static void *run_right(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct plugin right;

		host_wait(&turns[1]);
		right = host_load(RIGHT);
		right.lock_around(take_mine, NULL);
		host_unload(&right);
		sem_post(&turns[0]);
	}
	return argument;
}

int main(void)
{
	pthread_t threads[2];

	sem_init(&turns[0], 0, 1);
	sem_init(&turns[1], 0, 0);
	threads[0] = host_start(run_left, NULL);
	threads[1] = host_start(run_right, NULL);
	host_join(threads[0]);
	host_join(threads[1]);
	printf("%d rounds\n", ROUNDS);
	return 0;
}
