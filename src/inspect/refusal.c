/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/refusal.h"

#include "base/resource.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define YAMA_PATH "/proc/sys/kernel/yama/ptrace_scope"

/* Of /proc/PID/status, what has to do with rights. */
struct status {
	pid_t tgid, tracer;
	unsigned uids[4];
	char state;
	unsigned n_threads;
	uint64_t permitted, effective; /* capabilities */
	unsigned filtered;             /* Seccomp: 2 with a filter */
};

static void parse(const char *line, struct status *ret)
{
	sscanf(line, "Tgid: %d", &ret->tgid);
	sscanf(line, "TracerPid: %d", &ret->tracer);
	sscanf(line, "Uid: %u %u %u %u", &ret->uids[0], &ret->uids[1], &ret->uids[2],
	       &ret->uids[3]);
	sscanf(line, "State: %c", &ret->state);
	sscanf(line, "CapPrm: %" SCNx64, &ret->permitted);
	sscanf(line, "CapEff: %" SCNx64, &ret->effective);
	sscanf(line, "Threads: %u", &ret->n_threads);
	sscanf(line, "Seccomp: %u", &ret->filtered);
}

/* Return: whether there is such a process or thread. */
static bool read_status(pid_t pid, struct status *ret)
{
	dw_auto_stream file = NULL;
	char line[512];

	snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
	file = fopen(line, "re");
	*ret = (struct status){0};
	while (file && fgets(line, sizeof(line), file))
		parse(line, ret);
	return file && ret->tgid;
}

int dw_refusal_check(pid_t pid, struct dw_process_refusal *ret)
{
	struct dw_task_stat stat;
	struct status status;

	*ret = (struct dw_process_refusal){0};
	if (!read_status(pid, &status) || dw_task_stat(pid, pid, &stat) < 0)
		return status.tgid && status.tgid != pid ? DW_PROCESS_THREAD : DW_PROCESS_NONE;
	ret->leader = status.tgid;
	if (status.tgid != pid)
		return DW_PROCESS_THREAD;
	if (stat.is_kernels)
		return DW_PROCESS_KERNEL;
	if (status.state != 'Z' && status.state != 'X')
		return 0;
	return status.n_threads > 1 ? DW_PROCESS_HEADLESS : DW_PROCESS_ZOMBIE;
}

/* 0 where the kernel has no such setting. */
static unsigned ptrace_scope(void)
{
	dw_auto_stream file = fopen(YAMA_PATH, "re");
	unsigned value = 0;

	if (file && fscanf(file, "%u", &value) != 1)
		value = 0;
	return value;
}

static bool is_other_namespace(pid_t pid)
{
	char path[64];
	struct stat ours, others;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &others) == 0 &&
	       ours.st_ino != others.st_ino;
}

/* The files in /proc of a process that is not dumpable belong to root. */
static bool is_dumpable(pid_t pid, const struct status *status)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	return stat(path, &st) != 0 || st.st_uid == status->uids[1];
}

/* What CAP_SYS_PTRACE would help against; DW_OBSTACLE_UNKNOWN: nothing. */
static enum dw_process_obstacle privilege_of(pid_t pid, const struct status *ours,
					     const struct status *others)
{
	uid_t uid = getuid();

	if (ours->effective >> CAP_SYS_PTRACE & 1)
		return DW_OBSTACLE_UNKNOWN;
	if (uid != 0 &&
	    (others->uids[0] != uid || others->uids[1] != uid || others->uids[2] != uid))
		return DW_OBSTACLE_USER;
	if (!is_dumpable(pid, others))
		return DW_OBSTACLE_DUMPABLE;
	return others->permitted & ~ours->permitted ? DW_OBSTACLE_CAPABILITY : DW_OBSTACLE_UNKNOWN;
}

/* In the order in which the kernel asks. */
static enum dw_process_obstacle obstacle_of(pid_t pid, const struct status *ours,
					    const struct status *others)
{
	enum dw_process_obstacle privilege = privilege_of(pid, ours, others);

	if (others->tracer)
		return DW_OBSTACLE_TRACED;
	if (is_other_namespace(pid))
		return DW_OBSTACLE_NAMESPACE;
	if (privilege)
		return privilege;
	if (ptrace_scope())
		return DW_OBSTACLE_PTRACE_SCOPE;
	return ours->filtered ? DW_OBSTACLE_FILTER : DW_OBSTACLE_UNKNOWN;
}

struct dw_process_refusal dw_refusal_explain(pid_t pid)
{
	struct dw_process_refusal refusal = {.setting = ptrace_scope()};
	struct status ours, others;

	if (read_status(getpid(), &ours) && read_status(pid, &others)) {
		refusal.obstacle = obstacle_of(pid, &ours, &others);
		refusal.leader = others.tracer;
	}
	return refusal;
}
