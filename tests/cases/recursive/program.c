/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recursive mutex that its owner takes again, also under another lock: silent, for
 * taking again never waits. In mode "other-order" a second thread takes the two the
 * other way round, one level deep: real.
 */
#include "../case.h"

static pthread_mutex_t context_lock;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

CASE_FN void context_notify(void)
{
	pthread_mutex_lock(&context_lock);
	pthread_mutex_unlock(&context_lock);
}

CASE_FN void list_walk(void)
{
	pthread_mutex_lock(&list_lock);
	context_notify();
	pthread_mutex_unlock(&list_lock);
}

CASE_FN void context_run(void)
{
	pthread_mutex_lock(&context_lock);
	list_walk();
	pthread_mutex_unlock(&context_lock);
}

static void *iothread_run(void *arg)
{
	case_name("iothread0");
	case_turn(0);
	context_run();
	case_turn_over(0);
	return arg;
}

static void *list_thread(void *arg)
{
	case_name("list_thread");
	case_turn(1);
	if (strstr(case_mode, "other-order"))
		list_walk();
	else
		context_run();
	case_turn_over(1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	case_begin(argc, argv);
	case_mutex_init(&context_lock, PTHREAD_MUTEX_RECURSIVE);
	a = case_start(iothread_run, NULL);
	b = case_start(list_thread, NULL);
	case_join(a);
	case_join(b);
	return 0;
}
