/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thousand waits for semaphores, of which some are posted by signal handlers, tell no more than
 * the first. A semaphore, a condition and a barrier that come to lie where others have been are
 * others.
 */
#include "host.h"

#include <signal.h>

#define ROUNDS 1000
#define LIVES 10

pthread_mutex_t around = HOST_MUTEX;

static sem_t there, back, handled;

static void post(int number)
{
	(void)number;
	sem_post(&handled);
}

static void *answer(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		host_wait(&there);
		HOST_CHECK(sem_post(&back) == 0);
	}
	return argument;
}

static void ask(pthread_t other, int i)
{
	HOST_CHECK(sem_post(&there) == 0);
	host_wait(&back);
	if (i % 10)
		return;
	HOST_CHECK(pthread_kill(i % 20 && i < ROUNDS - 20 ? other : pthread_self(), SIGUSR1) == 0);
	host_wait(&handled);
}

/* On the stack, where the next one finds the place of the last. */
static void live_once(void)
{
	pthread_barrier_t barrier;
	pthread_cond_t condition;
	sem_t sem;

	HOST_CHECK(pthread_barrier_init(&barrier, NULL, 1) == 0);
	HOST_CHECK(pthread_cond_init(&condition, NULL) == 0);
	HOST_CHECK(sem_init(&sem, 0, 1) == 0);
	HOST_CHECK(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
	HOST_CHECK(pthread_cond_signal(&condition) == 0);
	host_wait(&sem);
	HOST_CHECK(sem_destroy(&sem) == 0);
	HOST_CHECK(pthread_cond_destroy(&condition) == 0);
	HOST_CHECK(pthread_barrier_destroy(&barrier) == 0);
}

int main(void)
{
	struct sigaction action = {.sa_handler = post, .sa_flags = SA_RESTART};
	pthread_t other;

	HOST_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	sem_init(&there, 0, 0);
	sem_init(&back, 0, 0);
	sem_init(&handled, 0, 0);
	other = host_start(answer, NULL);
	host_lock(&around);
	for (int i = 0; i < ROUNDS; i++)
		ask(other, i);
	for (int i = 0; i < LIVES; i++)
		live_once();
	host_unlock(&around);
	host_join(other);
	puts("all answered");
	return 0;
}
