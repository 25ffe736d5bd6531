/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong whatever other threads do, one mode each: unlock, unlock-other, relock,
 * destroy, free, exit, wait, wait-twice. In benign mode, the same calls
 * as they should be.
 */
#include "../case.h"

#include <errno.h>
#include <time.h>

static pthread_mutex_t lock;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t *heap_lock;

static struct timespec soon(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 2000000;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

CASE_FN void unlock_not_held(void)
{
	case_mutex_init(&lock, PTHREAD_MUTEX_ERRORCHECK);
	CASE_CHECK(pthread_mutex_unlock(&lock) == EPERM);
}

static void *locker(void *arg)
{
	case_name("locker");
	pthread_mutex_lock(&lock);
	case_turn_over(0);
	case_turn(2);
	pthread_mutex_unlock(&lock);
	return arg;
}

CASE_FN void unlock_of_other(void)
{
	pthread_t thread;

	case_mutex_init(&lock, PTHREAD_MUTEX_ERRORCHECK);
	thread = case_start(locker, NULL);
	case_turn(1);
	CASE_CHECK(pthread_mutex_unlock(&lock) == EPERM);
	case_turn_over(1);
	case_join(thread);
}

CASE_FN void relock_errorcheck(void)
{
	case_mutex_init(&lock, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_lock(&lock);
	CASE_CHECK(pthread_mutex_lock(&lock) == EDEADLK);
	pthread_mutex_unlock(&lock);
}

CASE_FN void destroy_held(void)
{
	case_mutex_init(&lock, PTHREAD_MUTEX_NORMAL);
	pthread_mutex_lock(&lock);
	CASE_CHECK(pthread_mutex_destroy(&lock) == EBUSY);
	pthread_mutex_unlock(&lock);
}

CASE_FN void free_held(void)
{
	pthread_mutex_lock(heap_lock);
	free(heap_lock);
	heap_lock = NULL;
}

static void *exit_holding(void *arg)
{
	case_name("careless");
	pthread_mutex_lock(&lock);
	return arg;
}

CASE_FN void wait_without_mutex(void)
{
	struct timespec until = soon();

	case_mutex_init(&lock, PTHREAD_MUTEX_ERRORCHECK);
	CASE_CHECK(pthread_cond_timedwait(&changed, &lock, &until) == EPERM);
}

/* The wait lets go of the mutex once, so it stays locked while the thread sleeps. */
CASE_FN void wait_recursed(void)
{
	struct timespec until = soon();

	case_mutex_init(&lock, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_lock(&lock);
	pthread_mutex_lock(&lock);
	CASE_CHECK(pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT);
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&lock);
}

CASE_FN void as_it_should_be(void)
{
	struct timespec until = soon();

	case_mutex_init(&lock, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_lock(&lock);
	CASE_CHECK(pthread_mutex_trylock(&lock) == EBUSY);
	CASE_CHECK(pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT);
	pthread_mutex_unlock(&lock);
	pthread_mutex_destroy(&lock);
	pthread_mutex_lock(heap_lock);
	pthread_mutex_unlock(heap_lock);
	free(heap_lock);
}

static void *run(void *arg)
{
	case_name("worker");
	if (case_is("benign"))
		as_it_should_be();
	else if (case_is("unlock"))
		unlock_not_held();
	else if (case_is("unlock-other"))
		unlock_of_other();
	else if (case_is("relock"))
		relock_errorcheck();
	else if (case_is("destroy"))
		destroy_held();
	else if (case_is("free"))
		free_held();
	else if (case_is("exit"))
		case_join(case_start(exit_holding, NULL));
	else if (case_is("wait"))
		wait_without_mutex();
	else if (case_is("wait-twice"))
		wait_recursed();
	return arg;
}

int main(int argc, char **argv)
{
	case_begin(argc, argv);
	pthread_mutex_init(&lock, NULL);
	heap_lock = malloc(sizeof(*heap_lock));
	CASE_CHECK(heap_lock);
	pthread_mutex_init(heap_lock, NULL);
	case_join(case_start(run, NULL));
	return 0;
}
