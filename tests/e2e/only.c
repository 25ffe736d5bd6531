// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program with locks that it takes and lets go of in functions of its own, and another. It goes
 * on with each line of its input.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LONG_US 30000
#define MOMENT_NS 1000000

static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t left_out = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

__attribute__((noinline)) static void own_lock(void)
{
	pthread_mutex_lock(&own);
	__asm__ volatile("");
}

__attribute__((noinline)) static void own_unlock(void)
{
	pthread_mutex_unlock(&own);
	__asm__ volatile("");
}

__attribute__((noinline)) static void other_lock(void)
{
	pthread_mutex_lock(&other);
	__asm__ volatile("");
}

__attribute__((noinline)) static void other_unlock(void)
{
	pthread_mutex_unlock(&other);
	__asm__ volatile("");
}

static void await_line(void)
{
	char line[16];

	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

/* Lets go of the lock while it waits. */
__attribute__((noinline)) static void wait_released(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec = (until.tv_nsec + MOMENT_NS) % 1000000000;
	pthread_cond_timedwait(&condition, &own, &until);
}

static void *work(void *arg)
{
	own_lock();
	pthread_rwlock_rdlock(&left_out);
	other_lock();
	usleep(LONG_US);
	other_unlock();
	pthread_rwlock_unlock(&left_out);
	wait_released();
	own_unlock();
	pthread_rwlock_wrlock(&left_out);
	own_lock();
	wait_released();
	own_unlock();
	pthread_rwlock_unlock(&left_out);
	return arg;
}

int main(void)
{
	pthread_t thread;

	await_line();
	pthread_create(&thread, NULL, work, NULL);
	pthread_join(thread, NULL);
	await_line();
	return 0;
}
