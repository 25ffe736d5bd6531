/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program to try the command line on. Its argument says what it does:
 *
 *   inversion   two threads, one after the other, take two locks in opposite orders, while
 *               both are alive; so it does not hang, but it could
 *   order       the same two threads in the same order
 *   alone       one thread, one lock
 *   nothing     no lock, no thread
 *   exit        ends with status 7
 *   wait        says "ready" and waits to be killed
 *   leave       the same two threads in the same order, and _exit()
 *   become      the same, and executes `true`
 *   leave-alone, become-alone   the same of one thread, which takes one lock
 *   stumble     one lock, a child by vfork() that leaves, and a program that is not there; then
 *               says "ready" and waits to be killed
 *   obey        the same, says "ready" and waits for a line, then ends
 *   crash       the same, then dies of SIGSEGV
 *   linger      takes a lock, and again whenever a signal wakes it, until it is killed
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;

/* Whose turn it is. Not a lock or a condition: those would excuse the inversion. */
static volatile int turn;

static void wait_for_turn(int mine)
{
	while (turn != mine)
		usleep(1000);
}

static void take_both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	pthread_mutex_lock(inner);
	pthread_mutex_unlock(inner);
	pthread_mutex_unlock(outer);
}

static void *forwards(void *unused)
{
	(void)unused;
	wait_for_turn(0);
	take_both(&first, &second);
	turn = 1;
	wait_for_turn(2);
	return NULL;
}

static void *second_thread(void *inverted)
{
	wait_for_turn(1);
	if (inverted)
		take_both(&second, &first);
	else
		take_both(&first, &second);
	turn = 2;
	return NULL;
}

static int run_threads(void *inverted)
{
	pthread_t a, b;

	if (pthread_create(&a, NULL, forwards, NULL) != 0 ||
	    pthread_create(&b, NULL, second_thread, inverted) != 0)
		return 1;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	puts("done");
	return 0;
}

static void ignore(int number)
{
	(void)number;
}

/* A signal that comes before it waits for one is kept until then. */
static void linger(void)
{
	sigset_t before, blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGUSR1, ignore);
	for (;;) {
		take_both(&first, &second);
		printf("%d\n", (int)getpid());
		fflush(stdout);
		sigsuspend(&before);
	}
}

static void take_one(void)
{
	pthread_mutex_lock(&first);
	pthread_mutex_unlock(&first);
}

static int end_alone(const char *what)
{
	static char *const arguments[] = {"true", NULL};

	take_one();
	if (!strcmp(what, "leave-alone"))
		_exit(0);
	if (!strcmp(what, "become-alone"))
		execvp("true", arguments);
	if (vfork() == 0)
		_exit(0);
	execl("/no/such/program", "program", "argument", NULL);
	puts("ready");
	fflush(stdout);
	pause();
	return 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "nothing";

	if (!strcmp(what, "inversion"))
		return run_threads(&first);
	if (!strcmp(what, "order"))
		return run_threads(NULL);
	if (strstr(what, "-alone") || !strcmp(what, "stumble"))
		return end_alone(what);
	if (!strcmp(what, "alone")) {
		take_one();
	} else if (!strcmp(what, "wait")) {
		puts("ready");
		fflush(stdout);
		pause();
	}
	if (!strcmp(what, "leave") || !strcmp(what, "become") || !strcmp(what, "obey") ||
	    !strcmp(what, "crash")) {
		run_threads(NULL);
		puts("ready");
		fflush(stdout);
	}
	if (!strcmp(what, "leave"))
		_exit(0);
	if (!strcmp(what, "become"))
		execlp("true", "true", NULL);
	if (!strcmp(what, "crash"))
		raise(SIGSEGV);
	if (!strcmp(what, "obey"))
		getchar();
	if (!strcmp(what, "linger"))
		linger();
	return !strcmp(what, "exit") ? 7 : 0;
}
