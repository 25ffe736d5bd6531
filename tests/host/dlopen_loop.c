/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two libraries are loaded and unloaded again and again; while both are there, two threads take
 * their locks in both orders. What the loader finds for whom is printed once.
 */
#include "dlopen_host.h"

#define ROUNDS 200

static struct plugin left, right;
static sem_t turn, over;

static void nothing(void *argument)
{
	(void)argument;
}

static void take(void *argument)
{
	const struct plugin *plugin = argument;

	plugin->lock_around(nothing, NULL);
}

static void *run(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		host_wait(&turn);
		right.lock_around(take, &left);
		sem_post(&over);
	}
	return argument;
}

static void ask(const char *name, const struct plugin *plugin, const char *other)
{
	printf("%s: depth %d, called by %s, finds the other: %d, and what is not there: %d\n", name,
	       plugin->depth(), plugin->caller(), plugin->finds(other),
	       plugin->finds("libhost-not_there.so"));
}

int main(void)
{
	pthread_t thread;
	int used = 0;

	sem_init(&turn, 0, 0);
	sem_init(&over, 0, 0);
	thread = host_start(run, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		left = host_load(LEFT);
		right = host_load(RIGHT);
		left.lock_around(take, &right);
		sem_post(&turn);
		host_wait(&over);
		if (i == 0) {
			ask("left", &left, RIGHT);
			ask("right", &right, LEFT);
		}
		used += *left.used + *right.used;
		host_unload(i % 2 ? &left : &right);
		host_unload(i % 2 ? &right : &left);
		HOST_CHECK(!dlopen(LEFT, RTLD_NOW | RTLD_NOLOAD));
		HOST_CHECK(!dlopen(RIGHT, RTLD_NOW | RTLD_NOLOAD));
	}
	host_join(thread);
	printf("%d rounds, locked %d times\n", ROUNDS, used);
	return 0;
}
