/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two orders of two locks, and a gate around both of them: gated.
 *
 * In mode "no-gate" one of the threads comes in without the gate: real.
 */
#include "../case.h"

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t chr_write_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t monitor_lock = PTHREAD_MUTEX_INITIALIZER;

CASE_FN void monitor_flush(void)
{
	pthread_mutex_lock(&monitor_lock);
	pthread_mutex_lock(&chr_write_lock);
	pthread_mutex_unlock(&chr_write_lock);
	pthread_mutex_unlock(&monitor_lock);
}

CASE_FN void chr_event(void)
{
	pthread_mutex_lock(&chr_write_lock);
	pthread_mutex_lock(&monitor_lock);
	pthread_mutex_unlock(&monitor_lock);
	pthread_mutex_unlock(&chr_write_lock);
}

static void *monitor_thread(void *arg)
{
	bool gate = !strstr(case_mode, "no-gate");

	case_name("mon_iothread");
	case_turn(0);
	if (gate)
		pthread_mutex_lock(&bql);
	monitor_flush();
	if (gate)
		pthread_mutex_unlock(&bql);
	case_turn_over(0);
	return arg;
}

static void *chr_thread(void *arg)
{
	case_name("chr_thread");
	case_turn(1);
	pthread_mutex_lock(&bql);
	chr_event();
	pthread_mutex_unlock(&bql);
	case_turn_over(1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	case_begin(argc, argv);
	a = case_start(monitor_thread, NULL);
	b = case_start(chr_thread, NULL);
	case_join(a);
	case_join(b);
	return 0;
}
