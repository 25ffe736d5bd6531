/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"
#include "base/resource.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/guard.h"
#include "cli/journal.h"
#include "cli/listen.h"
#include "inspect/task.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a parent may take to learn of its child's end, and how often we look. */
#define REAPED_MAX_MS 3000
#define REAPED_CHECK_MS 10

enum { OPTION_HEARTBEAT = 256 };

const struct dw_option monitor_options[] = {
    {"heartbeat", OPTION_HEARTBEAT, "FUNCTION=TIME",
     "say when the function has not run for so long"},
    {.name = NULL},
};

struct monitor {
	struct dw_writer writer;
	struct dw_guard *guard;
	struct dw_listener *listener; /* NULL: there is nothing to listen to */
	uint64_t program;             /* changes when the process executes another one */
	uint64_t stall_ns;
	pid_t pid;
	int pidfd;
	bool was_stopped;                  /* at the latest look */
	bool halts[DW_ALARM_DEADLOCK + 1]; /* by dw_alarm_answer: whether to end the process */
};

/* Whatever the thread was that we were started by, we are nobody special. */
static void be_ordinary(void)
{
	struct sched_param none = {0};
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setscheduler(0, SCHED_OTHER, &none);
	sched_setaffinity(0, sizeof(all), &all);
	setpriority(PRIO_PROCESS, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (chdir("/") < 0)
		return; /* then the folder we are in cannot be unmounted while we run */
}

/* What the kernel told the program when it was executed: where it put things, and random bytes. */
static uint64_t program_of(pid_t pid)
{
	char path[64], data[1024];
	uint64_t hash = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, data, sizeof(data));
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		hash = hash * 31 + (unsigned char)data[i];
	return n > 0 ? hash | 1 : 0;
}

static uint32_t flags_of(const struct monitor *m)
{
	return __atomic_load_n(&m->writer.header->flags, __ATOMIC_RELAXED);
}

static bool is_over(struct monitor *m)
{
	uint64_t program = program_of(m->pid);

	if (program && m->program && program != m->program)
		return true;
	m->program = program ? program : m->program;
	return flags_of(m) & DW_REC_ENDED;
}

/* Return: whether the process has ended. */
static bool await(const struct monitor *m)
{
	struct pollfd end = {.fd = m->pidfd, .events = POLLIN};

	return poll(&end, 1, DW_GUARD_PERIOD_MS) > 0;
}

/* Waits that the process is stopped in do not count as long ones. */
static void see_stops(struct monitor *m)
{
	bool is_stopped = dw_task_state(m->pid, m->pid) == 'T';

	if (is_stopped && !m->was_stopped)
		__atomic_fetch_add(&m->writer.header->n_stops, 1, __ATOMIC_RELAXED);
	m->was_stopped = is_stopped;
}

static void look(struct monitor *m)
{
	int r = dw_guard_look(m->guard, dw_writer_now_ns(), /* closely= */ true);

	if (r > 0 && m->halts[r])
		syscall(SYS_pidfd_send_signal, m->pidfd, SIGABRT, NULL, 0);
}

/* Asks a pidfd how its process ended: of linux/pidfd.h, which older headers do not have. */
struct process_info {
	uint64_t mask; /* what is wanted, and what there is */
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t status; /* as waitpid() has it */
};
#define GET_INFO _IOWR(0xff, 11, struct process_info)
#define INFO_STATUS 8

/*
 * Whether the process, which has ended, did so by itself. Kernels from 6.15 on say it, once its
 * parent knows; where nobody does, it counts as killed.
 */
static bool has_exited(const struct monitor *m)
{
	const struct timespec some_time = {.tv_nsec = REAPED_CHECK_MS * 1000000};

	for (int i = 0; i < REAPED_MAX_MS / REAPED_CHECK_MS; i++) {
		struct process_info info = {.mask = INFO_STATUS};

		if (ioctl(m->pidfd, GET_INFO, &info) == 0 && (info.mask & INFO_STATUS))
			return WIFEXITED(info.status);
		nanosleep(&some_time, NULL);
	}
	return false;
}

/* What those who read the recording cannot know. */
static void say_end(struct monitor *m, bool has_left)
{
	unsigned flags = DW_REC_WATCHED | (has_left ? DW_REC_LEFT : 0);

	__atomic_fetch_or(&m->writer.header->flags, flags, __ATOMIC_RELAXED);
}

