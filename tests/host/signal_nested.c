// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A signal handler that takes locks of its own, so often that it comes between any two
 * instructions of a lock call sooner or later, and twice in one call as well.
 */
#include "host.h"

#include <signal.h>
#include <sys/time.h>

#define HANDLERS 50000
#define PERIOD_US 20

static pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX;
static pthread_mutex_t of_handler = HOST_MUTEX, in_handler = HOST_MUTEX;
static volatile sig_atomic_t handled;

static void handle(int number)
{
	(void)number;
	pthread_mutex_lock(&of_handler);
	pthread_mutex_lock(&in_handler);
	pthread_mutex_unlock(&in_handler);
	pthread_mutex_unlock(&of_handler);
	handled++;
}

static void set_period(long us)
{
	const struct itimerval period = {{0, us}, {0, us}};

	HOST_CHECK(setitimer(ITIMER_REAL, &period, NULL) == 0);
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};

	HOST_CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	set_period(PERIOD_US);
	while (handled < HANDLERS) {
		pthread_mutex_lock(&outer);
		pthread_mutex_lock(&inner);
		pthread_mutex_unlock(&inner);
		pthread_mutex_unlock(&outer);
	}
	set_period(0);
	return 0;
}
