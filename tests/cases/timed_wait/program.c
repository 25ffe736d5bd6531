/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits that end by themselves, with a lock held that the poster takes on its way: no
 * deadlock. benign waits for a condition, sem for a semaphore; neither is posted in time,
 * because the poster waits for the lock.
 */
#include "../case.h"

#include <errno.h>

static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_done = PTHREAD_COND_INITIALIZER;
static sem_t work_sem;
static unsigned has_device;

static struct timespec in_20_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

CASE_FN void use_device(void)
{
	pthread_mutex_lock(&device_lock);
	pthread_mutex_unlock(&device_lock);
}

CASE_FN void post_work_done(void)
{
	sem_post(&work_sem);
	pthread_mutex_lock(&work_lock);
	pthread_cond_signal(&work_done);
	pthread_mutex_unlock(&work_lock);
}

static void *device_thread(void *arg)
{
	case_name("device");
	case_flag_await(&has_device, 1);
	use_device();
	post_work_done();
	return arg;
}

CASE_FN int wait_for_sem(void)
{
	struct timespec until = in_20_ms();

	return sem_timedwait(&work_sem, &until) < 0 ? errno : 0;
}

CASE_FN int wait_for_cond(void)
{
	struct timespec until = in_20_ms();
	int r;

	pthread_mutex_lock(&work_lock);
	do {
		r = pthread_cond_timedwait(&work_done, &work_lock, &until);
	} while (r == 0);
	pthread_mutex_unlock(&work_lock);
	return r;
}

CASE_FN void reset_device(void)
{
	int r;

	pthread_mutex_lock(&device_lock);
	case_flag_raise(&has_device);
	r = case_is("sem") ? wait_for_sem() : wait_for_cond();
	CASE_CHECK(r == ETIMEDOUT);
	pthread_mutex_unlock(&device_lock);
}

int main(int argc, char **argv)
{
	pthread_t device;

	case_begin(argc, argv);
	sem_init(&work_sem, 0, 0);
	device = case_start(device_thread, NULL);
	reset_device();
	case_join(device);
	return 0;
}
