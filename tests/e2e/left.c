/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for `never`, holding `held`, until a signal comes whose handler jumps out of the wait;
 * with `stay` it comes back instead. Then it waits for something else, for a moment, and works for
 * ever. It prints an empty line when the signal has come; behind a jump, when it works.
 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static sem_t never, later;
static sigjmp_buf before;
static volatile int stays;

static void say(void)
{
	if (write(STDOUT_FILENO, "\n", 1) != 1)
		_exit(1);
}

static void handle(int number)
{
	(void)number;
	if (!stays)
		siglongjmp(before, 1);
	say();
}

static void wait_for_ever(void)
{
	while (sem_wait(&never) != 0)
		;
}

int main(int argc, char **argv)
{
	static volatile unsigned long work;
	struct timespec end;

	stays = argc > 1 && strcmp(argv[1], "stay") == 0;
	signal(SIGALRM, handle);
	pthread_mutex_lock(&held);
	if (sigsetjmp(before, 1) == 0) {
		ualarm(100000, 0);
		wait_for_ever();
	}
	clock_gettime(CLOCK_REALTIME, &end);
	sem_timedwait(&later, &end);
	say();
	for (;;)
		work++;
}
