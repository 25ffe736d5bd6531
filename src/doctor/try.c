/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/try.h"

#include "inspect/uprobe.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int dw_try_populate(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (page == MAP_FAILED)
		return -errno;
	r = madvise(page, size, MADV_POPULATE_WRITE) < 0 ? -errno : 0;
	munmap(page, size);
	return r;
}

int dw_try_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The program's last two instructions; the others read eight bytes at no address at all. */
static const struct bpf_insn program[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
    {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8},
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
    {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT},
};
#define READ_INSTRUCTIONS 5

int dw_try_bpf(bool reads)
{
	size_t first = reads ? 0 : READ_INSTRUCTIONS;
	union bpf_attr attributes;
	int fd;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_TRACEPOINT;
	attributes.insns = (uintptr_t)(program + first);
	attributes.insn_cnt = (uint32_t)(COUNT(program) - first);
	attributes.license = (uintptr_t) "GPL";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* What is counted. */
static __attribute__((noinline)) void counted(void)
{
	__asm__ volatile("");
}

/* Where @address of ours is in which file. Return: 0, or a negative errno. */
static int find_in_file(uint64_t address, char ret_path[PATH_MAX], uint64_t *ret_offset)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t start, end, offset;
	char line[PATH_MAX + 128];
	int at, r = -ENOENT;

	if (!maps)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*u %n", &start, &end,
			   &offset, &at) < 3 ||
		    address < start || address >= end)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(ret_path, PATH_MAX, "%s", line + at);
		*ret_offset = address - start + offset;
		r = 0;
	}
	fclose(maps);
	return r;
}

int dw_try_uprobe(void)
{
	dw_auto(uprobe) uprobe = NULL;
	char path[PATH_MAX];
	uint64_t offset = 0, count;
	int r = find_in_file((uintptr_t)counted, path, &offset);

	if (r == 0)
		r = dw_uprobe_new(&uprobe, getpid(), path, offset);
	if (r == DW_UPROBE_UNKNOWN)
		return -ENOENT;
	if (r != 0)
		return r < 0 ? r : -EPERM;
	counted();
	r = dw_uprobe_look(uprobe, &count);
	dw_uprobe_stop(uprobe);
	if (r >= 0 && count == 0)
		return -EIO; /* it was permitted, and does not work */
	return r < 0 ? r : 0;
}

/* In a child that has nothing else to do. */
static void wait_for_end(int fd)
{
	char none;

	while (read(fd, &none, 1) < 0 && errno == EINTR)
		continue;
	_exit(0);
}

static pid_t start_target(int ends[2])
{
	pid_t pid = fork();

	if (pid == 0) {
		close(ends[1]);
		wait_for_end(ends[0]);
	}
	return pid;
}

/* Traced by no debugger of our own: that is a parent, to whom more is permitted. */
static int trace_as_sibling(pid_t target)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(ptrace(PTRACE_SEIZE, target, NULL, NULL) < 0 ? errno : 0);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

int dw_try_trace(void)
{
	int ends[2], r;
	pid_t target;

	if (pipe(ends) < 0)
		return -errno;
	target = start_target(ends);
	r = target < 0 ? -errno : trace_as_sibling(target);
	close(ends[0]);
	close(ends[1]);
	if (target > 0)
		waitpid(target, NULL, 0);
	return r;
}
