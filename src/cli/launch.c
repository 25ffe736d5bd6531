/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/launch.h"

#include "base/error.h"
#include "cli/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t child;

static volatile sig_atomic_t late;

/* Between asking a program that runs too long to end, and killing it. */
#define PATIENCE_S 2

static void end_it(int number)
{
	int error = errno;

	(void)number;
	if (child > 0)
		kill(child, late ? SIGKILL : SIGTERM);
	late = 1;
	alarm(PATIENCE_S);
	errno = error;
}

static void hand_on(int number)
{
	int error = errno;

	if (child > 0)
		kill(child, number);
	errno = error;
}

/* How signals are treated while the program runs. */
static const struct {
	int number;
	void (*handler)(int);
} treatments[] = {
    {SIGINT, SIG_IGN}, {SIGQUIT, SIG_IGN}, {SIGTERM, hand_on},
    {SIGHUP, hand_on}, {SIGCHLD, SIG_DFL}, /* ignored, it would take the wait status away */
    {SIGALRM, end_it},
};
#define N_TREATMENTS (sizeof(treatments) / sizeof(treatments[0]))

/* The dispositions and the mask as we were started with them. */
struct signals {
	struct sigaction before[N_TREATMENTS];
	sigset_t mask;
};

/* Signals stay blocked until there is somebody to hand them to. */
static void change_signals(struct signals *ret)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < N_TREATMENTS; i++)
		sigaddset(&blocked, treatments[i].number);
	sigprocmask(SIG_BLOCK, &blocked, &ret->mask);
	for (size_t i = 0; i < N_TREATMENTS; i++) {
		struct sigaction action = {
		    .sa_handler = treatments[i].handler,
		    .sa_flags = SA_RESTART,
		};

		sigaction(treatments[i].number, NULL, &ret->before[i]);
		/* Under nohup, what does not reach us must not reach the program either. */
		if (action.sa_handler != hand_on || ret->before[i].sa_handler != SIG_IGN)
			sigaction(treatments[i].number, &action, NULL);
	}
}

static void restore_signals(const struct signals *signals)
{
	for (size_t i = 0; i < N_TREATMENTS; i++)
		sigaction(treatments[i].number, &signals->before[i], NULL);
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

/* In the child. If exec fails, its errno goes through @report, which a successful one closes. */
static void become_program(const struct dw_launch *launch, const struct signals *signals,
			   int report)
{
	int error;

	restore_signals(signals);
	if (dw_environment_set(launch->library, launch->record_path, launch->events, launch->calls,
			       launch->more) == 0)
		execvp(launch->argv[0], launch->argv);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(1);
	_exit(0);
}

/* Return: 0 if the program runs, or the positive errno that exec failed with. */
static int read_exec_error(int report)
{
	ssize_t n;
	int error = 0;

	do
		n = read(report, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(report);
	return n == sizeof(error) ? error : 0;
}

static int start(const struct dw_launch *launch, const struct signals *signals, pid_t *ret_pid)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return dw_raise(-errno);
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return dw_raise(-EAGAIN);
	}
	if (pid == 0) {
		close(ends[0]);
		become_program(launch, signals, ends[1]);
	}
	close(ends[1]);
	child = pid;
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
	*ret_pid = pid;
	return read_exec_error(ends[0]);
}

int dw_launch(const struct dw_launch *launch, int *ret_status)
{
	struct signals signals;
	pid_t pid = 0;
	int status = 0, r;

	fflush(NULL);
	change_signals(&signals);
	late = 0;
	r = start(launch, &signals, &pid);
	alarm(launch->limit_s);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	child = 0;
	alarm(0);
	restore_signals(&signals);
	if (r == 0)
		*ret_status = status;
	return r < 0 ? dw_pass(r) : r;
}
