/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon: two forks, a session of its own, every descriptor closed, another directory. What it
 * did is in a file; the first process waits for the pipe's end that the daemon keeps.
 */
#include "host.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define DESCRIPTORS 1024
#define KEPT 100 /* where the end of the pipe is, high enough to be forgotten by nobody */

pthread_mutex_t a = HOST_MUTEX, b = HOST_MUTEX, before = HOST_MUTEX;

static sem_t turn;
static char folder[PATH_MAX];

static void *run(void *argument)
{
	host_wait(&turn);
	host_lock_both(&b, &a);
	return argument;
}

static void close_all(void)
{
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (fd != KEPT)
			close(fd);
}

static void live_as_daemon(void)
{
	char text[64];
	pthread_t thread;
	int fd, n;

	close_all();
	umask(0);
	HOST_CHECK(chdir("/") == 0);
	sem_init(&turn, 0, 0);
	thread = host_start(run, NULL);
	host_lock_both(&a, &b);
	sem_post(&turn);
	host_join(thread);
	HOST_CHECK(chdir(folder) == 0);
	fd = open("daemon.txt", O_CREAT | O_WRONLY | O_EXCL, 0600);
	n = snprintf(text, sizeof(text), "descriptor %d, leader %d\n", fd, getsid(0) == getpid());
	HOST_CHECK(write(fd, text, (size_t)n) == n);
	_exit(0);
}

static void leave_daemon(void)
{
	HOST_CHECK(setsid() == getpid());
	host_lock_both(&before, &a);
	if (fork() == 0)
		live_as_daemon();
	_exit(4);
}

int main(void)
{
	int ends[2];
	pid_t child;
	char byte;

	HOST_CHECK(getcwd(folder, sizeof(folder)) != NULL);
	HOST_CHECK(pipe(ends) == 0);
	HOST_CHECK(dup2(ends[1], KEPT) == KEPT && close(ends[1]) == 0);
	host_lock_both(&before, &b);
	child = fork();
	if (child == 0)
		leave_daemon();
	close(KEPT);
	printf("child %d\n", host_reap(child));
	HOST_CHECK(read(ends[0], &byte, 1) == 0);
	printf("the daemon is gone\n");
	return 0;
}
