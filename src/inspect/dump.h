/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dumps: stacks of all threads as text, the way that debuggers and samplers print them.
 *
 * Such text comes out of terminals, mails and write-ups: lines are wrapped, quoted, paged and cut
 * off, and prose stands in between. What looks like a frame is one, all else is passed over. What
 * is left out because of a limit is counted.
 *
 * Single-threaded. All that is handed out lives in the caller's arena.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dw_arena;

/* Processes have fewer threads, and stacks fewer frames, than it would take to reach these. */
#define DW_DUMP_THREADS_MAX 8192
#define DW_DUMP_FRAMES_MAX 1024
#define DW_DUMP_STACKS_MAX 1024 /* different stacks of one sampled thread */

/* A frame as printed. Members that are not said are NULL or 0. */
struct dw_dump_frame {
	const char *function;
	const char *args; /* without their brackets */
	const char *file; /* of the source */
	const char *library;
	uint64_t address; /* not said of what is inlined, and of what is called at a line's start */
	uint32_t line;    /* of the source */
	uint32_t at;      /* line of the dump, from 1 */
};

/* Innermost frame first. */
struct dw_dump_stack {
	const struct dw_dump_frame *frames;
	uint32_t n_frames;
	uint32_t flags;     /* enum dw_dump_flag */
	uint32_t n_samples; /* in which the thread was there; 1 of what looks just once */
};

enum dw_dump_flag {
	DW_DUMP_CUT = 1, /* outer frames are missing */
};

struct dw_dump_thread {
	const char *name;
	uint32_t id;                        /* the debugger's number; 0: it has none */
	uint32_t tid;                       /* the system's number; 0: not said */
	uint64_t handle;                    /* what the thread library calls it by; 0: not said */
	uint32_t n_samples;                 /* of all its stacks */
	uint32_t n_stacks;                  /* 0: nothing is said of where it is */
	const struct dw_dump_stack *stacks; /* most samples first */
};

/* That @lock was printed with its owner's number. */
struct dw_dump_owner {
	const char *name; /* what was asked to be printed: a variable; NULL if an address */
	uint64_t address; /* 0: a variable */
	uint32_t tid;
	uint32_t at; /* line of the dump, from 1 */
};

struct dw_dump {
	const struct dw_dump_thread *threads;
	uint32_t n_threads;
	uint32_t pid;         /* 0: not said */
	const char *program;  /* path or name; NULL: not said */
	uint64_t interval_ns; /* from sample to sample; 0: it looked once */
	const struct dw_dump_owner *owners;
	uint32_t n_owners;
	uint32_t n_changed;    /* threads whose stack is there more than once, and differs: the last
				* one is told */
	uint32_t n_unnumbered; /* stacks of which no thread is said */
	uint64_t n_lost;       /* threads, frames and stacks beyond the limits */
};

/* What gdb prints for `thread apply all bt`, `bt` or `info threads`. Return: 0, or -ENOMEM. */
int dw_dump_read_gdb(struct dw_dump *ret, struct dw_arena *arena, const char *text, size_t size);

/* What lldb prints for `bt all` or `thread backtrace all`. Return: 0, or -ENOMEM. */
int dw_dump_read_lldb(struct dw_dump *ret, struct dw_arena *arena, const char *text, size_t size);

/* What sample(1) of macOS prints. Return: 0, or -ENOMEM. */
int dw_dump_read_sample(struct dw_dump *ret, struct dw_arena *arena, const char *text, size_t size);
