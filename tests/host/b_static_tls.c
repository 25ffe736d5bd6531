// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loads a library whose thread-local memory must lie in the block that each thread has from its
 * beginning (initial-exec), of which the loader keeps little in reserve. As much as fits without
 * the shim must fit with it.
 *
 *     static_tls LIBRARY...    the first that can be loaded; the largest comes first
 */
#include "host.h"

#include <dlfcn.h>

static int (*count)(void);
static pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX;

static void *work(void *argument)
{
	(void)argument;
	host_lock_both(&outer, &inner);
	printf("%d", count());
	printf(" %d\n", count());
	return NULL;
}

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	printf("%s: %s\n", strrchr(path, '/') + 1, library ? "loaded" : strrchr(dlerror(), ':'));
	if (library)
		count = (int (*)(void))dlsym(library, "static_tls_count");
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc && !count; i++)
		load(argv[i]);
	HOST_CHECK(count);
	for (int i = 0; i < 3; i++)
		host_join(host_start(work, NULL));
	work(NULL);
	return 0;
}
