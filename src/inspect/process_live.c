/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that runs: what /proc says of it, its memory, its stacks. */
#include "base/arena.h"
#include "base/error.h"
#include "base/resource.h"
#include "inspect/arch.h"
#include "inspect/process.h"
#include "inspect/refusal.h"
#include "inspect/signalled.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* A thread more takes a record of some 100 bytes; the kernel's own limit is 32768 by default. */
#define THREADS_MAX 65536

struct live {
	struct dw_process process;
	char program[PATH_MAX];
	uint64_t stack; /* dw_task_stack() at first */
};

static int live_read(struct dw_process *process, uint64_t address, void *ret, size_t n)
{
	struct iovec here = {ret, n}, there = {(void *)(uintptr_t)address, n};
	ssize_t r = process_vm_readv(process->pid, &here, 1, &there, 1, 0);

	if (r == (ssize_t)n)
		return 0;
	return r < 0 && errno != EFAULT ? -errno : -EFAULT;
}

/* Return: 1 and the thread; 0: it is none to be shown, or has ended; or a negative errno. */
static int read_thread(pid_t pid, pid_t tid, bool elsewhere, struct dw_process_thread *ret)
{
	struct dw_process_thread thread = {.tid = tid, .call = -1};
	struct dw_task_stat stat;
	struct dw_task_syscall call;

	if (dw_task_stat(pid, tid, &stat) < 0 || stat.is_kernels || stat.state == 'X')
		return 0;
	memcpy(thread.name, stat.name, sizeof(thread.name));
	thread.state = stat.state;
	thread.inside = elsewhere ? dw_task_inside(pid, tid) : 0;
	if (dw_task_ran(pid, tid, &thread.ran) < 0)
		return 0;
	if (dw_task_syscall(pid, tid, &call) == 0) {
		thread.call = call.number;
		memcpy(thread.arguments, call.arguments, sizeof(thread.arguments));
		thread.pc = call.pc;
		thread.sp = call.sp;
	}
	*ret = thread;
	return 1;
}

static int compare_numbers(const void *left, const void *right)
{
	pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;

	return a < b ? -1 : a > b;
}

/* The numbers of all threads, ascending. Return: how many, or a negative errno. */
static int list(pid_t pid, struct dw_arena *arena, pid_t **ret)
{
	dw_auto_folder directory = NULL;
	char path[64];
	pid_t *tids = dw_arena_alloc(arena, THREADS_MAX * sizeof(*tids));
	int n = 0;

	if (!tids)
		return dw_raise(-ENOMEM);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	directory = opendir(path);
	if (!directory)
		return errno == ENOENT ? -ESRCH : dw_raise(-errno);
	for (struct dirent *entry; (entry = readdir(directory)) && n < THREADS_MAX;)
		if ((tids[n] = atoi(entry->d_name)) > 0)
			n++;
	qsort(tids, (size_t)n, sizeof(*tids), compare_numbers);
	*ret = tids;
	return n;
}

/* Thread numbers may have started anew at 1: the main thread need not have the lowest one. */
static void put_first(pid_t pid, struct dw_process_thread *threads, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (threads[i].tid == pid) {
			struct dw_process_thread main = threads[i];

			memmove(threads + 1, threads, i * sizeof(*threads));
			threads[0] = main;
			return;
		}
}

static int live_threads(struct dw_process *process, struct dw_arena *arena,
			struct dw_process_thread **ret, uint32_t *ret_n)
{
	pid_t *tids = NULL;
	bool elsewhere = !dw_task_shares(process->pid, "ns/pid");
	struct dw_process_thread *threads;
	uint32_t n = 0;
	int n_tids = list(process->pid, arena, &tids);

	if (n_tids < 0)
		return dw_pass(n_tids);
	threads = dw_arena_alloc(arena, ((size_t)n_tids + 1) * sizeof(*threads));
	if (!threads)
		return dw_raise(-ENOMEM);
	for (int i = 0; i < n_tids; i++)
		n += (uint32_t)read_thread(process->pid, tids[i], elsewhere, &threads[n]);
	if (n == 0)
		return -ESRCH;
	put_first(process->pid, threads, n);
	*ret = threads;
	*ret_n = n;
	return 0;
}

static int live_stacks(struct dw_process *process, struct dw_frames *frames, uint32_t n)
{
	return dw_frames_read(process->pid, frames, n);
}

static int live_maps(struct dw_process *process, struct dw_arena *arena, const struct dw_map **ret,
		     uint32_t *ret_n)
{
	return dw_maps_read(process->pid, arena, ret, ret_n);
}

static bool live_is_same(struct dw_process *process)
{
	uint64_t stack = dw_task_stack(process->pid);

	/* That of one which has ended is gone. */
	return !stack || stack == ((struct live *)process)->stack;
}

static void live_free(struct dw_process *process)
{
	free(process);
}

static const struct dw_process_kind live_kind = {
    .read = live_read,
    .threads = live_threads,
    .stacks = live_stacks,
    .maps = live_maps,
    .signalled = dw_signalled,
    .is_same = live_is_same,
    .free = live_free,
};

/* Return: 0; DW_PROCESS_FORBIDDEN or DW_PROCESS_NONE. */
static int read_program(struct live *live)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)live->process.pid);
	n = readlink(path, live->program, sizeof(live->program) - 1);
	if (n < 0)
		return errno == EACCES || errno == EPERM ? DW_PROCESS_FORBIDDEN : DW_PROCESS_NONE;
	live->program[n] = '\0';
	live->process.program = live->program;
	return 0;
}

/* Locks and stacks of other programs lie otherwise. One that cannot be read may be what it wants.
 */
static int check_machine(const struct live *live)
{
	char path[64];
	Elf64_Ehdr header = {0};
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)live->process.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, &header, sizeof(header));
	close(fd);
	return n >= (ssize_t)sizeof(Elf32_Ehdr) &&
		       (header.e_ident[EI_CLASS] != ELFCLASS64 || !dw_arch_is(header.e_machine))
		   ? DW_PROCESS_FOREIGN
		   : 0;
}

/* Names may be read by those who may not trace; memory is what takes the right to. */
static int try_memory(struct live *live)
{
	char byte;
	int r = live_read(&live->process, /* address= */ 0, &byte, sizeof(byte));

	if (r == -EPERM || r == -EACCES)
		return DW_PROCESS_FORBIDDEN;
	return r == -ESRCH ? DW_PROCESS_NONE : 0;
}

int dw_process_live_new(struct dw_process **ret, pid_t pid, struct dw_process_refusal *ret_refusal)
{
	struct live *live;
	int r = dw_refusal_check(pid, ret_refusal);

	if (r > 0)
		return r;
	live = calloc(1, sizeof(*live));
	if (!live)
		return dw_raise(-ENOMEM);
	live->process = (struct dw_process){.kind = &live_kind, .pid = pid, .runs = true};
	live->stack = dw_task_stack(pid);
	r = read_program(live);
	if (r == 0)
		r = try_memory(live);
	if (r == 0)
		r = check_machine(live);
	if (r == DW_PROCESS_FORBIDDEN)
		*ret_refusal = dw_refusal_explain(pid);
	if (r > 0) {
		free(live);
		return r;
	}
	*ret = &live->process;
	return 0;
}
