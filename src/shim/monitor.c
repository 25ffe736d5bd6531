/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts the monitor: `deadwatch monitor`, which reads the recording while it is written.
 *
 * It is nobody's child as far as the program can tell. A process in between, which shares
 * our memory and whose end sends no signal, makes it and ends at once; waits of the program
 * do not see such a child (waitpid(2), __WCLONE). What could make the program its parent after
 * all, or a filter of system calls, leaves us without a monitor: then we just record.
 */
#include "shim/monitor.h"

#include "shim/real.h"
#include "shim/sandbox.h"
#include "shim/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each of the two processes needs little more than a path. */
#define STACK_SIZE 32768

#define PATH_SIZE 4096
#define OPTIONS_SIZE 8192

/* Where close_range() is not known, this many descriptors are closed one by one. */
#define DESCRIPTORS_MAX 65536

bool shim_monitor_may_trace = true;

/* What the new processes are to do; they share our memory until the monitor is executed. */
struct start {
	char stacks[2][STACK_SIZE] __attribute__((aligned(16)));
	char named[PATH_SIZE], beside[PATH_SIZE], installed[PATH_SIZE]; /* the program */
	char options[OPTIONS_SIZE];                                     /* of its environment */
	char pid[16];
	pid_t monitor;
};

static bool append(char *text, size_t size, const char *more)
{
	size_t n = strlen(text), n_more = strlen(more);

	if (n + n_more >= size) {
		text[0] = '\0';
		return false;
	}
	memcpy(text + n, more, n_more + 1);
	return true;
}

static void write_number(char *text, unsigned number)
{
	char digits[16], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	memcpy(text, at, strlen(at) + 1);
}

/* The folder of the shim's own file, with the slash at its end; or nothing. */
static void own_folder(char *ret, size_t size)
{
	Dl_info info;
	char *end;

	ret[0] = '\0';
	if (!dladdr(&shim_monitor_may_trace, &info) || !info.dli_fname ||
	    !append(ret, size, info.dli_fname))
		return;
	end = strrchr(ret, '/');
	if (end)
		end[1] = '\0';
	else
		ret[0] = '\0';
}

static void fill(struct start *start)
{
	const char *named = getenv("DEADWATCH_PROGRAM");

	if (named)
		append(start->named, PATH_SIZE, named);
	own_folder(start->beside, PATH_SIZE);
	if (start->beside[0]) {
		append(start->installed, PATH_SIZE, start->beside);
		append(start->installed, PATH_SIZE, DW_PROGRAM_FROM_LIBRARY);
		append(start->beside, PATH_SIZE, "../cli/deadwatch");
	}
	append(start->options, OPTIONS_SIZE, "DEADWATCH_OPTIONS=");
	append(start->options, OPTIONS_SIZE, shim->settings.options);
	write_number(start->pid, (unsigned)getpid());
}

static void close_all(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (shim_real.syscall(SYS_close_range, 3, ~0U, 0, 0, 0, 0) == 0)
		return;
	for (int fd = 3; fd < DESCRIPTORS_MAX; fd++)
		close(fd);
}

/* No handler of the program's may run in here: its memory is still ours. */
static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number <= SIGRTMAX; number++)
		shim_real.sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int become_monitor(void *argument)
{
	struct start *start = argument;
	char *paths[] = {start->named, start->beside, start->installed};
	char *arguments[] = {"deadwatch", "monitor", (char *)shim_recording_path(), start->pid,
			     NULL};
	char *environment[] = {start->options, NULL};

	setsid();
	close_all();
	reset_signals();
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (paths[i][0])
			shim_real.execve(paths[i], arguments, environment);
	shim_real._exit(1);
	__builtin_unreachable();
}

/* Continues when the monitor has been executed, or has failed. */
static int make_monitor(void *argument)
{
	struct start *start = argument;

	start->monitor =
	    clone(become_monitor, start->stacks[1] + STACK_SIZE, CLONE_VM | CLONE_VFORK, start);
	shim_real._exit(0);
	__builtin_unreachable();
}

/*
 * Whether the first process, which would adopt the monitor, is a traced program, as in a container:
 * then it would meet a child that is not its own.
 */
static bool is_first_traced(void)
{
	static const char ours[] = "libdeadwatch.so";
	char text[4096];
	long file =
	    shim_real.syscall(SYS_openat, AT_FDCWD, (long)"/proc/1/maps", O_RDONLY, 0, 0, 0);
	size_t kept = 0;
	bool is = false;
	long n;

	while (file >= 0 && !is &&
	       (n = shim_real.syscall(SYS_read, file, (long)(text + kept), sizeof(text) - kept, 0,
				      0, 0)) > 0) {
		size_t there = kept + (size_t)n;

		is = memmem(text, there, ours, sizeof(ours) - 1) != NULL;
		kept = there < sizeof(ours) ? there : sizeof(ours) - 1;
		memmove(text, text + there - kept, kept);
	}
	if (file >= 0)
		shim_real.syscall(SYS_close, file, 0, 0, 0, 0, 0);
	return is;
}

/* Whether /proc tells of the processes among which we live, and not of those outside. */
static bool is_proc_ours(void)
{
	char ours[16] = "", text[16] = "";

	write_number(ours, (unsigned)getpid());
	return shim_real.syscall(SYS_readlink, (long)"/proc/self", (long)text, sizeof(text) - 1, 0,
				 0, 0) > 0 &&
	       strcmp(text, ours) == 0;
}

/* Who has changed its user or its root may not open what it began before; nor may its monitor. */
static bool can_open_recording(void)
{
	long file = shim_real.syscall(SYS_openat, AT_FDCWD, (long)shim_recording_path(),
				      O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0);

	if (file < 0)
		return false;
	shim_real.syscall(SYS_close, file, 0, 0, 0, 0, 0);
	return true;
}

/* Whether a child of our child would become ours when that has ended; or must not be asked. */
static bool may_start(void)
{
	int subreaper = 0;

	if (shim->writer.sealed || shim_sandbox_met || shim_tls.vforked ||
	    !shim_recording_path()[0])
		return false;
	shim_real.prctl(PR_GET_CHILD_SUBREAPER, (unsigned long)&subreaper, 0, 0, 0);
	return getpid() != 1 && !subreaper && is_proc_ours() && !is_first_traced() &&
	       can_open_recording();
}

static void start_monitor(struct start *start)
{
	sigset_t all, before;
	pid_t between;

	sigfillset(&all);
	if (shim_real.pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return;
	between = clone(make_monitor, start->stacks[0] + STACK_SIZE, CLONE_VM | CLONE_VFORK, start);
	if (between > 0)
		shim_real.syscall(SYS_wait4, between, 0, __WALL, 0, 0, 0);
	shim_real.pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (start->monitor <= 0)
		return;
	shim->writer.header->monitor = (uint32_t)start->monitor;
	/* Yama allows only ancestors otherwise; where there is no Yama, this fails. */
	if (shim_monitor_may_trace)
		shim_real.prctl(PR_SET_PTRACER, (unsigned long)start->monitor, 0, 0, 0);
}

void shim_monitor_start(void)
{
	struct start *start;
	int error = errno, cancelled;

	if (!shim->settings.monitor ||
	    __atomic_exchange_n(&shim->monitor_started, true, __ATOMIC_RELAXED) || !may_start())
		return;
	start = shim_pool_get(sizeof(*start));
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelled);
	if (start) {
		fill(start);
		start_monitor(start);
		shim_pool_put(start, sizeof(*start));
	}
	pthread_setcancelstate(cancelled, &cancelled);
	errno = error;
}
