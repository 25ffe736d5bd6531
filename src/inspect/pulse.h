/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heartbeats of a running process that a user wants to be watched: its functions are
 * found by their names, counted by the kernel, and judged at each look.
 *
 * A function is looked for in the program, then in its libraries, also in those that are
 * loaded later. The first file that has it counts, and all its functions of that name. If the
 * program itself tells its beats by that name, there is nothing to look for.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"
#include "inspect/heartbeat.h"

#include <stdint.h>
#include <sys/types.h>

struct dw_pulse;

enum dw_pulse_kind {
	DW_PULSE_STOPPED = 1, /* it has become silent; see dw_heartbeat_answer */
	DW_PULSE_BACK,        /* it runs again */

	/* It cannot be watched. */
	DW_PULSE_MISSING,       /* no file of the process has such a function, so far */
	DW_PULSE_AMBIGUOUS,     /* too many functions have that name */
	DW_PULSE_UNKNOWN,       /* see dw_uprobe_answer */
	DW_PULSE_NOT_PERMITTED, /* see dw_uprobe_answer */
	DW_PULSE_FAILED,        /* see `error` */
};

/* Something to say about a function. */
struct dw_pulse_news {
	enum dw_pulse_kind kind;
	const char *function; /* lives as long as the dw_pulse */
	uint32_t index;       /* of the function, from 0, as they were asked for */
	uint64_t quiet_ns;    /* for so long it has not run, or had not when it came back */
	uint64_t usual_ns;    /* how far apart its runs used to be */
	uint64_t n_beats;     /* runs that were seen */
	int error;            /* negative errno */
	bool is_stripped;     /* DW_PULSE_MISSING: the program has no whole symbol table */
};

/* Functions that are watched at once. */
#define DW_PULSE_MAX 16

/* How a program tells its own beats (see annotate.h); optional. */
struct dw_pulse_told {
	/* mandatory. Return: whether it has told of @name; then *@ret is how often. */
	bool (*count)(void *argument, const char *name, uint64_t *ret);
	void *argument;
};

/*
 * Whether the @n bytes at @text can be asked for: FUNCTION=TIME, or several with a plus in
 * between. A slash stands for a colon: those are taken where options are separated by colons.
 */
bool dw_pulse_check(const char *text, size_t n);

/*
 * Watches what @text asks for, which was checked. A look later than @late_ns after the one
 * before is late. @told: NULL if the program tells nothing.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_pulse_new(struct dw_pulse **ret, pid_t pid, const char *text, uint64_t late_ns,
		 const struct dw_pulse_told *told);
struct dw_pulse *dw_pulse_free(struct dw_pulse *pulse);

/*
 * Looks at all functions at @time_ns (CLOCK_MONOTONIC), and forgets the news before.
 *
 * Return: 0, or a negative errno: nothing can be said any more, because the process has
 * ended.
 */
int dw_pulse_look(struct dw_pulse *pulse, uint64_t time_ns);

/* Return: 1 and the next one of the news of the latest look; 0: no more. */
int dw_pulse_next(struct dw_pulse *pulse, struct dw_pulse_news *ret);

/* For so long the function @index has not run, in counted time (see heartbeat.h). */
uint64_t dw_pulse_quiet_ns(const struct dw_pulse *pulse, uint32_t index);

DW_DEFINE_AUTO(pulse)
