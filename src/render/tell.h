/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing for people: styles, names made harmless, stacks; and one finding.
 *
 * Memory is the arena of one finding: a report of any length takes no more.
 */
#pragma once

#include "render/render.h"

#include <stdbool.h>
#include <stdio.h>

struct dw_arena;
struct dw_frame;
struct dw_named_stack;

enum dw_style { DW_STYLE_PLAIN, DW_STYLE_BOLD, DW_STYLE_ALARM, DW_STYLE_DIM };

struct dw_telling {
	FILE *out;
	struct dw_arena *arena;
	const struct dw_reported_process *process;
	size_t number; /* of the process among those of the report */
	bool colour;
	bool is_one_of; /* there are more processes: each finding says which it is of */
	bool full;      /* the arena did not suffice: something is missing from what was told */
	dw_render_doing *doing; /* see struct dw_render_options; may be NULL */
};

/* Says what is being made to who waits for it. */
void dw_tell_doing(const struct dw_telling *telling, const char *what, size_t number, size_t n);

/* Writes as printf does, in @style where there is colour. */
void dw_tell(struct dw_telling *telling, enum dw_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Text of the arena, made as printf does. Never NULL. */
const char *dw_tell_text(struct dw_telling *telling, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text that is written piece by piece, and text of the arena in the end. */
struct dw_pieces {
	FILE *out;
	char *text;
	size_t size;
};
void dw_tell_pieces(struct dw_pieces *ret);
void dw_tell_piece(struct dw_pieces *pieces, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *dw_tell_whole(struct dw_telling *telling, struct dw_pieces *pieces);

/* A name as it may be shown on a terminal. Never NULL; @name may be. */
const char *dw_tell_name(struct dw_telling *telling, const char *name);

/* The same of things, threads ("CPU 0/KVM (4711)") and frames ("fb_lock", "libfoo.so+0x10"). */
const char *dw_tell_thing(struct dw_telling *telling, uint32_t thing);
const char *dw_tell_thread(struct dw_telling *telling, uint32_t thread);
const char *dw_tell_function(struct dw_telling *telling, const struct dw_frame *frame);

/* "util/async.c:612", or "" where that is not known. */
const char *dw_tell_line(struct dw_telling *telling, const struct dw_frame *frame);

/* "12 ms", "6.2 s": two digits where there are not more before the point; the rest is cut. */
const char *dw_tell_span(struct dw_telling *telling, uint64_t ns);

/* Why the outer frames of a stack with DW_STACK_CUT are missing; static. */
const char *dw_tell_cut(const struct dw_telling *telling);

/* A stack, a line a frame. */
void dw_tell_frames(struct dw_telling *telling, const struct dw_named_stack *stack);

/* The same; where its outer frames are those of @outer, which was told before, they are not again.
 */
void dw_tell_frames_below(struct dw_telling *telling, const struct dw_named_stack *stack,
			  const struct dw_named_stack *outer);

/* How many outer frames the two stacks share; at least the innermost is each one's own. */
uint32_t dw_tell_common(const struct dw_named_stack *a, const struct dw_named_stack *b);

/* Fewer common frames than this are told twice: a reference to them would not be shorter. */
#define DW_COMMON_MIN 2

/* Whether both would be told the same way. */
bool dw_tell_stacks_equal(const struct dw_named_stack *a, const struct dw_named_stack *b);

/* The program: "qemu-system-x86_64"; and the process: "qemu-system-x86_64 (pid 4711)". */
const char *dw_tell_program(struct dw_telling *telling);
const char *dw_tell_process(struct dw_telling *telling);

/* The parts of a finding: the stacks of its legs, or of a misuse; what the monitor knows beyond. */
void dw_tell_legs(struct dw_telling *telling, const struct dw_finding *finding);
void dw_tell_misuse(struct dw_telling *telling, const struct dw_misuse *misuse);
void dw_tell_found(struct dw_telling *telling, const struct dw_finding *finding);

/* One finding, whole. */
void dw_tell_finding(struct dw_telling *telling, const struct dw_reported *reported);

/* The same with an arena that is this finding's alone. Return: 0, or -ENOMEM. */
int dw_tell_finding_alone(struct dw_telling telling, const struct dw_reported *reported);

/* How long locks of the process were waited for: a table. */
void dw_tell_contention(struct dw_telling *telling);

/* What every thread of an inspected process does; @all: with the stacks of those that idle, too. */
void dw_tell_inspected(struct dw_telling *telling, bool all);
