// SPDX-License-Identifier: GPL-2.0-or-later
/* One thread holds a thousand locks, and lets them go in no order. Then a few, as ever. */
#include "host.h"

#include <errno.h>

#define LOCKS 1000

static pthread_mutex_t locks[LOCKS];

static void *is_busy(void *argument)
{
	int busy = 0;

	(void)argument;
	for (int i = 0; i < LOCKS; i++) {
		int r = pthread_mutex_trylock(&locks[i]);

		if (r == 0)
			host_unlock(&locks[i]);
		else
			busy += r == EBUSY;
	}
	printf("%d are busy\n", busy);
	return NULL;
}

int main(void)
{
	for (int i = 0; i < LOCKS; i++)
		HOST_CHECK(pthread_mutex_init(&locks[i], NULL) == 0);
	for (int i = 0; i < LOCKS; i++)
		host_lock(&locks[i]);
	host_join(host_start(is_busy, NULL));
	/* 7 and 1000 have no common divisor: each comes once. */
	for (int i = 0; i < LOCKS; i++)
		host_unlock(&locks[i * 7 % LOCKS]);
	host_join(host_start(is_busy, NULL));
	host_lock(&locks[1]);
	host_lock(&locks[0]);
	host_unlock(&locks[0]);
	host_unlock(&locks[1]);
	for (int i = 0; i < LOCKS; i++)
		HOST_CHECK(pthread_mutex_destroy(&locks[i]) == 0);
	return 0;
}
