/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks of the program's own making, which nothing can see but by what the program says.
 *
 * A queue and the device behind it each have a spin lock made of an atomic. The worker takes the
 * queue's, then the device's; a reset takes them the other way round. One of them has a name.
 *
 * benign: one after the other. hang: both at once. fixed: the reset takes them in the worker's
 * order. tried: the reset only tries the queue's, and has luck. silent: instead of all that, the
 * display is refreshed for two seconds, or for some times two, and then no more, which it says.
 */
#include "../case.h"

#include <deadwatch/annotate.h>

struct own_lock {
	unsigned taken;
};

static struct own_lock queue_lock, device_lock;
static unsigned worker_done;

static bool own_lock_got(struct own_lock *lock)
{
	return !__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE);
}

CASE_FN void own_lock(struct own_lock *lock)
{
	DEADWATCH_LOCK_WANT(lock, 0);
	while (!own_lock_got(lock))
		case_sleep_ms(1);
	DEADWATCH_LOCK_HOLD(lock, 0);
}

CASE_FN void own_trylock(struct own_lock *lock)
{
	CASE_CHECK(own_lock_got(lock));
	DEADWATCH_LOCK_HOLD(lock, 0);
}

CASE_FN void own_unlock(struct own_lock *lock)
{
	DEADWATCH_LOCK_DROP(lock, 0);
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

CASE_FN void queue_run(void)
{
	own_lock(&queue_lock);
	case_meet(2);
	own_lock(&device_lock);
	own_unlock(&device_lock);
	own_unlock(&queue_lock);
}

CASE_FN void device_reset(void)
{
	bool in_order = case_is("fixed");

	own_lock(in_order ? &queue_lock : &device_lock);
	case_meet(2);
	if (case_is("tried"))
		own_trylock(&queue_lock);
	else
		own_lock(in_order ? &device_lock : &queue_lock);
	own_unlock(&device_lock);
	own_unlock(&queue_lock);
}

static void *worker(void *arg)
{
	case_name("worker");
	queue_run();
	case_flag_raise(&worker_done);
	return arg;
}

static void *resetter(void *arg)
{
	case_name("resetter");
	if (case_takes_turns())
		case_flag_await(&worker_done, 1);
	device_reset();
	return arg;
}

/* Ten beats a second for a while, and then none any more. */
CASE_FN void beat_and_stop(void)
{
	for (unsigned i = 0; i < 20 * case_times; i++) {
		DEADWATCH_BEAT("display::refresh");
		case_sleep_ms(100);
	}
	for (;;)
		case_sleep_ms(1000);
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	case_begin(argc, argv);
	if (case_is("silent"))
		case_start(worker, NULL);
	if (case_is("silent"))
		beat_and_stop();
	DEADWATCH_NAME_LOCK(&device_lock, "lock of the device");
	threads[0] = case_start(worker, NULL);
	threads[1] = case_start(resetter, NULL);
	case_join(threads[0]);
	case_join(threads[1]);
	return 0;
}
