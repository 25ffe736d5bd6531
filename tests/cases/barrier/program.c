/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread waits at a barrier with a lock held that another takes before it gets there.
 *
 * benign: that other one took it before: real. hang: it comes for it meanwhile. fixed:
 * nothing is held at the barrier.
 */
#include "../case.h"

static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t started;
static unsigned worker_had_lock, main_has_lock;

CASE_FN void prepare(void)
{
	pthread_mutex_lock(&device_lock);
	pthread_mutex_unlock(&device_lock);
}

CASE_FN void arrive(void)
{
	pthread_barrier_wait(&started);
}

static void *worker_thread(void *arg)
{
	case_name("worker");
	if (case_hangs())
		case_flag_await(&main_has_lock, 1);
	prepare();
	case_flag_raise(&worker_had_lock);
	if (case_is("benign"))
		case_flag_await(&main_has_lock, 1);
	arrive();
	return arg;
}

CASE_FN void start_device(void)
{
	pthread_mutex_lock(&device_lock);
	case_flag_raise(&main_has_lock);
	if (case_is("fixed"))
		pthread_mutex_unlock(&device_lock);
	arrive();
	if (!case_is("fixed"))
		pthread_mutex_unlock(&device_lock);
}

int main(int argc, char **argv)
{
	pthread_t worker;

	case_begin(argc, argv);
	pthread_barrier_init(&started, NULL, 2);
	worker = case_start(worker_thread, NULL);
	if (case_takes_turns())
		case_flag_await(&worker_had_lock, 1);
	start_device();
	case_join(worker);
	pthread_barrier_destroy(&started);
	return 0;
}
