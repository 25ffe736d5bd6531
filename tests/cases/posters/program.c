/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A condition that is waited for with a lock held, and who posts it.
 *
 * one and hang: only a thread that takes that lock on its way: real. benign: a second
 * thread posts it as well, and needs nothing: no deadlock. own: the poster takes the lock,
 * but the waiter holds nothing except the condition's own mutex.
 */
#include "../case.h"

static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_done = PTHREAD_COND_INITIALIZER;
static unsigned is_done; /* under work_lock */
static unsigned is_waiting, device_was_used;

CASE_FN void use_device(void)
{
	pthread_mutex_lock(&device_lock);
	pthread_mutex_unlock(&device_lock);
}

CASE_FN void post_work_done(void)
{
	pthread_mutex_lock(&work_lock);
	is_done++;
	pthread_cond_signal(&work_done);
	pthread_mutex_unlock(&work_lock);
}

/* It takes the lock before the waiter does, except where it hangs, and posts after. */
static void *device_thread(void *arg)
{
	case_name("device");
	if (case_hangs())
		case_flag_await(&is_waiting, 1);
	use_device();
	case_flag_raise(&device_was_used);
	case_flag_await(&is_waiting, 1);
	post_work_done();
	return arg;
}

static void *timer_thread(void *arg)
{
	case_name("timer");
	case_flag_await(&is_waiting, 1);
	post_work_done();
	return arg;
}

/* Who posts takes work_lock first, so the flag says that the wait has begun. */
CASE_FN void wait_for_work(void)
{
	pthread_mutex_lock(&work_lock);
	case_flag_raise(&is_waiting);
	while (is_done == 0)
		pthread_cond_wait(&work_done, &work_lock);
	pthread_mutex_unlock(&work_lock);
}

CASE_FN void reset_device(void)
{
	if (!case_is("own"))
		pthread_mutex_lock(&device_lock);
	wait_for_work();
	if (!case_is("own"))
		pthread_mutex_unlock(&device_lock);
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	unsigned n_threads = 0;

	case_begin(argc, argv);
	threads[n_threads++] = case_start(device_thread, NULL);
	if (strstr(case_mode, "benign"))
		threads[n_threads++] = case_start(timer_thread, NULL);
	if (case_takes_turns())
		case_flag_await(&device_was_used, 1);
	reset_device();
	while (n_threads > 0)
		case_join(threads[--n_threads]);
	return 0;
}
