/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where threads of a running process are now: their stacks, unwound from outside.
 *
 * A thread is stopped for that, as by a debugger, until its registers and its stack are copied,
 * which takes some 100 us; it is unwound when the thread goes on again. That is done by a process
 * of its own, so that it is set free whatever happens. Threads in system calls that do not go on by
 * themselves after a stop are not stopped, as the program would see that they were interrupted:
 * their stacks are read while they sleep, as far as that goes without their registers.
 *
 * Single-threaded; SIGCHLD must not be ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DW_FRAMES_MAX 256

struct dw_frames {
	pid_t tid; /* the caller's */
	int error; /* 0, or a negative errno: why there are none */
	uint32_t n;
	uint32_t flags;      /* enum dw_stack_flag; and DW_STACK_END(): why it ends there */
	uint64_t stopped_ns; /* for so long the thread was stopped, at most */
	bool has_call;       /* what follows is known */
	long call;           /* the number of the system call that it was stopped in; -1: none */
	uint64_t arguments[6], pc, sp;
	uint64_t addresses[DW_FRAMES_MAX]; /* innermost first; all but the first return addresses */
};

/* Fills the @n of @frames. Return: 0, or a negative errno: there are none at all. */
int dw_frames_read(pid_t pid, struct dw_frames *frames, uint32_t n);
