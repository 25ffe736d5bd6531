/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture of a process that was inspected: what each thread did when it was looked at. What it
 * held and waited for is in the facts' slots.
 *
 * Plain data; whoever made it owns the memory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DW_INSPECTED_ARGUMENTS 6

/* Of the thread with the number that is the index. */
struct dw_inspected_thread {
	const char *role;      /* what a profile says that it is for; NULL: nothing */
	uint32_t stack;        /* facts.stacks index: where it is; 0: that could not be read */
	const char *no_stack;  /* why not; NULL: it could be read, or nobody knows */
	bool has_ended;        /* while it was looked at */
	uint32_t chain;        /* facts.chains index: what it waits for; 0: nothing that is known */
	char state;            /* as in ps; 0: not known */
	bool has_call;         /* the system call that it is in is known */
	uint32_t call;         /* number of it */
	const char *call_name; /* NULL: it has none here */
	uint64_t arguments[DW_INSPECTED_ARGUMENTS];
	bool idles;         /* it waits where threads do that have nothing to do */
	bool polls;         /* it sleeps again and again at one place, under a lock */
	uint32_t n_samples; /* that were taken of it; 0: it was looked at */
	uint64_t same_ns;   /* for so long it has been in the same call, at least */
	uint64_t still_ns;  /* and has not run, at least */
};

struct dw_inspected {
	const struct dw_inspected_thread *threads; /* as many as the facts have */
	const bool *is_inferred; /* by thing: that somebody holds it is inferred, not told by it */
	bool is_text;            /* it was read from what somebody printed of the process */
	uint64_t stopped_ns;     /* the longest time that a thread was stopped at once */
	uint64_t span_ns;        /* how long it was looked at; 0: at one moment only */
};
