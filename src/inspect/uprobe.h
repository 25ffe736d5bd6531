/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often a running process has run a function, counted by the kernel: a counting perf
 * event on a uprobe. No code of ours runs in the process, but for a trap of the kernel's at
 * the function's beginning. It takes CAP_PERFMON (root has it) and Linux 4.17.
 *
 * Each thread has an event of its own, which is made when a look finds the thread. Events
 * are not inherited, which would save the search: the kernel reads the file's path anew from
 * the memory of whoever makes a thread, does not find it there, and the program's
 * pthread_create() fails.
 *
 * Single-threaded. Making an event takes the kernel about a ms, ending one some 10 ms.
 */
#pragma once

#include "base/cleanup.h"

#include <stdint.h>
#include <sys/types.h>

struct dw_uprobe;

/* A descriptor each; a process with more threads is watched in part, and no look is whole. */
#define DW_UPROBE_THREADS_MAX 512

/* Why there is no counter; the positive answers of dw_uprobe_new(). */
enum dw_uprobe_answer {
	DW_UPROBE_UNKNOWN = 1,   /* this kernel has no perf events on uprobes */
	DW_UPROBE_NOT_PERMITTED, /* CAP_PERFMON is missing, or a sandbox is in the way */
};

/*
 * Counts from now on how often process @pid runs the code at @offset of the file @path. That
 * is the caller's path; the file of a process in a container is below its /proc/PID/root.
 *
 * Return: 0, a dw_uprobe_answer, or a negative errno (-ESRCH: the process has ended).
 */
int dw_uprobe_new(struct dw_uprobe **ret, pid_t pid, const char *path, uint64_t offset);

/*
 * Gives the memory back. The events go on until the calling process ends: the kernel may take
 * a second to end those of many threads, and nobody should have to wait for that.
 */
struct dw_uprobe *dw_uprobe_free(struct dw_uprobe *uprobe);

/* Ends the events now. */
void dw_uprobe_stop(struct dw_uprobe *uprobe);

/*
 * Adds the threads that are new, and reads the count. What a thread did before its first
 * look is not counted.
 *
 * Return: 1 if all of the process's threads are watched now, 0 if some are not yet, or a
 * negative errno.
 */
int dw_uprobe_look(struct dw_uprobe *uprobe, uint64_t *ret_count);

DW_DEFINE_AUTO(uprobe)
