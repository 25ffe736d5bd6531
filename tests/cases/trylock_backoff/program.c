/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both orders, but one of the threads only tries for its second lock and backs off:
 * excused. What a failed trylock did not get is not held afterwards, either.
 */
#include "../case.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_c = PTHREAD_MUTEX_INITIALIZER;
static sem_t b_is_taken, b_was_tried;

CASE_FN void take_in_order(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
}

CASE_FN void take_or_back_off(void)
{
	pthread_mutex_lock(&lock_b);
	if (pthread_mutex_trylock(&lock_a) == 0)
		pthread_mutex_unlock(&lock_a);
	pthread_mutex_unlock(&lock_b);
}

/* B is not had: C is taken with nothing held, though the other thread takes B under C. */
CASE_FN void try_what_is_taken(void)
{
	CASE_CHECK(pthread_mutex_trylock(&lock_b) != 0);
	pthread_mutex_lock(&lock_c);
	pthread_mutex_unlock(&lock_c);
}

static void *orderly_thread(void *arg)
{
	case_name("orderly");
	case_turn(0);
	take_in_order();
	pthread_mutex_lock(&lock_c);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_c);
	sem_post(&b_is_taken);
	case_sem_wait(&b_was_tried);
	pthread_mutex_unlock(&lock_b);
	case_turn_over(0);
	return arg;
}

static void *trying_thread(void *arg)
{
	case_name("trying");
	case_sem_wait(&b_is_taken);
	try_what_is_taken();
	sem_post(&b_was_tried);
	case_turn(1);
	take_or_back_off();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	case_begin(argc, argv);
	sem_init(&b_is_taken, 0, 0);
	sem_init(&b_was_tried, 0, 0);
	a = case_start(orderly_thread, NULL);
	b = case_start(trying_thread, NULL);
	case_join(a);
	case_join(b);
	return 0;
}
