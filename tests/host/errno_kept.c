/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * errno is the same before and after calls about locks, each of which is news: the pthread
 * functions do not set it.
 */
#include "host.h"

#include <errno.h>
#include <threads.h>
#include <time.h>

#define ODD 12345 /* no errno that there is */

pthread_mutex_t mutex = HOST_MUTEX, other = HOST_MUTEX, inner = HOST_MUTEX, made;
pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER, rwlock_made;
pthread_spinlock_t spinlock;
pthread_cond_t condition = PTHREAD_COND_INITIALIZER, condition_made;
mtx_t c11_mutex;
cnd_t c11_condition;

static int calls;

static void check_errno(const char *call, int line, int result, int expected)
{
	calls++;
	if (errno == ODD && result == expected)
		return;
	dprintf(STDERR_FILENO, "line %d: %s: %d, errno %d\n", line, call, result, errno);
	_exit(HOST_FAILED);
}

#define GIVES(expected, call)                                    \
	do {                                                     \
		int result_;                                     \
                                                                 \
		errno = ODD;                                     \
		result_ = (call);                                \
		check_errno(#call, __LINE__, result_, expected); \
	} while (0)
#define KEEPS(call) GIVES(0, call)

static struct timespec past;

static void use_mutexes(void)
{
	KEEPS(pthread_mutex_init(&made, NULL));
	KEEPS(pthread_mutex_lock(&mutex));
	KEEPS(pthread_mutex_lock(&inner));
	KEEPS(pthread_mutex_trylock(&other));
	GIVES(EBUSY, pthread_mutex_trylock(&inner));
	GIVES(ETIMEDOUT, pthread_mutex_timedlock(&inner, &past));
	GIVES(ETIMEDOUT, pthread_mutex_clocklock(&inner, CLOCK_MONOTONIC, &past));
	KEEPS(pthread_mutex_timedlock(&made, &past));
	GIVES(EBUSY, pthread_mutex_destroy(&made));
	KEEPS(pthread_mutex_unlock(&mutex));
	KEEPS(pthread_mutex_unlock(&other));
	KEEPS(pthread_mutex_unlock(&made));
	KEEPS(pthread_mutex_unlock(&inner));
	KEEPS(pthread_mutex_destroy(&made));
}

static void use_rwlocks(void)
{
	KEEPS(pthread_rwlock_init(&rwlock_made, NULL));
	KEEPS(pthread_rwlock_rdlock(&rwlock));
	KEEPS(pthread_rwlock_tryrdlock(&rwlock));
	GIVES(EBUSY, pthread_rwlock_trywrlock(&rwlock));
	KEEPS(pthread_rwlock_timedrdlock(&rwlock, &past));
	GIVES(ETIMEDOUT, pthread_rwlock_timedwrlock(&rwlock, &past));
	KEEPS(pthread_rwlock_wrlock(&rwlock_made));
	KEEPS(pthread_rwlock_unlock(&rwlock_made));
	for (int i = 0; i < 3; i++)
		KEEPS(pthread_rwlock_unlock(&rwlock));
	KEEPS(pthread_rwlock_destroy(&rwlock_made));
}

static void use_spinlocks(void)
{
	KEEPS(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
	KEEPS(pthread_spin_lock(&spinlock));
	GIVES(EBUSY, pthread_spin_trylock(&spinlock));
	KEEPS(pthread_spin_unlock(&spinlock));
	KEEPS(pthread_spin_destroy(&spinlock));
}

static void use_conditions(void)
{
	KEEPS(pthread_cond_init(&condition_made, NULL));
	KEEPS(pthread_mutex_lock(&other));
	KEEPS(pthread_mutex_lock(&inner));
	GIVES(ETIMEDOUT, pthread_cond_timedwait(&condition, &inner, &past));
	GIVES(ETIMEDOUT, pthread_cond_clockwait(&condition, &inner, CLOCK_MONOTONIC, &past));
	KEEPS(pthread_cond_signal(&condition));
	KEEPS(pthread_cond_broadcast(&condition));
	KEEPS(pthread_mutex_unlock(&inner));
	KEEPS(pthread_mutex_unlock(&other));
	KEEPS(pthread_cond_destroy(&condition_made));
}

static void use_c11(void)
{
	GIVES(thrd_success, mtx_init(&c11_mutex, mtx_timed));
	GIVES(thrd_success, cnd_init(&c11_condition));
	GIVES(thrd_success, mtx_lock(&c11_mutex));
	GIVES(thrd_busy, mtx_trylock(&c11_mutex));
	GIVES(thrd_timedout, mtx_timedlock(&c11_mutex, &past));
	GIVES(thrd_timedout, cnd_timedwait(&c11_condition, &c11_mutex, &past));
	GIVES(thrd_success, cnd_signal(&c11_condition));
	GIVES(thrd_success, mtx_unlock(&c11_mutex));
}

static void *run(void *argument)
{
	errno = ODD;
	host_lock(&other);
	HOST_CHECK(errno == ODD);
	host_unlock(&other);
	return argument;
}

static void use_threads(void)
{
	pthread_t thread;

	KEEPS(pthread_create(&thread, NULL, run, NULL));
	KEEPS(pthread_join(thread, NULL));
	KEEPS(pthread_setname_np(pthread_self(), "errno"));
}

static void use_memory(void)
{
	pthread_mutex_t *within = malloc(sizeof(*within));

	pthread_mutex_init(within, NULL);
	host_lock_both(within, &inner);
	errno = ODD;
	free(within);
	HOST_CHECK(errno == ODD);
}

int main(void)
{
	use_mutexes();
	use_rwlocks();
	use_spinlocks();
	use_conditions();
	use_c11();
	use_threads();
	use_memory();
	printf("%d calls\n", calls);
	return 0;
}
