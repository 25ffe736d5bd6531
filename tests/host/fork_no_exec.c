/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child that goes on without exec: it lets go of what its parent held, locks in orders of its
 * own, and makes threads. Parent and child have an inversion each, which the other has not.
 */
#include "host.h"

pthread_mutex_t held = HOST_MUTEX;
pthread_mutex_t parent_a = HOST_MUTEX, parent_b = HOST_MUTEX;
pthread_mutex_t child_a = HOST_MUTEX, child_b = HOST_MUTEX;

struct pair {
	pthread_mutex_t *outer, *inner;
	sem_t *turn, *next;
};

static void *run(void *argument)
{
	const struct pair *pair = argument;

	host_wait(pair->turn);
	host_lock_both(pair->outer, pair->inner);
	sem_post(pair->next);
	return NULL;
}

/* Both orders, by threads that take turns, but could have met for all that a lock knows. */
static void invert(pthread_mutex_t *a, pthread_mutex_t *b)
{
	sem_t first, second, over;
	struct pair there = {a, b, &first, &second}, back = {b, a, &second, &over};
	pthread_t one, other;

	sem_init(&first, 0, 1);
	sem_init(&second, 0, 0);
	sem_init(&over, 0, 0);
	one = host_start(run, &there);
	other = host_start(run, &back);
	host_join(one);
	host_join(other);
}

static int grandchild(void)
{
	pid_t child = fork();

	if (child == 0) {
		host_lock_both(&held, &child_a);
		_exit(3);
	}
	return host_reap(child);
}

static void live_as_child(void)
{
	static char *nothing[] = {NULL};

	environ = nothing; /* as programs do that make room for a title */
	host_unlock(&held);
	host_lock_both(&child_b, &held);
	invert(&child_a, &child_b);
	_exit(10 + grandchild());
}

int main(void)
{
	pid_t child;

	host_lock(&held);
	child = fork();
	if (child == 0)
		live_as_child();
	host_unlock(&held);
	host_lock_both(&held, &parent_a);
	printf("child %d\n", host_reap(child));
	invert(&parent_a, &parent_b);
	printf("parent is done\n");
	return 0;
}
