// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks that are first taken at every depth of stack, by a program that has a signal handler: each
 * stack is looked through for it, those as well that are too deep to be remembered.
 */
#include "host.h"

#include <signal.h>

#define DEPTH 160

static pthread_mutex_t mutexes[DEPTH];

static void handle(int number)
{
	(void)number;
}

__attribute__((noinline)) static void descend(int depth)
{
	pthread_mutex_lock(&mutexes[depth]);
	if (depth + 1 < DEPTH)
		descend(depth + 1);
	pthread_mutex_unlock(&mutexes[depth]);
}

int main(void)
{
	const struct sigaction action = {.sa_handler = handle};

	HOST_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	for (int i = 0; i < DEPTH; i++)
		HOST_CHECK(pthread_mutex_init(&mutexes[i], NULL) == 0);
	descend(0);
	return 0;
}
