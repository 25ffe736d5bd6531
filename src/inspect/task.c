/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/task.h"

#include "base/error.h"
#include "base/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* PF_IO_WORKER, PF_USER_WORKER and PF_KTHREAD, which no header for programs has. */
#define FLAGS_OF_KERNEL 0x204010UL

/* `startstack`, as proc(5) counts, where the name is the second. */
#define FIELD_OF_STACK 28

int dw_task_stat(pid_t pid, pid_t tid, struct dw_task_stat *ret)
{
	char line[LINE_MAX_SIZE];
	struct dw_task_stat stat = {0};
	const char *begin, *end;
	unsigned long flags;
	size_t n;
	int r = read_line(pid, tid, "stat", line);

	if (r < 0)
		return r;
	begin = strchr(line, '(');
	end = strrchr(line, ')');
	if (!begin || !end || end < begin ||
	    sscanf(end + 1, " %c %*d %*d %*d %*d %*d %lu", &stat.state, &flags) != 2)
		return dw_raise(-EINVAL);
	n = (size_t)(end - begin) - 1;
	memcpy(stat.name, begin + 1, n < DW_TASK_NAME_SIZE ? n : DW_TASK_NAME_SIZE - 1);
	stat.is_kernels = flags & FLAGS_OF_KERNEL;
	*ret = stat;
	return 0;
}

uint64_t dw_task_stack(pid_t pid)
{
	char line[LINE_MAX_SIZE];
	uint64_t stack = 0;
	const char *at;

	if (read_line(pid, pid, "stat", line) < 0)
		return 0;
	at = strrchr(line, ')');
	for (int field = 2; at && field < FIELD_OF_STACK; field++)
		at = strchr(at + 1, ' ');
	if (at)
		sscanf(at, "%" SCNu64, &stack);
	return stack;
}

int dw_task_syscall(pid_t pid, pid_t tid, struct dw_task_syscall *ret)
{
	char line[LINE_MAX_SIZE];
	struct dw_task_syscall call = {.number = -1};
	uint64_t *a = call.arguments;
	int r = read_line(pid, tid, "syscall", line);

	if (r < 0)
		return r;
	r = sscanf(line,
		   "%ld %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
		   " %" SCNx64 " %" SCNx64,
		   &call.number, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &call.sp, &call.pc);
	if (r == 3) { /* in no call: "-1 SP PC" */
		call.sp = a[0];
		call.pc = a[1];
		memset(a, 0, sizeof(call.arguments));
	} else if (r != 9) { /* "running" */
		call = (struct dw_task_syscall){.number = -1};
	}
	*ret = call;
	return 0;
}

long dw_task_call(pid_t pid, pid_t tid)
{
	struct dw_task_syscall call;

	return dw_task_syscall(pid, tid, &call) < 0 ? -1 : call.number;
}

int dw_task_file(pid_t pid, pid_t tid)
{
	struct dw_task_syscall call;

	if (dw_task_syscall(pid, tid, &call) < 0)
		return -1;
	switch (call.number) {
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
		return (int)call.arguments[0];
	default:
		return -1;
	}
}

bool dw_task_shares(pid_t pid, const char *what)
{
	char path[64];
	struct stat theirs, ours;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	if (stat(path, &theirs) < 0)
		return true;
	snprintf(path, sizeof(path), "/proc/self/%s", what);
	return stat(path, &ours) < 0 ||
	       (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino);
}

/* The numbers of a thread stand in one line, the innermost namespace's last. */
pid_t dw_task_inside(pid_t pid, pid_t tid)
{
	static const char key[] = "NSpid:";
	dw_auto_stream file = NULL;
	char line[LINE_MAX_SIZE];

	snprintf(line, sizeof(line), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			return atoi(strrchr(line, '\t') ? strrchr(line, '\t')
							: line + sizeof(key) - 1);
	return 0;
}
