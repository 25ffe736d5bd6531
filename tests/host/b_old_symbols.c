// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Conditions as programs from before glibc 2.3.2 have them: another layout, whose first word is
 * a pointer to a condition of the new kind that the first call allocates. The old functions and
 * the new ones must not be mixed up.
 */
#include "host.h"

#include <errno.h>
#include <time.h>

int old_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int old_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *time);
int old_signal(pthread_cond_t *condition);
int old_broadcast(pthread_cond_t *condition);
int old_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int old_destroy(pthread_cond_t *condition);

__asm__(".symver old_wait, pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver old_timedwait, pthread_cond_timedwait@GLIBC_2.2.5");
__asm__(".symver old_signal, pthread_cond_signal@GLIBC_2.2.5");
__asm__(".symver old_broadcast, pthread_cond_broadcast@GLIBC_2.2.5");
__asm__(".symver old_init, pthread_cond_init@GLIBC_2.2.5");
__asm__(".symver old_destroy, pthread_cond_destroy@GLIBC_2.2.5");

#define ROUNDS 200
#define SLEEPERS 3

/* The old condition is smaller; what is behind it is watched. */
static union {
	pthread_cond_t condition;
	struct {
		void *pointer;
		unsigned char behind[sizeof(pthread_cond_t) - sizeof(void *)];
	} old;
} turn, all;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int turn_of, asleep, awake;

static void take_turns(int me)
{
	for (int i = 0; i < ROUNDS; i++) {
		host_lock(&mutex);
		while (turn_of != me)
			HOST_CHECK(old_wait(&turn.condition, &mutex) == 0);
		turn_of = !me;
		HOST_CHECK(old_signal(&turn.condition) == 0);
		host_unlock(&mutex);
	}
}

static void *other(void *argument)
{
	(void)argument;
	take_turns(1);
	return NULL;
}

static void *sleeper(void *argument)
{
	(void)argument;
	host_lock(&mutex);
	asleep++;
	while (!awake)
		HOST_CHECK(old_wait(&all.condition, &mutex) == 0);
	host_unlock(&mutex);
	return NULL;
}

static void wake_all(void)
{
	pthread_t threads[SLEEPERS];
	int n = 0;

	for (int i = 0; i < SLEEPERS; i++)
		threads[i] = host_start(sleeper, NULL);
	while (n < SLEEPERS) {
		host_lock(&mutex);
		n = asleep;
		host_unlock(&mutex);
	}
	host_lock(&mutex);
	awake = 1;
	HOST_CHECK(old_broadcast(&all.condition) == 0);
	host_unlock(&mutex);
	for (int i = 0; i < SLEEPERS; i++)
		host_join(threads[i]);
}

static void show_behind(void)
{
	unsigned set = 0;

	for (size_t i = 0; i < sizeof(turn.old.behind); i++)
		set += turn.old.behind[i] + all.old.behind[i];
	printf("allocated: %d, behind: %u\n", turn.old.pointer && all.old.pointer, set);
}

int main(void)
{
	struct timespec past = {.tv_sec = 1};
	pthread_t thread;
	int r;

	HOST_CHECK(old_init(&turn.condition, NULL) == 0);
	thread = host_start(other, NULL);
	take_turns(0);
	host_join(thread);
	puts("took turns");
	wake_all();
	puts("woke all");
	host_lock(&mutex);
	r = old_timedwait(&turn.condition, &mutex, &past);
	host_unlock(&mutex);
	printf("timed: %s\n", strerrorname_np(r));
	show_behind();
	HOST_CHECK(old_destroy(&turn.condition) == 0);
	HOST_CHECK(old_destroy(&all.condition) == 0);
	return 0;
}
