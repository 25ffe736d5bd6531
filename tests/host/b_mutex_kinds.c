// SPDX-License-Identifier: GPL-2.0-or-later
/* What each kind of lock answers to right and wrong use: the very same numbers as ever. */
#include "host.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

static pthread_mutex_t mutex;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

#define SAY(call) say(#call, call)

static void say(const char *what, int r)
{
	printf("  %s: %s\n", what, r ? strerrorname_np(r) : "0");
	HOST_CHECK(errno == EDOM);
}

/* A time of @clock that is over in 20 ms. */
static const struct timespec *soon(clockid_t clock)
{
	static struct timespec time;

	clock_gettime(clock, &time);
	time.tv_nsec += 20000000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return &time;
}

static void make(const char *what, int type, int robust, int protocol)
{
	pthread_mutexattr_t attributes;

	printf("%s\n", what);
	pthread_mutexattr_init(&attributes);
	HOST_CHECK(pthread_mutexattr_settype(&attributes, type) == 0);
	HOST_CHECK(pthread_mutexattr_setrobust(&attributes, robust) == 0);
	HOST_CHECK(pthread_mutexattr_setprotocol(&attributes, protocol) == 0);
	HOST_CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
}

static void in_thread(void *(*run)(void *))
{
	host_join(host_start(run, NULL));
}

static void *try_it(void *argument)
{
	(void)argument;
	errno = EDOM;
	SAY(pthread_mutex_trylock(&mutex));
	SAY(pthread_mutex_timedlock(&mutex, soon(CLOCK_REALTIME)));
	SAY(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, soon(CLOCK_MONOTONIC)));
	return NULL;
}

static void *unlock_it(void *argument)
{
	(void)argument;
	errno = EDOM;
	SAY(pthread_mutex_unlock(&mutex));
	return NULL;
}

static void *die_with_it(void *argument)
{
	(void)argument;
	host_lock(&mutex);
	return NULL;
}

static void *die_with_it_twice(void *argument)
{
	host_lock(&mutex);
	return die_with_it(argument);
}

static void use(void)
{
	SAY(pthread_mutex_lock(&mutex));
	in_thread(try_it);
	SAY(pthread_mutex_trylock(&mutex));
	SAY(pthread_mutex_unlock(&mutex));
}

static void destroy(void)
{
	SAY(pthread_mutex_destroy(&mutex));
}

static void plain(void)
{
	make("normal", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	use();
	host_lock(&mutex);
	SAY(pthread_mutex_timedlock(&mutex, soon(CLOCK_REALTIME)));
	SAY(pthread_mutex_timedlock(&mutex, &(struct timespec){.tv_nsec = -1}));
	SAY(pthread_mutex_destroy(&mutex));
	in_thread(unlock_it);
	destroy();
	make("adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	use();
	destroy();
	make("PI", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
	use();
	SAY(pthread_mutex_unlock(&mutex));
	destroy();
}

static void checking(void)
{
	make("errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	use();
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_timedlock(&mutex, soon(CLOCK_REALTIME)));
	in_thread(unlock_it);
	SAY(pthread_mutex_unlock(&mutex));
	destroy();
}

static void recursive(void)
{
	make("recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	SAY(pthread_mutex_lock(&mutex));
	use();
	SAY(pthread_mutex_unlock(&mutex));
	in_thread(unlock_it);
	SAY(pthread_mutex_unlock(&mutex));
	/* It cannot be taken that often: what it counts with is glibc's own, set near its end. */
	host_lock(&mutex);
	mutex.__data.__count = UINT_MAX;
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_trylock(&mutex));
	mutex.__data.__count = 1;
	SAY(pthread_mutex_unlock(&mutex));
	destroy();
}

static void robust(int protocol)
{
	make(protocol == PTHREAD_PRIO_NONE ? "robust" : "robust PI", PTHREAD_MUTEX_NORMAL,
	     PTHREAD_MUTEX_ROBUST, protocol);
	use();
	in_thread(die_with_it);
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_consistent(&mutex));
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_mutex_consistent(&mutex));
	in_thread(die_with_it);
	SAY(pthread_mutex_trylock(&mutex));
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_trylock(&mutex));
	destroy();
}

static void robust_recursive(void)
{
	make("robust recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
	in_thread(die_with_it_twice);
	SAY(pthread_mutex_timedlock(&mutex, soon(CLOCK_REALTIME)));
	SAY(pthread_mutex_consistent(&mutex));
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_mutex_unlock(&mutex));
	destroy();
}

static void *try_readers(void *argument)
{
	(void)argument;
	errno = EDOM;
	SAY(pthread_rwlock_tryrdlock(&rwlock));
	SAY(pthread_rwlock_timedrdlock(&rwlock, soon(CLOCK_REALTIME)));
	SAY(pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, soon(CLOCK_MONOTONIC)));
	return NULL;
}

static void readers_and_writers(void)
{
	puts("readers and writers");
	SAY(pthread_rwlock_wrlock(&rwlock));
	SAY(pthread_rwlock_wrlock(&rwlock));
	SAY(pthread_rwlock_rdlock(&rwlock));
	SAY(pthread_rwlock_trywrlock(&rwlock));
	in_thread(try_readers);
	SAY(pthread_rwlock_unlock(&rwlock));
	SAY(pthread_rwlock_rdlock(&rwlock));
	SAY(pthread_rwlock_rdlock(&rwlock));
	SAY(pthread_rwlock_trywrlock(&rwlock));
	SAY(pthread_rwlock_timedwrlock(&rwlock, soon(CLOCK_REALTIME)));
	SAY(pthread_rwlock_unlock(&rwlock));
	SAY(pthread_rwlock_unlock(&rwlock));
	SAY(pthread_rwlock_destroy(&rwlock));
}

int main(void)
{
	errno = EDOM;
	plain();
	checking();
	recursive();
	robust(PTHREAD_PRIO_NONE);
	robust(PTHREAD_PRIO_INHERIT);
	robust_recursive();
	readers_and_writers();
	return 0;
}
