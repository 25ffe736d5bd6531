/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attend_parts.h"

#include "cli/attachable.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/guard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Recordings of one process, of the programs that it ran one after the other. */
#define PROGRAMS_MAX 1000

bool dw_attend_has_ended(const struct dw_attended *process)
{
	struct pollfd end = {.fd = process->pidfd, .events = POLLIN};

	return process->pidfd < 0 || poll(&end, 1, 0) > 0;
}

/* Whatever has gone wrong, that the process is not there any more explains it. */
static int refuse(const struct dw_attending *a, const struct dw_attended *process, int error)
{
	if (dw_attend_has_ended(process))
		return dw_attachable_refuse(process->pid, "it has ended meanwhile");
	if (error == -ENOSPC || error == -EDQUOT) {
		fprintf(stderr, "deadwatch: cannot record to '%s': %s\n", process->path,
			strerror(-error));
		return DW_EXIT_FAILED;
	}
	if (error == -ENXIO && a->options->collects.only)
		return dw_attachable_refuse_lacking(process->pid, a->collector);
	return dw_attachable_refuse_file(process->pid, dw_collector_culprit(a->collector), error);
}

static void name_recording(const struct dw_attending *a, struct dw_attended *process)
{
	int n = snprintf(process->path, sizeof(process->path), "%s", a->options->path);

	if (process == a->processes)
		return;
	n += snprintf(process->path + n, sizeof(process->path) - (size_t)n, ".%d", process->pid);
	for (unsigned i = 2; i < PROGRAMS_MAX && access(process->path, F_OK) == 0; i++)
		snprintf(process->path + n, sizeof(process->path) - (size_t)n, ".%u", i);
}

static int watch_over(struct dw_attending *a, struct dw_attended *process)
{
	struct dw_alarm_options options = {
	    .path = process->path,
	    .symbols = dw_collector_symbols(a->collector),
	    .pid = process->pid,
	    .pidfd = a->own,
	    .writer = dw_collector_writer(a->collector, process->index),
	    .stall_ns = dw_environment_number("stall_ms", DW_GUARD_STALL_MS) * 1000000,
	    .verbosity = (unsigned)dw_environment_number("verbosity", 1),
	};

	return dw_guard_new(&process->guard, &options);
}

/* Return: 0, or a negative errno: nothing more is expected of it. */
static int begin(struct dw_attending *a, pid_t pid)
{
	struct dw_attended *process = &a->processes[a->n_processes++];
	int r;

	process->pid = pid;
	process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	name_recording(a, process);
	r = process->pidfd < 0 ? -errno : dw_collector_add(a->collector, pid, process->path);
	if (r >= 0) {
		process->index = (uint32_t)r;
		r = watch_over(a, process);
	}
	process->ended = r < 0;
	return r;
}

int dw_attend_begin(struct dw_attending *a, pid_t pid)
{
	int r = dw_attachable_check(pid);

	if (r != 0)
		return r;
	r = begin(a, pid);
	return r < 0 ? refuse(a, &a->processes[a->n_processes - 1], r) : 0;
}

/* What was made is not attended to: the first recording says that there was more. */
static void miss(struct dw_attending *a)
{
	dw_writer_lost(dw_collector_writer(a->collector, 0), DW_LOSS_PROCESSES);
}

void dw_attend_miss(struct dw_attending *a, pid_t pid)
{
	if (a->n_unseen++ == 0) {
		a->unseen = pid;
		dw_task_name(pid, pid, a->unseen_name);
	}
	dw_collector_forget(a->collector, pid);
	miss(a);
}

/* The latest one was begun in vain: nothing is in its recording. */
static void drop(struct dw_attending *a)
{
	struct dw_attended *process = &a->processes[--a->n_processes];

	process->guard = dw_guard_free(process->guard);
	unlink(process->path);
	if (process->pidfd >= 0)
		close(process->pidfd);
}

static void refuse_more(struct dw_attending *a)
{
	if (!a->is_full)
		fprintf(
		    stderr,
		    "deadwatch: %d processes are attached to, and those that they make from now "
		    "on are not\n",
		    DW_COLLECTOR_MAX);
	a->is_full = true;
	miss(a);
}

void dw_attend_begin_made(struct dw_attending *a, pid_t pid)
{
	struct dw_attended *process = &a->processes[a->n_processes];
	int r;

	if (a->n_processes == DW_COLLECTOR_MAX) {
		refuse_more(a);
		return;
	}
	r = begin(a, pid);
	/* What is about to end has no memory any more. */
	if (r == -ESRCH || dw_attend_has_ended(process)) {
		dw_attend_miss(a, pid);
		drop(a);
	} else if (r == 0) {
		dw_attend_say_attached(a, process);
	} else {
		refuse(a, process, r);
		miss(a);
		drop(a);
	}
}
