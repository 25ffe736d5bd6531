/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker counts under a lock, and so does its signal handler.
 *
 * sleeping: the signal, one of two that share a handler, comes while the worker sleeps, with
 * nothing held; pausing: while it waits for just that signal. computing: it comes at no call in
 * particular. Silent: the lock is recursive (recursive), only the main thread takes it outside of
 * the handler (elsewhere), the handler takes no lock, but jumps out of the sleep (jump). late:
 * before there was a handler the lock was taken with the signal let in; since then it is blocked.
 * In races the signal may come as soon as there is a handler.
 */
#include "../case.h"

#include <setjmp.h>
#include <signal.h>

static pthread_mutex_t stats_lock;
static unsigned n_counted, has_handler, is_ready, is_handled;
static sigjmp_buf before_sleep;

CASE_FN void count(void)
{
	pthread_mutex_lock(&stats_lock);
	n_counted++;
	pthread_mutex_unlock(&stats_lock);
}

static void count_signal(int signal)
{
	(void)signal;
	if (case_is("jump"))
		siglongjmp(before_sleep, 1);
	count();
	case_flag_raise(&is_handled);
}

CASE_FN void count_blocked(void)
{
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	count();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

CASE_FN void handle_signals(void)
{
	signal(SIGUSR1, count_signal);
	signal(SIGUSR2, count_signal);
	case_flag_raise(&has_handler);
}

/* The signal comes in the call, and nowhere else. */
CASE_FN void pause_until_handled(void)
{
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	case_flag_raise(&is_ready);
	while (!case_flag_is_up(&is_handled))
		sigsuspend(&before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

CASE_FN void sleep_until_handled(void)
{
	if (case_is("jump") && sigsetjmp(before_sleep, 1))
		return;
	case_flag_raise(&is_ready);
	while (case_takes_turns() && !case_flag_is_up(&is_handled))
		if (!case_is("computing"))
			case_sleep_ms(1000);
}

/* Or its race. */
static bool is_mode(const char *mode)
{
	return strncmp(case_mode, mode, strlen(mode)) == 0;
}

static void send_when_it_sleeps(pthread_t thread)
{
	case_flag_await(&is_ready, 1);
	count();
	if (!case_is("computing"))
		case_sleep_ms(50); /* it sleeps by now, surely */
	pthread_kill(thread, SIGUSR1);
}

static void send_at_once(pthread_t thread)
{
	case_flag_await(&has_handler, 1);
	pthread_kill(thread, SIGUSR1);
	count();
}

static void *worker(void *arg)
{
	case_name("worker");
	if (is_mode("late"))
		count();
	handle_signals();
	if (is_mode("late"))
		count_blocked();
	else if (!is_mode("elsewhere") && !is_mode("computing"))
		count();
	if (case_is("pausing"))
		pause_until_handled();
	else
		sleep_until_handled();
	if (is_mode("computing") || is_mode("jump"))
		count();
	case_flag_await(&is_handled, is_mode("jump") ? 0 : 1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	case_begin(argc, argv);
	case_mutex_init(&stats_lock,
			case_is("recursive") ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
	thread = case_start(worker, NULL);
	if (case_takes_turns())
		send_when_it_sleeps(thread);
	else
		send_at_once(thread);
	case_join(thread);
	return n_counted ? 0 : 1;
}
