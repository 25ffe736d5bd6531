/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sight: all threads of a process at one moment, with their stacks, before anybody asks
 * what it means. From it a picture is made (see scene.h).
 *
 * It is taken from a process (running or core), or put together from a text that somebody
 * printed of one; then most members are not known. Plain data; memory is the maker's.
 */
#pragma once

#include "inspect/process.h"
#include "model/facts.h"

struct dw_arena;

struct dw_sighted {
	struct dw_process_thread thread; /* tid 0: not known; call -1: not known */
	const char *name;                /* NULL: thread.name */
	const dw_place *frames;          /* innermost first; all but the first return addresses */
	uint32_t n_frames;
	uint32_t stack_flags; /* enum dw_stack_flag */
	int stack_error;      /* 0, or a negative errno: why there is no stack */

	/* Over the looks since the first one; 0: it has run, or is not known not to have. */
	uint64_t same_ns;  /* it has been in the same call, with the same arguments */
	uint64_t still_ns; /* and has not run either */
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

	/* optional. See dw_asleep::argument; @thread is an index of `threads`. */
	bool (*argument)(const struct dw_sight *sight, uint32_t thread, uint32_t frame,
			 const char *name, uint64_t *ret);
	void *context; /* of whoever made it */

	uint64_t time_ns; /* CLOCK_MONOTONIC of the last look; of a text 0 */
};

/* Takes a sight of @process. Memory is the arena's. Return: 0, or a negative errno. */
int dw_sight_take(struct dw_sight *ret, struct dw_process *process, struct dw_arena *arena);
