// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many threads, one after another: a recording that kept a page or two for each would be full
 * long before the last, and so would be the memory, also when there is no more recording.
 */
#include "host.h"

#define THREADS 20000
#define KIB_MAX 4096

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

/* What the process has to itself, not what it shares with a file. */
static long memory_kib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	HOST_CHECK(file);
	while (kib < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "RssAnon: %ld kB", &kib);
	fclose(file);
	HOST_CHECK(kib > 0);
	return kib;
}

int main(void)
{
	long before = memory_kib(), grown;

	for (int i = 0; i < THREADS; i++)
		host_join(host_start(work, NULL));
	grown = memory_kib() - before;
	printf("%d threads; more than %d KiB: %s\n", runs, KIB_MAX, grown > KIB_MAX ? "yes" : "no");
	return 0;
}
