/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sight: all threads of a process at one moment, with their stacks, before anybody asks
 * what it means. From it a picture is made (see scene.h).
 *
 * It is taken from a process (running or core), or put together from a text that somebody
 * printed of one; then most members are not known. Plain data; memory is the maker's.
 */
#pragma once

#include "base/rans.h"
#include "inspect/process.h"
#include "model/facts.h"

struct dw_arena;

/* A stack that a sampled thread was seen with. */
struct dw_sampled {
	const dw_place *frames;
	uint32_t n_frames;
	uint32_t n_samples;
};

/* In the place of a time, where there was one look at a process that did not run any more. */
#define DW_SIGHT_ALWAYS (UINT64_MAX / 2)

struct dw_sighted {
	struct dw_process_thread thread; /* tid 0: not known; call -1: not known */
	const char *name;                /* NULL: thread.name */
	const dw_place *frames;          /* innermost first; all but the first return addresses */
	uint32_t n_frames;
	uint32_t stack_flags;             /* enum dw_stack_flag */
	const struct dw_sampled *samples; /* most samples first: `frames` is the first */
	uint32_t n_samples;               /* how many of these there are */
	int stack_error;                  /* 0, or a negative errno: why there is no stack */
	uint64_t stopped_ns;              /* for so long it was stopped for that */

	/* From the first look to the latest one, at least; 0: it was not so. */
	uint64_t same_ns;  /* it has been in the same call, with the same arguments */
	uint64_t still_ns; /* and has not run either */

	/* Since the sight was taken. */
	bool has_moved;          /* it was seen in another call */
	bool is_there;           /* at the latest look */
	bool ran_last;           /* it has run between the latest two looks */
	uint32_t n_running;      /* looks at which it ran */
	uint64_t still_since_ns; /* CLOCK_MONOTONIC of the look since which it has not run; or 0 */
	struct dw_rans rans;     /* what it was given of processors, at each look */
};

struct dw_sight {
	const char *program;        /* path */
	pid_t pid;                  /* 0: not known */
	struct dw_process *process; /* to read memory from; NULL: there is none */

	const struct dw_module *modules; /* entry 0 is none */
	uint32_t n_modules;
	const struct dw_told_frame *frames; /* entry 0 is none; see DW_PLACE_TOLD */
	uint32_t n_frames;
	struct dw_sighted *threads;
	uint32_t n_threads; /* from 0 */

	/*
	 * optional, of a text. The value of the argument called @name of the told frame @frame.
	 * Return: whether it is known.
	 */
	bool (*argument)(const struct dw_sight *sight, dw_place frame, const char *name,
			 uint64_t *ret);

	/* optional, of a text. The variable at @address, as a told place; 0: not known. */
	dw_place (*variable)(const struct dw_sight *sight, uint64_t address);

	/* optional, of a text. The number of the thread that has the lock at @address; 0: not
	 * known. */
	uint32_t (*owner)(const struct dw_sight *sight, uint64_t address);
	void *context; /* of whoever made it */

	uint64_t sample_ns;        /* from sample to sample; 0: there was one look */
	uint64_t base_ns, time_ns; /* CLOCK_MONOTONIC of the first and the latest look; or 0 */
	uint32_t n_looks;
	bool is_stopped;  /* threads were not allowed to run: by SIGSTOP, or by a tracer */
	bool is_replaced; /* the process has begun another program meanwhile */
};

/* Takes a sight of @process. Memory is the arena's. Return: 0, or a negative errno. */
int dw_sight_take(struct dw_sight *ret, struct dw_process *process, struct dw_arena *arena);

/*
 * Looks again at the threads, which are not stopped for that: who has run since.
 *
 * Return: 0, or a negative errno; -ESRCH: the process has ended.
 */
int dw_sight_look_again(struct dw_sight *sight);

/* @sight was taken after @before was looked at last: for how long threads are the same. */
void dw_sight_continue(struct dw_sight *sight, const struct dw_sight *before);
