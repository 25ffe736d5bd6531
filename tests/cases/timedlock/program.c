/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks that are waited for only for some time: excused, whether they were had or not.
 * A lock that timed out is not held: what is taken next does not nest in it.
 */
#include "../case.h"

#include <errno.h>
#include <time.h>

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_c = PTHREAD_MUTEX_INITIALIZER;
static sem_t c_is_taken, c_was_tried;

static struct timespec in_ms(clockid_t clock, unsigned ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (ms % 1000) * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

CASE_FN void take_in_order(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
}

CASE_FN void take_for_some_time(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 2000);

	pthread_mutex_lock(&lock_b);
	CASE_CHECK(pthread_mutex_timedlock(&lock_a, &until) == 0);
	pthread_mutex_unlock(&lock_a);
	pthread_mutex_unlock(&lock_b);
}

/* The other thread takes C under B: had C been held here, this would be the other order. */
CASE_FN void time_out(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 5);
	struct timespec clock_until = in_ms(CLOCK_MONOTONIC, 5);

	CASE_CHECK(pthread_mutex_timedlock(&lock_c, &until) == ETIMEDOUT);
	CASE_CHECK(pthread_mutex_clocklock(&lock_c, CLOCK_MONOTONIC, &clock_until) == ETIMEDOUT);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
}

static void *orderly_thread(void *arg)
{
	case_name("orderly");
	case_turn(0);
	take_in_order();
	pthread_mutex_lock(&lock_b);
	pthread_mutex_lock(&lock_c);
	pthread_mutex_unlock(&lock_b);
	sem_post(&c_is_taken);
	case_sem_wait(&c_was_tried);
	pthread_mutex_unlock(&lock_c);
	case_turn_over(0);
	return arg;
}

static void *timing_thread(void *arg)
{
	case_name("timing");
	case_sem_wait(&c_is_taken);
	time_out();
	sem_post(&c_was_tried);
	case_turn(1);
	take_for_some_time();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	case_begin(argc, argv);
	sem_init(&c_is_taken, 0, 0);
	sem_init(&c_was_tried, 0, 0);
	a = case_start(orderly_thread, NULL);
	b = case_start(timing_thread, NULL);
	case_join(a);
	case_join(b);
	return 0;
}
