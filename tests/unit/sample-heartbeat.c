/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program whose function is to be watched: thread by thread calls sample_beat() each 5 ms, until
 * SIGUSR1 comes, and again after the next one. A thread lasts for a second, and its successor is
 * made before it ends. Exits with 1 if a thread cannot be made.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define BEATS 200
#define BEAT_US 5000

static volatile sig_atomic_t is_quiet;

__attribute__((noinline)) static void sample_beat(void)
{
	__asm__ volatile("");
}

static void change(int signal)
{
	(void)signal;
	is_quiet = !is_quiet;
}

static void *beat(void *argument)
{
	for (unsigned i = 0; i < BEATS; i++) {
		if (!is_quiet)
			sample_beat();
		usleep(BEAT_US);
	}
	return argument;
}

static pthread_t start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, beat, NULL))
		exit(1);
	return thread;
}

int main(void)
{
	pthread_t thread, next;

	signal(SIGUSR1, change);
	thread = start();
	for (;;) {
		usleep(BEATS * BEAT_US / 2);
		next = start();
		pthread_join(thread, NULL);
		thread = next;
	}
}
