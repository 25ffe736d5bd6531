/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gate that a condition wait lets go of is no gate any more.
 *
 * Both threads take the gate first. One of them takes A and waits on a condition with
 * the gate as its mutex, so the gate is open while A is held; then it takes B. The other
 * takes B, then A, under the gate. Real: the waiter gets the gate back only after the
 * other has let it go, and the other waits for A under the gate.
 */
#include "../case.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

CASE_FN void wait_for_change(void)
{
	struct timespec until = {0};

	/* A time that is over: the gate opens and closes with nobody to post. Races get some. */
	if (case_is("race")) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
	}
	pthread_cond_timedwait(&changed, &gate, &until);
}

CASE_FN void waiter_work(void)
{
	pthread_mutex_lock(&lock_a);
	wait_for_change();
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
}

CASE_FN void other_work(void)
{
	pthread_mutex_lock(&lock_b);
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
	pthread_mutex_unlock(&lock_b);
}

static void *waiter_thread(void *arg)
{
	case_name("waiter");
	case_turn(0);
	pthread_mutex_lock(&gate);
	waiter_work();
	pthread_mutex_unlock(&gate);
	case_turn_over(0);
	return arg;
}

static void *other_thread(void *arg)
{
	case_name("other");
	case_turn(1);
	pthread_mutex_lock(&gate);
	other_work();
	pthread_mutex_unlock(&gate);
	case_turn_over(1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	case_begin(argc, argv);
	a = case_start(waiter_thread, NULL);
	b = case_start(other_thread, NULL);
	case_join(a);
	case_join(b);
	return 0;
}
