/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A timer interrupts a thread wherever it is, also within the shim, while nearly every pair of
 * locks that it takes is a new one. The handler has locks of its own.
 */
#include "host.h"

#include <signal.h>
#include <time.h>

#define LOCKS 512       /* pairs of them are some 130,000 chains: news for longer than it takes */
#define SIGNALS 4000    /* until then it goes on */
#define PERIOD_NS 50000 /* some 20,000 signals a second */

#define SIGEV_TID sigev_notify_thread_id
#ifndef sigev_notify_thread_id
#undef SIGEV_TID
#define SIGEV_TID _sigev_un._tid
#endif

pthread_mutex_t in_handler = HOST_MUTEX, in_handler_too = HOST_MUTEX;
pthread_mutex_t locks[LOCKS];

static volatile sig_atomic_t signals, within;
static long taken[LOCKS];

static void handle(int number)
{
	(void)number;
	HOST_CHECK(!within);
	within = true;
	host_lock_both(&in_handler, &in_handler_too);
	signals = signals + 1;
	within = false;
}

static void take(int outer, int inner)
{
	host_lock(&locks[outer]);
	host_lock(&locks[inner]);
	taken[inner]++;
	host_unlock(&locks[inner]);
	host_unlock(&locks[outer]);
}

static void *run(void *argument)
{
	struct itimerspec period = {.it_interval = {.tv_nsec = PERIOD_NS},
				    .it_value = {.tv_nsec = PERIOD_NS}};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
	long sum = 0, pairs = 0;
	timer_t timer;

	(void)argument;
	event.SIGEV_TID = gettid();
	HOST_CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	HOST_CHECK(timer_settime(timer, 0, &period, NULL) == 0);
	while (signals < SIGNALS)
		for (int inner = 1; inner < LOCKS && signals < SIGNALS; inner++)
			for (int outer = 0; outer < inner && signals < SIGNALS; outer++, pairs++)
				take(outer, inner);
	HOST_CHECK(timer_delete(timer) == 0);

	for (int i = 0; i < LOCKS; i++)
		sum += taken[i];
	HOST_CHECK(sum == pairs);
	return NULL;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};

	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&locks[i], NULL);
	HOST_CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	host_join(host_start(run, NULL));
	for (int i = 0; i < LOCKS; i++)
		HOST_CHECK(pthread_mutex_trylock(&locks[i]) == 0);
	printf("every lock was let go; %d signals\n", SIGNALS);
	return 0;
}
