/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second thread is born after the first one's order is over: excused.
 *
 * benign: main takes both locks, then makes a thread that takes them the other way
 * round. joined: two threads, the second made after the first was joined. loop: the
 * same a hundred times over, so each order comes before and after the other, but never
 * beside it. overlap: main takes its order again while the thread lives, real.
 */
#include "../case.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;

#define N_ROUNDS 100

CASE_FN void take_a_then_b(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
}

CASE_FN void take_b_then_a(void)
{
	pthread_mutex_lock(&lock_b);
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
	pthread_mutex_unlock(&lock_b);
}

static void *first_thread(void *arg)
{
	case_name("first");
	take_a_then_b();
	return arg;
}

static void *second_thread(void *arg)
{
	case_name("second");
	take_b_then_a();
	case_turn_over(0);
	return arg;
}

static void run_both(void)
{
	case_join(case_start(first_thread, NULL));
	case_join(case_start(second_thread, NULL));
}

static void run_overlap(void)
{
	pthread_t thread;

	take_a_then_b();
	thread = case_start(second_thread, NULL);
	if (strstr(case_mode, "overlap")) {
		case_turn(1);
		take_a_then_b();
	}
	case_join(thread);
}

int main(int argc, char **argv)
{
	case_begin(argc, argv);
	if (case_is("joined")) {
		run_both();
	} else if (case_is("loop")) {
		for (unsigned i = 0; i < N_ROUNDS; i++)
			run_both();
	} else {
		run_overlap();
	}
	return 0;
}
