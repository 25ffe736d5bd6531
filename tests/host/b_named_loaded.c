// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A library is loaded that calls a named function of another: it is seen from the next new fact
 * on. It is unloaded and loaded again, while threads load it too.
 */
#include "host.h"

#include <dlfcn.h>

#define THREADS 4
#define ROUNDS 100

static pthread_mutex_t news = HOST_MUTEX, mutex = HOST_MUTEX;

static void load_and_call(bool tells)
{
	void *plugin = dlopen("libhost-named_plugin.so", RTLD_NOW);
	long (*calls)(pthread_mutex_t * mutex) = NULL;

	HOST_CHECK(plugin);
	*(void **)&calls = dlsym(plugin, "plugin_calls");
	HOST_CHECK(calls);
	if (tells) {
		host_lock(&news);
		host_unlock(&news);
	}
	HOST_CHECK(calls(&mutex) == 21);
	HOST_CHECK(dlclose(plugin) == 0);
}

static void *load_often(void *argument)
{
	for (int i = 0; i < ROUNDS; i++)
		load_and_call(false);
	return argument;
}

int main(void)
{
	pthread_t threads[THREADS];

	load_and_call(true);
	for (int i = 0; i < THREADS; i++)
		threads[i] = host_start(load_often, NULL);
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	load_and_call(false);
	puts("loaded");
	return 0;
}
