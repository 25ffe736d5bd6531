/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads that sleep under a lock each, and then wait for each other's for ever. */
#include <pthread.h>
#include <unistd.h>

pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both_have_one;

static void hang(pthread_mutex_t *has, pthread_mutex_t *wants)
{
	pthread_mutex_lock(has);
	usleep(1000);
	pthread_barrier_wait(&both_have_one);
	pthread_mutex_lock(wants);
}

static void *run(void *unused)
{
	hang(&second, &first);
	return unused;
}

int main(void)
{
	pthread_t thread;

	pthread_barrier_init(&both_have_one, NULL, 2);
	pthread_create(&thread, NULL, run, NULL);
	hang(&first, &second);
	return 0;
}
