/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal handler that logs, under the logger's lock, in a thread that was logging.
 *
 * hang: the log goes to a pipe that nobody reads any more, so writing it, with the lock
 * held, raises SIGPIPE, and its handler logs. benign: the pipe that broke is the console's,
 * which is written with no lock held. race: whoever reads the log goes away, at any moment,
 * after the first line. fixed: the handler only counts. Trap: in mode "blocked" and in its
 * race the handler logs, but the signal is blocked while the lock is held.
 */
#include "../case.h"

#include <signal.h>

#define N_RACE_LINES 3

static pthread_mutex_t logger_mutex = PTHREAD_MUTEX_INITIALIZER;
static int log_pipe[2], console_pipe[2];
static unsigned n_sigpipes, is_logging;

CASE_FN void write_line(int fd)
{
	if (write(fd, "line\n", 5) < 0)
		return; /* the signal has told about it */
}

CASE_FN void log_under_lock(void)
{
	pthread_mutex_lock(&logger_mutex);
	case_flag_raise(&is_logging);
	write_line(log_pipe[1]);
	pthread_mutex_unlock(&logger_mutex);
}

CASE_FN void log_with_signal_blocked(void)
{
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	log_under_lock();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

CASE_FN void Logger_log(void)
{
	if (strstr(case_mode, "blocked"))
		log_with_signal_blocked();
	else
		log_under_lock();
}

CASE_FN void log_sigpipe(void)
{
	Logger_log();
}

static void sigpipe_handler(int signal)
{
	(void)signal;
	case_flag_raise(&n_sigpipes);
	/* In a race that line raises the next one. */
	if (!case_is("fixed") && n_sigpipes == 1)
		log_sigpipe();
}

CASE_FN void Serial_write(void)
{
	write_line(console_pipe[1]);
}

static void *vcpu_thread(void *arg)
{
	case_name("fc_vcpu 0");
	for (unsigned i = 0; i < (strstr(case_mode, "race") ? N_RACE_LINES : 1); i++)
		Logger_log();
	Serial_write();
	return arg;
}

static void begin_pipes(void)
{
	struct sigaction action = {.sa_handler = sigpipe_handler};

	sigaction(SIGPIPE, &action, NULL);
	CASE_CHECK(pipe(log_pipe) == 0 && pipe(console_pipe) == 0);
	close(case_hangs() ? log_pipe[0] : console_pipe[0]);
}

CASE_FN void read_first_line(void)
{
	char line[5];

	CASE_CHECK(read(log_pipe[0], line, sizeof(line)) == sizeof(line));
	close(log_pipe[0]);
}

int main(int argc, char **argv)
{
	pthread_t vcpu;

	case_begin(argc, argv);
	begin_pipes();
	vcpu = case_start(vcpu_thread, NULL);
	case_flag_await(&is_logging, 1);
	if (strstr(case_mode, "race"))
		read_first_line();
	else
		Logger_log();
	case_join(vcpu);
	return n_sigpipes ? 0 : 1;
}
