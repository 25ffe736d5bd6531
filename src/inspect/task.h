/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread of a running process, as the kernel accounts for it. Nothing in here stops it, and
 * none of it needs more than the right to see the process.
 *
 * Single-threaded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What has changed whenever a thread has run. */
struct dw_task_ran {
	uint64_t run_ns;
	uint64_t timeslices; /* 0: the kernel does not count */
};

static inline bool dw_task_ran_same(const struct dw_task_ran *a, const struct dw_task_ran *b)
{
	return a->timeslices && a->timeslices == b->timeslices && a->run_ns == b->run_ns;
}

/* Return: 0, or a negative errno. */
int dw_task_ran(pid_t pid, pid_t tid, struct dw_task_ran *ret);

/* The letter that the kernel has for its state, as in ps; 0: there is no such thread. */
char dw_task_state(pid_t pid, pid_t tid);

#define DW_TASK_NAME_SIZE 16 /* the kernel's TASK_COMM_LEN */

/*
 * Whether process @pid has the same @what, a name below /proc/PID such as "ns/pid", as we have;
 * true where that cannot be seen.
 */
bool dw_task_shares(pid_t pid, const char *what);

/*
 * The number that a thread has in its own namespace of processes: it is known to itself, and to
 * its locks, by that one. Return: 0 if that cannot be told.
 */
pid_t dw_task_inside(pid_t pid, pid_t tid);

/* The thread's name. Return: 0, or a negative errno. */
int dw_task_name(pid_t pid, pid_t tid, char ret[DW_TASK_NAME_SIZE]);

/* The descriptor that it reads from or writes to in a system call; -1: none that is known. */
int dw_task_file(pid_t pid, pid_t tid);
/* What the kernel says of a thread in one line. */
struct dw_task_stat {
	char name[DW_TASK_NAME_SIZE];
	char state; /* as dw_task_state() */
	bool
	    is_kernels; /* the kernel runs it on the process's behalf: it has no stack of its own */
};

/* Return: 0, or a negative errno. */
int dw_task_stat(pid_t pid, pid_t tid, struct dw_task_stat *ret);

/*
 * Where the process's first stack begins, which is elsewhere for each program that it begins.
 * Return: 0 if that may not be known.
 */
uint64_t dw_task_stack(pid_t pid);

#define DW_TASK_ARGUMENTS 6

/* The system call that a thread is in. */
struct dw_task_syscall {
	long number; /* -1: it is in none */
	uint64_t arguments[DW_TASK_ARGUMENTS];
	uint64_t sp, pc; /* 0: not known, because it runs */
};

/* It takes the right to trace it. Return: 0, or a negative errno. */
int dw_task_syscall(pid_t pid, pid_t tid, struct dw_task_syscall *ret);

/* The number of the system call that it is in; -1: in none, or that may not be known. */
long dw_task_call(pid_t pid, pid_t tid);
