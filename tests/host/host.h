/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs that are run bare and under the shim share. Each of them prints what it
 * did, the same in every run.
 */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The status of a program that found itself disturbed. */
#define HOST_FAILED 99

#define HOST_MUTEX PTHREAD_MUTEX_INITIALIZER

static inline void host_check(bool holds, const char *what, int line)
{
	if (holds)
		return;
	dprintf(STDERR_FILENO, "line %d: %s failed\n", line, what);
	_exit(HOST_FAILED);
}

#define HOST_CHECK(expression) host_check(expression, #expression, __LINE__)

static inline void host_lock(pthread_mutex_t *mutex)
{
	HOST_CHECK(pthread_mutex_lock(mutex) == 0);
}

static inline void host_unlock(pthread_mutex_t *mutex)
{
	HOST_CHECK(pthread_mutex_unlock(mutex) == 0);
}

static inline void host_lock_both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	host_lock(outer);
	host_lock(inner);
	host_unlock(inner);
	host_unlock(outer);
}

static inline pthread_t host_start(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	HOST_CHECK(pthread_create(&thread, NULL, run, argument) == 0);
	return thread;
}

static inline void host_join(pthread_t thread)
{
	HOST_CHECK(pthread_join(thread, NULL) == 0);
}

static inline void host_wait(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		; /* a signal: wait on */
}

/* The exit status of a child. */
static inline int host_reap(pid_t child)
{
	int status;

	HOST_CHECK(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