static void watch(struct monitor *m)
{
	m->program = program_of(m->pid);
	while (!await(m)) {
		if (is_over(m)) {
			say_end(m, /* has_left= */ true);
			return;
		}
		see_stops(m);
		look(m);
		if (m->listener)
			dw_listener_look(m->listener, dw_writer_now_ns());
	}
	/* A process that was killed may have been stuck. */
	if (!is_over(m))
		dw_guard_look_back(m->guard, dw_writer_now_ns());
	say_end(m, is_over(m) || flags_of(m) & DW_REC_LEFT || has_exited(m));
}

static int fail(const char *what, const char *name, const char *why)
{
	fprintf(stderr, "deadwatch: cannot %s '%s': %s\n", what, name, why);
	return DW_EXIT_FAILED;
}

/* @r: what opening it came to. */
static const char *reason(int r)
{
	return r == -EINVAL ? "it is no recording, or none that is being written: 'deadwatch "
			      "report' reads those that are whole"
			    : strerror(-r);
}

/* The log's absolute path, for the working directory will be another, or DW_JOURNAL; NULL: there is
 * to be none. */
static char *log_path(void)
{
	char path[PATH_MAX], folder[PATH_MAX], *text = NULL;

	if (!dw_environment_option("log_path", path, sizeof(path)) || !path[0])
		return NULL;
	if (path[0] == '/' || !strcmp(path, DW_JOURNAL))
		return strdup(path);
	if (!getcwd(folder, sizeof(folder)) || asprintf(&text, "%s/%s", folder, path) < 0)
		return NULL;
	return text;
}

static int new_listener(struct dw_listener **ret, const struct dw_alarm_options *options)
{
	char wishes[DW_HEARTBEAT_SIZE];
	int r;

	if (!dw_environment_option("heartbeat", wishes, sizeof(wishes)))
		return 0;
	r = dw_listener_new(ret, options, wishes, UINT64_C(1000000) * DW_GUARD_PERIOD_MS);
	return r < 0 ? dw_pass(r) : 0;
}

static int monitor(struct monitor *m, int fd)
{
	dw_auto_text log = log_path();
	dw_auto(guard) guard = NULL;
	dw_auto(listener) listener = NULL;
	char path[64];
	struct dw_alarm_options options = {
	    .writer = &m->writer,
	    .path = path,
	    .pid = m->pid,
	    .pidfd = m->pidfd,
	    .log_path = log,
	    .stall_ns = m->stall_ns,
	    .verbosity = (unsigned)dw_environment_number("verbosity", 1),
	};
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	m->halts[DW_ALARM_DEADLOCK] = dw_environment_number("halt_on_deadlock", 0) == 1;
	m->halts[DW_ALARM_STALL] = dw_environment_number("halt_on_stall", 0) == 1;
	be_ordinary();
	r = dw_guard_new(&guard, &options);
	if (r == 0)
		r = new_listener(&listener, &options);
	if (r < 0)
		return DW_EXIT_FAILED;
	m->guard = guard;
	m->listener = listener;
	watch(m);
	return DW_EXIT_CLEAN;
}

static int open_and_monitor(const char *recording, pid_t pid, const char *number)
{
	dw_auto_fd fd = open(recording, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	struct monitor m = {
	    .pid = pid,
	    .stall_ns = dw_environment_number("stall_ms", DW_GUARD_STALL_MS) * 1000000,
	};
	int r = fd < 0 ? -errno : dw_writer_open(&m.writer, fd);

	if (r < 0)
		return fail("open the recording", recording, reason(r));
	m.pidfd = (int)syscall(SYS_pidfd_open, m.pid, 0);
	/* It was over before we came: there is nothing to be watched. */
	if (m.pidfd < 0 && errno == ESRCH && flags_of(&m) & (DW_REC_ENDED | DW_REC_LEFT))
		say_end(&m, /* has_left= */ false);
	if (m.pidfd < 0)
		r = fail("watch process", number, strerror(errno));
	else if (m.writer.header->pid != (uint32_t)m.pid)
		r = fail("watch process", number, "the recording is another one's");
	else
		r = monitor(&m, fd);
	dw_close_fd(&m.pidfd);
	dw_writer_abandon(&m.writer);
	return r;
}

int cmd_monitor(const struct dw_command *self, int argc, char **argv)
{
	int id, status;
	pid_t pid;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		status = dw_environment_take_heartbeat(self, optarg);
		if (status != 0)
			return status;
	}
	if (id == DW_OPTION_STOP)
		return status;
	if (argc - optind != 2)
		return dw_usage(self, "a recording and the number of its process are wanted");
	if (!dw_word_is_pid(argv[optind + 1], &pid))
		return dw_usage(self, "'%s' is no number of a process", argv[optind + 1]);
	if (dw_environment_check() != 0)
		return DW_EXIT_USAGE;
	return open_and_monitor(argv[optind], pid, argv[optind + 1]);
}
