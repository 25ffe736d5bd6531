/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/uprobe.h"

#include "base/error.h"
#include "base/resource.h"
#include "inspect/clock.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TYPE_PATH "/sys/bus/event_source/devices/uprobe/type"

/* A look makes events for no longer than this, so that other looks are not late for it. */
#define LOOK_NS_MAX 50000000

struct event {
	pid_t tid;
	int fd;
	bool is_seen; /* the thread was there at the latest look */
};

struct dw_uprobe {
	pid_t pid;
	uint32_t type; /* of the kernel's events on uprobes */
	char path[PATH_MAX];
	uint64_t offset;
	uint64_t count_ended; /* of threads that have ended */
	struct event events[DW_UPROBE_THREADS_MAX];
	size_t n_events;
};

static int read_type(uint32_t *ret)
{
	dw_auto_stream file = fopen(TYPE_PATH, "re");

	return file && fscanf(file, "%u", ret) == 1 ? 0 : DW_UPROBE_UNKNOWN;
}

/* Return: a descriptor, or a negative errno. */
static int open_event(const struct dw_uprobe *uprobe, pid_t tid)
{
	struct perf_event_attr attributes = {
	    .size = sizeof(attributes),
	    .type = uprobe->type,
	    .uprobe_path = (uintptr_t)uprobe->path,
	    .probe_offset = uprobe->offset,
	};
	long fd = syscall(SYS_perf_event_open, &attributes, tid, /* cpu= */ -1,
			  /* group_fd= */ -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* Return: 0, DW_UPROBE_NOT_PERMITTED, or a negative errno. */
static int add_thread(struct dw_uprobe *uprobe, pid_t tid)
{
	int fd = open_event(uprobe, tid);

	if (fd == -EACCES || fd == -EPERM)
		return DW_UPROBE_NOT_PERMITTED;
	if (fd < 0)
		return dw_raise(fd);
	uprobe->events[uprobe->n_events++] = (struct event){.tid = tid, .fd = fd, .is_seen = true};
	return 0;
}

int dw_uprobe_new(struct dw_uprobe **ret, pid_t pid, const char *path, uint64_t offset)
{
	dw_auto(uprobe) uprobe = calloc(1, sizeof(*uprobe));
	int r;

	if (!uprobe)
		return dw_raise(-ENOMEM);
	uprobe->pid = pid;
	uprobe->offset = offset;
	if (snprintf(uprobe->path, sizeof(uprobe->path), "%s", path) >= (int)sizeof(uprobe->path))
		return dw_raise(-ENAMETOOLONG);
	r = read_type(&uprobe->type);
	if (r == 0)
		r = add_thread(uprobe, pid);
	if (r < 0)
		return dw_pass(r);
	if (r > 0)
		return r;
	*ret = dw_take(uprobe);
	return 0;
}

struct dw_uprobe *dw_uprobe_free(struct dw_uprobe *uprobe)
{
	free(uprobe);
	return NULL;
}

void dw_uprobe_stop(struct dw_uprobe *uprobe)
{
	for (size_t i = 0; i < uprobe->n_events; i++)
		close(uprobe->events[i].fd);
	uprobe->n_events = 0;
}

static uint64_t count_of(const struct event *event)
{
	uint64_t count;

	return read(event->fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* Marks the event of thread @tid. Return: whether it has one. */
static bool mark(struct dw_uprobe *uprobe, pid_t tid)
{
	for (size_t i = 0; i < uprobe->n_events; i++)
		if (uprobe->events[i].tid == tid)
			return uprobe->events[i].is_seen = true;
	return false;
}

/* Return: 1 if thread @tid is watched or has ended, 0 if not, or a negative errno. */
static int ensure_thread(struct dw_uprobe *uprobe, pid_t tid, uint64_t until_ns)
{
	int r;

	if (mark(uprobe, tid))
		return 1;
	if (uprobe->n_events == DW_UPROBE_THREADS_MAX || dw_clock_ns() >= until_ns)
		return 0;
	r = add_thread(uprobe, tid);
	if (r > 0) /* it was permitted for others: the process has changed its user */
		return dw_raise(-EPERM);
	return r < 0 && r != -ESRCH ? dw_pass(r) : 1;
}

/* Return: as dw_uprobe_look(). */
static int ensure_threads(struct dw_uprobe *uprobe)
{
	uint64_t until_ns = dw_clock_ns() + LOOK_NS_MAX;
	dw_auto_folder directory = NULL;
	char path[64];
	int whole = 1;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)uprobe->pid);
	directory = opendir(path);
	if (!directory)
		return dw_raise(errno == ENOENT ? -ESRCH : -errno);
	for (struct dirent *entry; (entry = readdir(directory));) {
		pid_t tid = atoi(entry->d_name);
		int r = tid ? ensure_thread(uprobe, tid, until_ns) : 1;

		if (r < 0)
			return dw_pass(r);
		whole &= r;
	}
	return whole;
}

/*
 * A thread's event outlives the thread: what it had counted stays counted. One is ended a
 * look, because the kernel takes some 10 ms for it, and more if it is busy.
 */
static void end_thread(struct dw_uprobe *uprobe)
{
	for (size_t i = 0; i < uprobe->n_events; i++) {
		struct event event = uprobe->events[i];

		if (event.is_seen)
			continue;
		uprobe->count_ended += count_of(&event);
		close(event.fd);
		uprobe->events[i] = uprobe->events[--uprobe->n_events];
		return;
	}
}

int dw_uprobe_look(struct dw_uprobe *uprobe, uint64_t *ret_count)
{
	uint64_t count;
	int r;

	for (size_t i = 0; i < uprobe->n_events; i++)
		uprobe->events[i].is_seen = false;
	r = ensure_threads(uprobe);
	if (r < 0)
		return dw_pass(r);
	end_thread(uprobe);
	count = uprobe->count_ended;
	for (size_t i = 0; i < uprobe->n_events; i++)
		count += count_of(&uprobe->events[i]);
	*ret_count = count;
	return r;
}
