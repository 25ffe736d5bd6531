// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many threads, one after another: a recording that kept a page or two for each would be full
 * long before the last.
 */
#include "host.h"

#define THREADS 20000

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inner = PTHREAD_MUTEX_INITIALIZER;
static int runs;

static void *work(void *argument)
{
	(void)argument;
	host_lock(&outer);
	host_lock(&inner);
	runs++;
	host_unlock(&inner);
	host_unlock(&outer);
	return NULL;
}

int main(void)
{
	for (int i = 0; i < THREADS; i++)
		host_join(host_start(work, NULL));
	printf("%d threads\n", runs);
	return 0;
}
