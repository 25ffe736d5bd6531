/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded, it keeps each lock that a program takes for CASE_SLOW_MS longer, so that there is time
 * to look into the program while some are held, others wait for these, and nobody is stuck.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

static void linger(void)
{
	const char *ms = getenv("CASE_SLOW_MS");

	if (ms)
		usleep(1000 * (unsigned)atoi(ms));
}

#define LINGER_BEHIND(function, type)                              \
	int function(type *what)                                   \
	{                                                          \
		int (*next)(type *) = dlsym(RTLD_NEXT, #function); \
		int r = next(what);                                \
                                                                   \
		linger();                                          \
		return r;                                          \
	}

LINGER_BEHIND(pthread_mutex_lock, pthread_mutex_t)
LINGER_BEHIND(pthread_rwlock_rdlock, pthread_rwlock_t)
LINGER_BEHIND(pthread_rwlock_wrlock, pthread_rwlock_t)
LINGER_BEHIND(mtx_lock, mtx_t)
LINGER_BEHIND(sem_wait, sem_t)

/* Longer than a look takes that waits for what is stuck; see LINGER_STALL in run-case.py. */
#define LONG 12

/* Who has no lock of these kinds, or few, is still there to be looked at. */
int pthread_join(pthread_t thread, void **ret)
{
	int (*next)(pthread_t, void **) = dlsym(RTLD_NEXT, "pthread_join");

	for (int i = 0; i < LONG; i++)
		linger();
	return next(thread, ret);
}
