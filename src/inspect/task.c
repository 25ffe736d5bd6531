/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/task.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The files of a thread have one short line each. */
#define LINE_MAX_SIZE 512

/* The thread's file @name as text in @ret. Return: 0, or a negative errno. */
static int read_line(pid_t pid, pid_t tid, const char *name, char ret[LINE_MAX_SIZE])
{
	char path[64];
	ssize_t n;
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, ret, LINE_MAX_SIZE - 1);
	r = n < 0 ? -errno : 0;
	close(fd);
	ret[n > 0 ? n : 0] = '\0';
	return r;
}

int dw_task_ran(pid_t pid, pid_t tid, struct dw_task_ran *ret)
{
	char line[LINE_MAX_SIZE];
	struct dw_task_ran ran;
	int r = read_line(pid, tid, "schedstat", line);

	if (r < 0)
		return dw_raise(r);
	if (sscanf(line, "%" SCNu64 " %*u %" SCNu64, &ran.run_ns, &ran.timeslices) != 2)
		return dw_raise(-EINVAL);
	*ret = ran;
	return 0;
}

/* The thread's name, which comes before, may have anything in it. */
char dw_task_state(pid_t pid, pid_t tid)
{
	char line[LINE_MAX_SIZE];
	const char *end;

	if (read_line(pid, tid, "stat", line) < 0)
		return 0;
	end = strrchr(line, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}

int dw_task_name(pid_t pid, pid_t tid, char ret[DW_TASK_NAME_SIZE])
{
	char line[LINE_MAX_SIZE];
	size_t n;
	int r = read_line(pid, tid, "comm", line);

	if (r < 0)
		return dw_raise(r);
	n = strcspn(line, "\n");
	n = n < DW_TASK_NAME_SIZE - 1 ? n : DW_TASK_NAME_SIZE - 1;
	memcpy(ret, line, n);
	ret[n] = '\0';
	return 0;
}

/* Its number and first argument. Return: whether it is in a call, and that may be known. */
static bool read_call(pid_t pid, pid_t tid, long *ret, uint64_t *ret_first)
{
	char line[LINE_MAX_SIZE];

	return read_line(pid, tid, "syscall", line) == 0 &&
	       sscanf(line, "%ld %" SCNx64, ret, ret_first) == 2;
}

long dw_task_call(pid_t pid, pid_t tid)
{
	uint64_t first;
	long number;

	return read_call(pid, tid, &number, &first) ? number : -1;
}

int dw_task_file(pid_t pid, pid_t tid)
{
	uint64_t first;
	long number;

	if (!read_call(pid, tid, &number, &first))
		return -1;
	switch (number) {
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
		return (int)first;
	default:
		return -1;
	}
}
