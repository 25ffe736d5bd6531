// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program says all that it can say, in the right order and in wrong ones, from threads, from a
 * signal handler and from forked children; errno stays what it was.
 */
#include "host.h"

#include <deadwatch/annotate.h>
#include <errno.h>
#include <signal.h>

#define THREADS 4
#define ROUNDS 500

static int own_lock, own_rwlock, own_thing, never_taken;
static pthread_mutex_t mutex = HOST_MUTEX;
static volatile sig_atomic_t handled;

static void take(const void *lock, int shared)
{
	DEADWATCH_LOCK_WANT(lock, shared);
	DEADWATCH_LOCK_HOLD(lock, shared);
}

static void say_all(void)
{
	DEADWATCH_NAME_LOCK(&mutex, "mutex of the host");
	take(&own_lock, 0);
	DEADWATCH_LOCK_WANT(&own_rwlock, 1);
	DEADWATCH_LOCK_FAIL(&own_rwlock, 1);
	DEADWATCH_LOCK_HOLD(&own_rwlock, 1);
	DEADWATCH_CALL_BEGIN("outer call");
	host_lock(&mutex);
	DEADWATCH_CALL_BEGIN("inner call");
	DEADWATCH_CALL_END("inner call");
	host_unlock(&mutex);
	DEADWATCH_CALL_END("outer call");
	DEADWATCH_LOCK_DROP(&own_rwlock, 1);
	DEADWATCH_LOCK_DROP(&own_lock, 0);
	DEADWATCH_WAIT_BEGIN(&own_thing);
	DEADWATCH_WAIT_END(&own_thing);
	DEADWATCH_POST(&own_thing);
	DEADWATCH_IDLE();
	DEADWATCH_BEAT("beat of the host");
}

/* Ends without begins, begins without ends, more of them than are kept, and long names. */
static void say_wrongly(void)
{
	static char name[1000];

	memset(name, 'x', sizeof(name) - 1);
	take(&own_lock, 0);
	DEADWATCH_CALL_END("never begun");
	DEADWATCH_WAIT_END(&never_taken);
	DEADWATCH_CALL_BEGIN("outer call");
	for (int i = 0; i < 20; i++)
		DEADWATCH_CALL_BEGIN("inner call");
	DEADWATCH_CALL_END("outer call");
	DEADWATCH_CALL_END("inner call");
	DEADWATCH_CALL_BEGIN(name);
	DEADWATCH_CALL_END(name);
	DEADWATCH_BEAT(name);
	DEADWATCH_LOCK_FAIL(&never_taken, 0);
	DEADWATCH_LOCK_DROP(&own_lock, 0);
	DEADWATCH_KICK(pthread_self());
}

static void *say_often(void *argument)
{
	pthread_t other = *(pthread_t *)argument;

	for (int i = 0; i < ROUNDS; i++) {
		errno = i;
		say_all();
		DEADWATCH_KICK(other);
		say_wrongly();
		HOST_CHECK(errno == i);
	}
	return NULL;
}

static void on_signal(int signal)
{
	(void)signal;
	say_all();
	handled++;
}

/* A lock that is named at each of its lives, and never taken. */
static void name_for_nothing(void)
{
	for (int i = 0; i < 100; i++) {
		pthread_mutex_t local;

		pthread_mutex_init(&local, NULL);
		DEADWATCH_NAME_LOCK(&local, "local");
		pthread_mutex_destroy(&local);
	}
}

int main(void)
{
	pthread_t self = pthread_self(), threads[THREADS];

	signal(SIGUSR1, on_signal);
	for (int i = 0; i < THREADS; i++)
		threads[i] = host_start(say_often, &self);
	for (int i = 0; i < 100; i++)
		raise(SIGUSR1);
	name_for_nothing();
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	HOST_CHECK(handled == 100);
	if (fork() == 0) {
		say_all();
		_exit(0);
	}
	wait(NULL);
	puts("said");
	return 0;
}
