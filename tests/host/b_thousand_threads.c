// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A thousand threads at once, each holding three locks. What the process takes of the memory
 * then, by the kernel's count, is less than 64 KiB a thread.
 */
#include "host.h"

#define THREADS 1000
#define KIB_MAX 64

static pthread_mutex_t shared[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_mutex_t own[THREADS];
static pthread_barrier_t there, seen;

static long memory_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kib = -1;

	HOST_CHECK(file);
	while (kib < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "Pss: %ld kB", &kib);
	fclose(file);
	HOST_CHECK(kib > 0);
	return kib;
}

static void *work(void *argument)
{
	host_lock(&shared[0]);
	host_lock(&shared[1]);
	host_lock(argument);
	host_unlock(&shared[1]);
	host_unlock(&shared[0]);
	pthread_barrier_wait(&there);
	pthread_barrier_wait(&seen);
	host_unlock(argument);
	return NULL;
}

int main(void)
{
	static pthread_t threads[THREADS];
	pthread_attr_t attributes;
	long before, grown;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	pthread_barrier_init(&there, NULL, THREADS + 1);
	pthread_barrier_init(&seen, NULL, THREADS + 1);
	before = memory_kib();
	for (int i = 0; i < THREADS; i++)
		HOST_CHECK(pthread_create(&threads[i], &attributes, work, &own[i]) == 0);
	pthread_barrier_wait(&there);
	grown = memory_kib() - before;
	printf("less than %d KiB a thread: %s\n", KIB_MAX,
	       grown < KIB_MAX * THREADS ? "yes" : "no");
	pthread_barrier_wait(&seen);
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	return 0;
}
