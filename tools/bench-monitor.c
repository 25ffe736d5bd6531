/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program to be watched, for bench-monitor.py: threads that do nothing for a while.
 *
 *   bench-monitor THREADS SECONDS [held]
 *
 * They wait for a condition; with "held", one of them with a lock held, as its program may.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool over;

static void *wait_for_it(void *argument)
{
	if (argument)
		pthread_mutex_lock(&held);
	pthread_mutex_lock(&mutex);
	while (!over)
		pthread_cond_wait(&condition, &mutex);
	pthread_mutex_unlock(&mutex);
	if (argument)
		pthread_mutex_unlock(&held);
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[1]) : 0;
	pthread_t *threads = calloc((size_t)n + 1, sizeof(*threads));

	if (!threads || n == 0)
		return 2;
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, wait_for_it,
				   i == 0 && argc > 3 ? &held : NULL))
			return 1;
	sleep((unsigned)atoi(argv[2]));
	pthread_mutex_lock(&mutex);
	over = true;
	pthread_cond_broadcast(&condition);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return 0;
}
