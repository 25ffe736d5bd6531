/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process to look into, from outside: one that runs, or what is left of one in a core file.
 *
 * All addresses are the process's own. What it says of itself is believed by nobody: reading
 * its memory may fail anywhere, and what is read may be anything.
 *
 * Single-threaded. A process that runs is changed by nothing in here; for its stacks it is
 * stopped shortly (see frames.h).
 */
#pragma once

#include "base/cleanup.h"
#include "inspect/frames.h"
#include "inspect/map.h"
#include "inspect/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dw_arena;
struct dw_process;

#define DW_PROCESS_ARGUMENTS 6

/* A thread, as it was at one moment. Members that are not known are 0, `call` is -1. */
struct dw_process_thread {
	pid_t tid;
	pid_t inside; /* its number in its own namespace of processes; 0: the same one */
	char name[DW_TASK_NAME_SIZE];
	char state; /* as in ps */
	long call;  /* the number of the system call that it is in; -1: in none, or not known */
	uint64_t arguments[DW_PROCESS_ARGUMENTS]; /* of that */
	uint64_t pc, sp;
	struct dw_task_ran ran; /* all zero of a core file */
};

/* What differs between a process that runs and a core file. */
struct dw_process_kind {
	/*
	 * mandatory. Reads @n bytes at @address, all or nothing.
	 * Return: 0, or a negative errno; -EFAULT: they are not there.
	 */
	int (*read)(struct dw_process *process, uint64_t address, void *ret, size_t n);

	/*
	 * mandatory. The threads that there are, without those that the kernel runs on the
	 * process's behalf; the main one first, then by number. Memory is the arena's.
	 * Return: 0, or a negative errno; -ESRCH: the process has ended.
	 */
	int (*threads)(struct dw_process *process, struct dw_arena *arena,
		       struct dw_process_thread **ret, uint32_t *ret_n);

	/* mandatory. As dw_frames_read(). */
	int (*stacks)(struct dw_process *process, struct dw_frames *frames, uint32_t n);

	/* mandatory. As dw_maps_read(). */
	int (*maps)(struct dw_process *process, struct dw_arena *arena, const struct dw_map **ret,
		    uint32_t *ret_n);

	/* optional. As dw_signalled(). */
	void (*signalled)(const pid_t *tids, uint32_t n, bool *ret);

	/* optional. Whether it still runs the program that it ran at first. */
	bool (*is_same)(struct dw_process *process);

	/* mandatory. Ends the look into it and gives @process back. */
	void (*free)(struct dw_process *process);
};

/* The beginning of what each kind keeps. */
struct dw_process {
	const struct dw_process_kind *kind;
	pid_t pid;
	const char *program; /* path of the executable, as the process has it */
	bool runs;           /* what is read now may be another thing in a moment */
};

/* Why a process cannot be looked into: the positive answers of dw_process_live_new(). */
enum dw_process_answer {
	DW_PROCESS_NONE = 1,  /* there is no such process, or not any more */
	DW_PROCESS_THREAD,    /* the number is that of a thread; see dw_process_refusal::leader */
	DW_PROCESS_ZOMBIE,    /* it has ended, and its parent has not taken notice */
	DW_PROCESS_HEADLESS,  /* its main thread has ended, others go on */
	DW_PROCESS_KERNEL,    /* it is a thread of the kernel's */
	DW_PROCESS_FORBIDDEN, /* see dw_process_refusal */
	DW_PROCESS_FOREIGN,   /* it is no 64-bit program for this machine */
};

/* What is in the way. */
struct dw_process_refusal {
	enum dw_process_obstacle {
		DW_OBSTACLE_UNKNOWN,
		DW_OBSTACLE_USER,         /* it is another user's */
		DW_OBSTACLE_PTRACE_SCOPE, /* kernel.yama.ptrace_scope */
		DW_OBSTACLE_DUMPABLE,   /* it is not dumpable: it has privileges, or wants it so */
		DW_OBSTACLE_CAPABILITY, /* it has capabilities that we have not */
		DW_OBSTACLE_NAMESPACE,  /* it is in a user namespace in which we may nothing */
		DW_OBSTACLE_TRACED,     /* another tracer is there: `leader` is its number */
		DW_OBSTACLE_FILTER,     /* a sandbox of ours forbids ptrace */
	} obstacle;
	pid_t leader;     /* of DW_PROCESS_THREAD: its process; of DW_OBSTACLE_TRACED: the tracer */
	unsigned setting; /* of DW_OBSTACLE_PTRACE_SCOPE: its value */
};

/* Return: 0; a dw_process_answer, with @ret_refusal filled; or a negative errno. */
int dw_process_live_new(struct dw_process **ret, pid_t pid, struct dw_process_refusal *ret_refusal);

struct dw_process *dw_process_free(struct dw_process *process);

/* The functions of its kind. */
static inline int dw_process_read(struct dw_process *process, uint64_t address, void *ret, size_t n)
{
	return process->kind->read(process, address, ret, n);
}

DW_DEFINE_AUTO(process)
