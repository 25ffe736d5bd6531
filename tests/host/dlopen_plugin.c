/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library that is loaded and unloaded: built twice, as left and as right, so that one may come
 * to lie where the other was. It depends on another that only its own RUNPATH leads to, and asks
 * the loader what depends on who is asking.
 */
#include "dlopen_plugin.h"
#include "host.h"

#include <dlfcn.h>

pthread_mutex_t PLUGIN_LOCK = HOST_MUTEX;
int plugin_used;

/* Hides the function of the library that this one depends on. */
int plugin_depth(void)
{
	int (*next)(void) = (int (*)(void))dlsym(RTLD_NEXT, "plugin_depth");

	return next ? 1 + next() : -1;
}

/* The name of the file that calls. */
const char *plugin_caller(void)
{
	Dl_info info;

	if (!dladdr(__builtin_return_address(0), &info))
		return "?";
	return strrchr(info.dli_fname, '/') ? strrchr(info.dli_fname, '/') + 1 : info.dli_fname;
}

/* A name without a folder is looked for where the RUNPATH of the caller says. */
int plugin_finds(const char *name)
{
	void *handle = dlopen(name, RTLD_NOW);

	return handle ? dlclose(handle) == 0 : 0;
}

void plugin_lock_around(void (*call)(void *argument), void *argument)
{
	host_lock(&PLUGIN_LOCK);
	plugin_used++;
	call(argument);
	host_unlock(&PLUGIN_LOCK);
}

__attribute__((constructor)) static void begin(void)
{
	host_lock(&PLUGIN_LOCK);
	plugin_used = 1;
	host_unlock(&PLUGIN_LOCK);
}

__attribute__((destructor)) static void end(void)
{
	host_lock(&PLUGIN_LOCK);
	plugin_used = 0;
	host_unlock(&PLUGIN_LOCK);
}
