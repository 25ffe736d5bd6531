// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads are joined at once, most of them before they have begun. They and the thread that
 * makes them take two locks in opposite orders, but never at the same time: no deadlock.
 */
#include "host.h"

#define THREADS 200

static pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX;

static void *work(void *argument)
{
	host_lock_both(&outer, &inner);
	return argument;
}

int main(void)
{
	for (int i = 0; i < THREADS; i++) {
		host_join(host_start(work, NULL));
		host_lock_both(&inner, &outer);
	}
	puts("joined");
	return 0;
}
