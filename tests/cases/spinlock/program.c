/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spin locks, which do not say who has them, and do not sleep.
 *
 *   benign  two, in both orders
 *   tried   one of the orders only tries, and backs off
 *   fixed   one order
 */
#include "../case.h"

static pthread_spinlock_t queue_lock, stats_lock;

CASE_FN void take_stats(void)
{
	if (!case_is("tried")) {
		pthread_spin_lock(&stats_lock);
		return;
	}
	while (pthread_spin_trylock(&stats_lock) != 0)
		sched_yield();
}

CASE_FN void queue_then_stats(void)
{
	pthread_spin_lock(&queue_lock);
	take_stats();
	pthread_spin_unlock(&stats_lock);
	pthread_spin_unlock(&queue_lock);
}

CASE_FN void stats_then_queue(void)
{
	pthread_spin_lock(&stats_lock);
	pthread_spin_lock(&queue_lock);
	pthread_spin_unlock(&queue_lock);
	pthread_spin_unlock(&stats_lock);
}

static void *worker(void *arg)
{
	case_name("worker");
	case_turn(0);
	queue_then_stats();
	case_turn_over(0);
	return arg;
}

static void *reporter(void *arg)
{
	case_name("reporter");
	case_turn(1);
	if (case_is("fixed"))
		queue_then_stats();
	else
		stats_then_queue();
	case_turn_over(1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	case_begin(argc, argv);
	pthread_spin_init(&queue_lock, PTHREAD_PROCESS_PRIVATE);
	pthread_spin_init(&stats_lock, PTHREAD_PROCESS_PRIVATE);
	threads[0] = case_start(worker, NULL);
	threads[1] = case_start(reporter, NULL);
	case_join(threads[0]);
	case_join(threads[1]);
	return 0;
}
