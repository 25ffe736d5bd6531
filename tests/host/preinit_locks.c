/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock that is taken before any constructor, also the C library's own: it has not set its
 * `environ` yet, so nobody can have told the shim where the recording is to be.
 */
#include "host.h"

pthread_mutex_t early = HOST_MUTEX, first = HOST_MUTEX, second = HOST_MUTEX;

static int rounds;
static sem_t turn;

static void before_all(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	(void)envp;
	host_lock_both(&early, &first);
	rounds++;
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
									      char **) = before_all;

static void *run(void *argument)
{
	host_wait(&turn);
	host_lock_both(&second, &first);
	return argument;
}

int main(void)
{
	pthread_t thread;

	sem_init(&turn, 0, 0);
	thread = host_start(run, NULL);
	host_lock_both(&first, &second);
	sem_post(&turn);
	host_join(thread);
	printf("%d round before the constructors\n", rounds);
	return 0;
}
