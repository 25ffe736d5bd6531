/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board: at a glance, which locks a process waits for, who waits now, and who has them.
 *
 * Waits are measured when they are over (see contention.h); who waits now is in the picture.
 * Single-threaded; memory is the arena's.
 */
#pragma once

#include "render/render.h"

#include <stdint.h>
#include <stdio.h>

struct dw_arena;

/* A lock that was waited for, or is. */
struct dw_board_row {
	uint32_t thing;     /* number */
	uint64_t n_waits;   /* that are over */
	uint64_t waited_ns; /* in all, over threads */
	uint64_t recent_ns; /* of that, since the last look; all of it at the first one */
	uint32_t n_waiting; /* threads that wait for it now */
	uint32_t n_holding; /* that have it now; several may read */
	uint32_t holder;    /* one of those */
	uint32_t held_in;   /* facts.chains index: how that one took it; 0: not known */
};

struct dw_board {
	const struct dw_reported_process *process;
	struct dw_board_row *rows; /* those that are waited for now first, then by waiting time */
	size_t n;
	uint32_t n_threads; /* that live */
	uint32_t n_waiting; /* of these, for a lock */
};

/*
 * @process as it is now. @before: what was measured at the last look, by what locks are called;
 * NULL: this is the first one.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_board_make(struct dw_board *ret, const struct dw_reported_process *process,
		  const struct dw_board *before, struct dw_arena *arena);

/*
 * Writes it, in lines of at most @width columns, without colour. Return: 0, -ENOMEM, or a negative
 * errno of writing.
 */
int dw_board_write(FILE *out, const struct dw_board *board, unsigned width);
