/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Its destructor runs after the shim's. */
#include "host.h"

pthread_mutex_t library_outer = HOST_MUTEX, library_inner = HOST_MUTEX;

void library_use(void);
void library_use(void)
{
	host_lock_both(&library_outer, &library_inner);
}

static void *run(void *argument)
{
	library_use();
	return argument;
}

__attribute__((destructor(101))) static void end(void)
{
	library_use();
	host_join(host_start(run, NULL));
	dprintf(STDOUT_FILENO, "library: end\n");
}
