/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gathers threads and their stacks while a dump is read, whatever its format.
 *
 * A thread that is met again is the same if its number is, and the last of its stacks that is not
 * just the beginning of another counts. Single-threaded; memory is the arena's.
 */
#pragma once

#include "inspect/dump.h"
#include "inspect/dump_text.h"

#include <stdbool.h>

struct dw_gather;

/* @samples: a thread has many stacks, and all count. Return: NULL if the arena is full. */
struct dw_gather *dw_gather_new(struct dw_arena *arena, bool samples);

/*
 * What is said from now on is about the thread with these numbers, each of which may be 0: not
 * known. With neither, it is a thread of its own. An empty @name says nothing.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_gather_thread(struct dw_gather *gather, uint32_t id, uint32_t tid, uint64_t handle,
		     struct dw_piece name);

/* What is said from now on is about no thread that was named. */
void dw_gather_leave(struct dw_gather *gather);

/* A stack of the thread begins; of a thread without numbers, if there is none now. */
int dw_gather_begin(struct dw_gather *gather);

/* How many frames the stack has that is being gathered; UINT32_MAX: there is none. */
uint32_t dw_gather_depth(const struct dw_gather *gather);

/* A frame's texts, as they are in the dump. */
struct dw_gather_frame {
	struct dw_piece function, args, file, library;
	uint64_t address;
	uint32_t line, at;
};
/* A frame to be added, once or more often. Return: 0, or -ENOMEM. */
int dw_gather_copy(struct dw_gather *gather, const struct dw_gather_frame *frame,
		   struct dw_dump_frame *ret);

void dw_gather_frame(struct dw_gather *gather, const struct dw_dump_frame *frame);

/* Something was left out because of a limit. */
void dw_gather_lose(struct dw_gather *gather);

/* The stack is at its end. @flags: enum dw_dump_flag. Nothing happens if there is none. */
int dw_gather_end(struct dw_gather *gather, uint32_t flags, uint32_t n_samples);

/* Who holds a lock was printed. Return: 0, or -ENOMEM. */
int dw_gather_owner(struct dw_gather *gather, struct dw_piece name, uint64_t address, uint32_t tid,
		    uint32_t at);

/* What was said of the process itself. Return: 0, or -ENOMEM. */
int dw_gather_program(struct dw_gather *gather, struct dw_piece program);
void dw_gather_pid(struct dw_gather *gather, uint32_t pid);
void dw_gather_interval(struct dw_gather *gather, uint64_t interval_ns);

/* Fills @ret with what was gathered. Return: 0, or -ENOMEM. */
int dw_gather_done(struct dw_gather *gather, struct dw_dump *ret);
