/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is waited for that is no lock: semaphores, barriers, futexes, and calls. */
#include "program.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT_US_MAX 200

struct waited waited;

void waited_init(void)
{
	for (unsigned i = 0; i < N_WAITED; i++) {
		sem_init(&waited.semaphores[i], 0, 0);
		pthread_barrier_init(&waited.barriers[i], NULL, 1);
	}
}

/* Who takes has given before, so there is enough for all who wait. */
static void take_semaphore(struct actor *actor, sem_t *semaphore)
{
	struct timespec real = after(CLOCK_REALTIME, random_below(actor, WAIT_US_MAX));
	struct timespec monotonic = after(CLOCK_MONOTONIC, random_below(actor, WAIT_US_MAX));
	int r = 0;

	check(sem_post(semaphore) == 0, "a semaphore cannot be posted");
	switch (random_below(actor, 5)) {
	case 0:
		r = sem_trywait(semaphore);
		break;
	case 1:
		r = sem_timedwait(semaphore, &real);
		break;
	case 2:
		r = sem_clockwait(semaphore, CLOCK_MONOTONIC, &monotonic);
		break;
	default:
		r = sem_wait(semaphore);
	}
	check(r == 0 || errno == EAGAIN || errno == ETIMEDOUT, "a semaphore's wait went wrong");
}

/* Nobody else knows it. */
static void use_own_semaphore(struct actor *actor)
{
	sem_t semaphore;

	sem_init(&semaphore, 0, random_below(actor, 2));
	take_semaphore(actor, &semaphore);
	if (random_below(actor, 2))
		sem_destroy(&semaphore);
}

/* Of one thread alone: it arrives, and goes on at once. */
static void use_barrier(struct actor *actor)
{
	pthread_barrier_t own;

	if (random_below(actor, 2)) {
		pthread_barrier_wait(&waited.barriers[random_below(actor, N_WAITED)]);
		return;
	}
	pthread_barrier_init(&own, NULL, 1);
	pthread_barrier_wait(&own);
	pthread_barrier_destroy(&own);
}

static void use_futex(struct actor *actor)
{
	const struct timespec time = {.tv_nsec = (long)random_below(actor, WAIT_US_MAX) * 1000};
	uint32_t *word = &waited.words[random_below(actor, N_WAITED)];

	if (random_below(actor, 2))
		syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	else
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, random_below(actor, 2), &time, NULL,
			0);
}

static void call(struct actor *actor)
{
	struct timespec time = {0};
	struct timeval select_time = {0};

	switch (random_below(actor, 6)) {
	case 0:
		nanosleep(&time, NULL);
		break;
	case 1:
		clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
		break;
	case 2:
		usleep(1);
		break;
	case 3:
		poll(NULL, 0, (int)random_below(actor, 2));
		break;
	case 4:
		time.tv_nsec = 1000;
		ppoll(NULL, 0, &time, NULL);
		break;
	default:
		select(0, NULL, NULL, NULL, &select_time);
	}
}

void wait_for_other(struct actor *actor)
{
	switch (random_below(actor, 5)) {
	case 0:
		take_semaphore(actor, &waited.semaphores[random_below(actor, N_WAITED)]);
		break;
	case 1:
		use_own_semaphore(actor);
		break;
	case 2:
		use_barrier(actor);
		break;
	case 3:
		use_futex(actor);
		break;
	default:
		call(actor);
	}
}

void post(struct actor *actor)
{
	pthread_cond_t *condition = actor->n_held && random_below(actor, 2)
					? &actor->held[actor->n_held - 1].lock->cond
					: &shared[random_below(actor, N_SHARED)].cond;

	if (random_below(actor, 3) == 0)
		sem_post(&waited.semaphores[random_below(actor, N_WAITED)]);
	else if (random_below(actor, 2))
		pthread_cond_signal(condition);
	else
		pthread_cond_broadcast(condition);
}
