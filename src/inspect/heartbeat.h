/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Heartbeats: a function that used to run, and has not run for some time.
 *
 * A *beat* is one run of the function. Who counts beats is not known here: a probe of the
 * kernel's (uprobe.h), or the program itself. The caller *looks* at the count now and then.
 *
 * *Counted* time is time in which the function could have run and would have been seen to:
 * between two looks of which the second one was not late, at a process that was not stopped
 * and whose threads were all watched. A machine that was suspended, or had no time for the
 * monitor, had none for the program either. All durations here are of counted time.
 *
 * Plain data: single-threaded, no memory, no clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of so many latest intervals the median is the usual one: some seconds of looks. */
#define DW_HEARTBEAT_INTERVALS_MAX 32

/* Fewer intervals than this are no habit. */
#define DW_HEARTBEAT_INTERVALS_MIN 4

/* A silence is longer than so many usual intervals, however short a one was asked for. */
#define DW_HEARTBEAT_MISSED_MIN 3

struct dw_heartbeat {
	uint64_t threshold_ns; /* silent for so long: that is to be said */
	uint64_t late_ns;      /* a look so long after the one before is late */

	/* What the looks have shown so far. */
	uint64_t n_beats;
	uint64_t quiet_ns; /* since the look that last saw a beat, or the first look */
	bool is_silent;    /* that was said */

	/* Of dw_heartbeat_look() alone. */
	uint64_t time_ns, count; /* of the latest look; time 0: there was none */
	bool has_gap;            /* not all time since the latest beat was counted */
	uint64_t intervals_ns[DW_HEARTBEAT_INTERVALS_MAX];
	size_t n_intervals; /* ever; the latest ones are kept */
};

struct dw_heartbeat_look {
	uint64_t time_ns; /* CLOCK_MONOTONIC; not 0, ascending */
	uint64_t count;   /* beats so far, from wherever; never less than before */
	bool whole; /* since the look before, the process could run and all of it was watched */
};

enum dw_heartbeat_answer {
	DW_HEARTBEAT_SAME,    /* nothing to say */
	DW_HEARTBEAT_STOPPED, /* it has become silent: said once, until it runs again */
	DW_HEARTBEAT_BACK,    /* it runs again, after DW_HEARTBEAT_STOPPED */
};

/* A heartbeat that was not looked at yet. */
struct dw_heartbeat dw_heartbeat_make(uint64_t threshold_ns, uint64_t late_ns);

enum dw_heartbeat_answer dw_heartbeat_look(struct dw_heartbeat *heartbeat,
					   const struct dw_heartbeat_look *look);

/*
 * How far its beats usually are apart, to the precision of the looks; 0 if there is no
 * habit yet.
 */
uint64_t dw_heartbeat_usual_ns(const struct dw_heartbeat *heartbeat);

/* A heartbeat that the user asked for. */
struct dw_heartbeat_wish {
	const char *function; /* not ended by NUL */
	size_t function_size; /* bytes */
	uint64_t threshold_ns;
};

/*
 * Reads `FUNCTION=TIME`, @n bytes; the time is a whole number of ms, s or min: 500ms, 2s.
 *
 * Return: whether it is one; @ret shares @text.
 */
bool dw_heartbeat_read(const char *text, size_t n, struct dw_heartbeat_wish *ret);
