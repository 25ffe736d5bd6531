/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the case programs share: their mode, their threads, and phases that cannot meet.
 *
 * Phases are kept apart by semaphores: unlike a join, a semaphore does not say that a
 * thread is over, so two orders that take turns are still two orders that can meet.
 * In modes that hang nobody waits for a turn, and case_meet() sees to it that the threads
 * do meet. In modes that race neither is so: whether they meet is left to chance.
 *
 * A semaphore's post says more than an order: its waiter knows that the poster has done
 * with the locks that it took before. Where that would excuse what a case is about, flags
 * keep the phases apart: nobody but the program sees them.
 */
#pragma once

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A function of the program that reports are to name: it has a frame of its own. */
#define CASE_FN static __attribute__((noinline))

/* One that users name to deadwatch: others can find it, too. */
#define CASE_EXPORT_FN __attribute__((noinline, visibility("default")))

#define CASE_TURNS_MAX 32 /* more than any case has */

static const char *case_mode;
static unsigned case_times = 1; /* who looks from outside is given so many times as long */
static sem_t case_turns[CASE_TURNS_MAX];
static unsigned case_met;

static inline bool case_is(const char *mode)
{
	return strcmp(case_mode, mode) == 0;
}

/* Whether the mode is one that never ends: the harness kills it. */
static inline bool case_hangs(void)
{
	return strstr(case_mode, "hang") || case_is("livelock");
}

/* Whether the phases are kept apart. */
static inline bool case_takes_turns(void)
{
	return !case_hangs() && !strstr(case_mode, "race");
}

static inline void case_check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "case: %s failed\n", what);
	_exit(99);
}

#define CASE_CHECK(expression) case_check(expression, #expression)

static inline void case_begin(int argc, char **argv)
{
	case_mode = argc > 1 ? argv[1] : "benign";
	if (argc > 2)
		case_times = (unsigned)atoi(argv[2]);
	for (unsigned i = 0; i < CASE_TURNS_MAX; i++)
		sem_init(&case_turns[i], 0, i == 0);
}

/*
 * Who looks into a program from outside needs time to: CASE_SLOW_MS makes each of its phases
 * take so long, with whatever its threads hold and wait for at that moment.
 */
static inline void case_dawdle(void)
{
	const char *ms = getenv("CASE_SLOW_MS");

	if (ms)
		usleep(1000 * (unsigned)atoi(ms));
}

static inline void case_sem_wait(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		; /* a signal: wait on */
}

/* Waits until it is turn @n; turn 0 is at once. */
static inline void case_turn(unsigned n)
{
	if (case_takes_turns())
		case_sem_wait(&case_turns[n]);
	case_dawdle();
}

/* Turn @n is over, turn @n + 1 begins. */
static inline void case_turn_over(unsigned n)
{
	sem_post(&case_turns[n + 1]);
}

/* Counts @flag up. */
static inline void case_flag_raise(unsigned *flag)
{
	__atomic_add_fetch(flag, 1, __ATOMIC_SEQ_CST);
}

static inline bool case_flag_is_up(unsigned *flag)
{
	return __atomic_load_n(flag, __ATOMIC_SEQ_CST) != 0;
}

/* Waits until @flag was counted up to @n. */
static inline void case_flag_await(unsigned *flag, unsigned n)
{
	while (__atomic_load_n(flag, __ATOMIC_SEQ_CST) < n)
		sched_yield();
}

/* In modes that hang, waits until @n threads are here. */
static inline void case_meet(unsigned n)
{
	if (!case_hangs()) {
		case_dawdle();
		return;
	}
	case_flag_raise(&case_met);
	case_flag_await(&case_met, n);
}

static inline void case_sleep_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};

	nanosleep(&t, NULL);
}

static inline void case_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

static inline pthread_t case_start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	CASE_CHECK(pthread_create(&thread, NULL, run, arg) == 0);
	return thread;
}

static inline void case_join(pthread_t thread)
{
	CASE_CHECK(pthread_join(thread, NULL) == 0);
}

static inline void case_mutex_init(pthread_mutex_t *mutex, int type)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
}
