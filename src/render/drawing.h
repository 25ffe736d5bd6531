/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is drawn of a process's net of needs: boxes for things, lines for needs.
 *
 * A program may have thousands of locks that were born at one place; those that share a name
 * are one box, and so are elements of one array, but for those that are in a finding. Where there
 * are more boxes than are wanted, those are chosen that are in findings, then QEMU's big lock, then
 * those that were waited for longest, then those with the most needs. Things without needs are
 * never drawn.
 */
#pragma once

#include "analysis/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_arena;
struct dw_reported_process;

/* So many can be taken in at a look, and are laid out in a fraction of a second. */
#define DW_DRAWING_BOXES_MAX 80

/* What stands for the offsets of elements that share a box. */
#define DW_DRAWN_ELEMENTS "+..."

enum dw_drawn_flag {
	DW_DRAWN_FOUND = 1,   /* it is part of a finding */
	DW_DRAWN_EXCUSED = 2, /* it is part of a cycle with an excuse */
	DW_DRAWN_BQL = 4,
	DW_DRAWN_LOCK = 8, /* it is held, not given */
};

struct dw_box {
	const char *name; /* as the program has it */
	uint32_t thing;   /* number; where there are several, of the first */
	uint32_t n_things;
	uint32_t flags;     /* enum dw_drawn_flag */
	uint32_t n_needs;   /* needs that it is an end of */
	uint64_t waited_ns; /* for how long it was waited for */
};

struct dw_line {
	uint32_t from, to; /* indices of boxes; equal where things of one name need each other */
	uint32_t flags;    /* enum dw_drawn_flag */
	uint32_t n_needs;
	const struct dw_net_need *need; /* the first of them */
};

struct dw_drawing {
	const struct dw_box *boxes;
	const struct dw_line *lines;
	uint32_t n_boxes, n_lines;
	uint32_t n_things, n_things_left_out; /* with needs; those of them that are in no box */
	uint32_t n_needs, n_needs_left_out;
};

/* For how long each thing was waited for, by number, in nanoseconds; NULL: @arena is full. */
uint64_t *dw_drawing_waited(const struct dw_reported_process *process, struct dw_arena *arena);

/*
 * The drawing of @process, with at most @boxes_max boxes. Its lines refer to @needs.
 *
 * Return: 0, or -ENOMEM where @arena is full.
 */
int dw_drawing(const struct dw_reported_process *process, const struct dw_net_need *needs,
	       uint32_t n_needs, uint32_t boxes_max, struct dw_arena *arena,
	       struct dw_drawing *ret);
