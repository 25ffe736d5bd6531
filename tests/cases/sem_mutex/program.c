/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semaphores that are used as mutexes, and taken in both orders: real.
 *
 * benign and hang: two semaphores. mixed and mixed-hang: a semaphore and a mutex. fixed
 * and mixed-fixed: the same things, by both threads in one order.
 */
#include "../case.h"

static sem_t sem_a, sem_b;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned first_is_done;

static bool is_mixed(void)
{
	return strstr(case_mode, "mixed");
}

CASE_FN void take_inner(void)
{
	if (is_mixed())
		pthread_mutex_lock(&mutex);
	else
		case_sem_wait(&sem_b);
}

CASE_FN void give_inner(void)
{
	if (is_mixed())
		pthread_mutex_unlock(&mutex);
	else
		sem_post(&sem_b);
}

CASE_FN void work_in_order(void)
{
	case_sem_wait(&sem_a);
	case_meet(2);
	take_inner();
	give_inner();
	sem_post(&sem_a);
}

CASE_FN void work_the_other_way(void)
{
	take_inner();
	case_meet(2);
	case_sem_wait(&sem_a);
	sem_post(&sem_a);
	give_inner();
}

static void *first_thread(void *arg)
{
	case_name("first");
	work_in_order();
	case_flag_raise(&first_is_done);
	return arg;
}

static void *second_thread(void *arg)
{
	case_name("second");
	if (case_takes_turns())
		case_flag_await(&first_is_done, 1);
	if (strstr(case_mode, "fixed"))
		work_in_order();
	else
		work_the_other_way();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t first, second;

	case_begin(argc, argv);
	sem_init(&sem_a, 0, 1);
	sem_init(&sem_b, 0, 1);
	first = case_start(first_thread, NULL);
	second = case_start(second_thread, NULL);
	case_join(first);
	case_join(second);
	return 0;
}
