/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Condition waits that hold nothing but their own mutex: silent. */
#include "../case.h"

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_changed = PTHREAD_COND_INITIALIZER;
static unsigned queued, taken;

#define N_ITEMS 100

CASE_FN void queue_take(void)
{
	pthread_mutex_lock(&queue_lock);
	while (queued == taken)
		pthread_cond_wait(&queue_changed, &queue_lock);
	taken++;
	pthread_cond_broadcast(&queue_changed);
	pthread_mutex_unlock(&queue_lock);
}

CASE_FN void queue_put(void)
{
	pthread_mutex_lock(&queue_lock);
	while (queued > taken)
		pthread_cond_wait(&queue_changed, &queue_lock);
	queued++;
	pthread_cond_broadcast(&queue_changed);
	pthread_mutex_unlock(&queue_lock);
}

static void *consumer(void *arg)
{
	case_name("consumer");
	for (unsigned i = 0; i < N_ITEMS; i++)
		queue_take();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	case_begin(argc, argv);
	thread = case_start(consumer, NULL);
	for (unsigned i = 0; i < N_ITEMS; i++)
		queue_put();
	case_join(thread);
	return taken == N_ITEMS ? 0 : 1;
}
