/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the dlopen programs load a library. */
#pragma once

#include "host.h"

#include <dlfcn.h>

#define LEFT "libhost-dlopen_left.so"
#define RIGHT "libhost-dlopen_right.so"

struct plugin {
	void *handle;
	int (*depth)(void);
	const char *(*caller)(void);
	int (*finds)(const char *name);
	void (*lock_around)(void (*call)(void *argument), void *argument);
	int *used;
};

static inline void *host_symbol(void *handle, const char *name)
{
	void *symbol = dlsym(handle, name);

	HOST_CHECK(symbol != NULL);
	return symbol;
}

/* @name is looked for along the RUNPATH of the program. */
static inline struct plugin host_load(const char *name)
{
	struct plugin plugin = {.handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)};

	HOST_CHECK(plugin.handle != NULL);
	plugin.depth = (int (*)(void))host_symbol(plugin.handle, "plugin_depth");
	plugin.caller = (const char *(*)(void))host_symbol(plugin.handle, "plugin_caller");
	plugin.finds = (int (*)(const char *))host_symbol(plugin.handle, "plugin_finds");
	plugin.lock_around =
	    (void (*)(void (*)(void *), void *))host_symbol(plugin.handle, "plugin_lock_around");
	plugin.used = host_symbol(plugin.handle, "plugin_used");
	HOST_CHECK(*plugin.used == 1);
	return plugin;
}

static inline void host_unload(const struct plugin *plugin)
{
	HOST_CHECK(dlclose(plugin->handle) == 0);
}
