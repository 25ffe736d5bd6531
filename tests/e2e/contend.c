/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads that wait for each other's locks, and never hang: while one takes both, the other
 * takes one at a time.
 *
 *     contend both|one
 *
 * both: they do so in opposite orders, one after the other. one: in the same order.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOLD_US 2000
#define PAUSE_US 1000 /* for the other to come in between */
#define ROUNDS 100

static pthread_mutex_t ram_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t phase;
static int opposite;

static __attribute__((noinline)) void take_alone(pthread_mutex_t *lock)
{
	pthread_mutex_lock(lock);
	usleep(HOLD_US);
	pthread_mutex_unlock(lock);
}

/* The other is let go on to the second lock, and has it when that is wanted. */
static __attribute__((noinline)) void take_in_order(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	usleep(PAUSE_US);
	take_alone(inner);
	pthread_mutex_unlock(outer);
	usleep(PAUSE_US);
}

static __attribute__((noinline)) void ram_then_device(void)
{
	take_in_order(&ram_lock, &device_lock);
}

static __attribute__((noinline)) void device_then_ram(void)
{
	take_in_order(&device_lock, &ram_lock);
}

static void take_each(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		take_alone(&ram_lock);
		take_alone(&device_lock);
	}
}

static void *first(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		ram_then_device();
	pthread_barrier_wait(&phase);
	take_each();
	return arg;
}

static void *second(void *arg)
{
	take_each();
	pthread_barrier_wait(&phase);
	for (int i = 0; i < ROUNDS; i++)
		opposite ? device_then_ram() : ram_then_device();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	opposite = argc > 1 && strcmp(argv[1], "both") == 0;
	getchar(); /* until somebody is attached */
	pthread_barrier_init(&phase, NULL, 2);
	pthread_create(&threads[0], NULL, first, NULL);
	pthread_create(&threads[1], NULL, second, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
