// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that makes processes, when it is told to by a line of its input, and awaits them:
 *
 *     family fork                  one that is stuck: two threads with two locks
 *     family leave                 the same, and it ends at once itself
 *     family spawn|exec PROGRAM... one that runs PROGRAM, or that runs it in its own place
 *     family often N               N after the other, which end at once
 *     family brief N               N that take both locks and end, all before it says so
 *     family abort                 none: it takes a lock, and is ended by a signal
 */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pthread_mutex_t locks[] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t both;

static void *take_both(void *first)
{
	pthread_mutex_t *own = first, *other = own == &locks[0] ? &locks[1] : &locks[0];

	pthread_mutex_lock(own);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(other);
	return NULL;
}

static pid_t fork_stuck(void)
{
	pid_t child = fork();
	pthread_t threads[2];

	if (child)
		return child;
	pthread_barrier_init(&both, NULL, 2);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, take_both, &locks[i]);
	pthread_join(threads[0], NULL);
	exit(0);
}

static pid_t spawn(char **command)
{
	pid_t child;

	if (posix_spawn(&child, command[0], NULL, NULL, command, environ) != 0)
		exit(1);
	return child;
}

static pid_t fork_often(int n)
{
	for (int i = 1; i < n; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	return fork_stuck();
}

static pid_t fork_brief(int n)
{
	pid_t child = 0;

	for (int i = 0; i < n; i++) {
		child = fork();
		if (child == 0) {
			pthread_mutex_lock(&locks[1]);
			pthread_mutex_lock(&locks[0]);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	return child;
}

static void take_and_abort(void)
{
	pthread_mutex_lock(&locks[0]);
	pthread_mutex_unlock(&locks[0]);
	abort();
}

int main(int argc, char **argv)
{
	char line[16];
	pid_t child;

	if (argc < 2)
		return 1;
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	if (strcmp(argv[1], "exec") == 0)
		return execv(argv[2], argv + 2);
	if (strcmp(argv[1], "abort") == 0)
		take_and_abort();
	child = strcmp(argv[1], "spawn") == 0   ? spawn(argv + 2)
		: strcmp(argv[1], "brief") == 0 ? fork_brief(atoi(argv[2]))
		: strcmp(argv[1], "often") == 0 ? fork_often(atoi(argv[2]))
						: fork_stuck();
	printf("%d\n", child);
	fflush(stdout);
	if (strcmp(argv[1], "leave") != 0)
		waitpid(child, NULL, 0);
	return 0;
}
