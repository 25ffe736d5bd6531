/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both orders by one thread only, while another one lives: excused. */
#include "../case.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;

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

static void *bystander(void *arg)
{
	case_name("bystander");
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	case_begin(argc, argv);
	thread = case_start(bystander, NULL);
	take_a_then_b();
	take_b_then_a();
	case_join(thread);
	return 0;
}
