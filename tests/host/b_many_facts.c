// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that keep having news: locks from a wide choice, always upwards. There is more than a
 * small disk has room for.
 */
#include "host.h"

#define THREADS 4
#define LOCKS 64
#define ROUNDS 3000

static pthread_mutex_t locks[THREADS][LOCKS];

static void *work(void *argument)
{
	pthread_mutex_t *mine = argument;
	unsigned state = 1;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned outer, inner;

		state = state * 1103515245 + 12345;
		outer = (state >> 16) % (LOCKS - 1);
		inner = outer + 1 + (state >> 8) % (LOCKS - 1 - outer);
		host_lock_both(&mine[outer], &mine[inner]);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = host_start(work, locks[i]);
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	/* Also threads that come when there is no room any more. */
	for (int i = 0; i < THREADS; i++)
		host_join(host_start(work, locks[i]));
	puts("all went on");
	return 0;
}
