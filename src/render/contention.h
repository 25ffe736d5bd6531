/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contention: how long locks were waited for, by lock and place.
 *
 * A wait is measured where a lock was found taken, and the time that a lock was held is
 * known where the monitor saw others waiting for it. So a lock that is never found taken is
 * not here, however often it is taken; and a row may have waits only, or a hold only. Waits
 * that have not ended are not measured.
 *
 * The part of time: of all the time that the process was seen to run, times the threads that
 * waited there, so what each of them spent waiting there on the average.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dw_arena;
struct dw_facts;
struct dw_frame;
struct dw_reported_process;
struct dw_telling;

/* A lock at a place where it is taken. Times add up over threads. */
struct dw_contended {
	const struct dw_frame *site; /* NULL if not known */
	uint32_t thing;              /* number */
	uint32_t thread;             /* number; where there are several, any of them */
	uint32_t n_threads;          /* that waited */
	uint64_t n_waits;
	uint64_t waited_ns;  /* in all */
	uint64_t longest_ns; /* at most */
	uint64_t held_ns;    /* the longest time that it was seen held; 0: it was not */
};

/* Per cent of the time of those threads, from 0 to 100; -1: for how long they ran is not known. */
int dw_contended_part(const struct dw_contended *row, const struct dw_facts *facts);

/*
 * The rows of @process: those most waited at first; among equals, those held longest.
 *
 * Return: 0, or -ENOMEM where @arena is full.
 */
int dw_contention(const struct dw_reported_process *process, struct dw_arena *arena,
		  struct dw_contended **ret, size_t *ret_n);

#define DW_SITE_UNKNOWN "a place that is not known"

/* In words: "310 ms", or "-" where nothing was measured; "33 %", or "-"; what that is a part of. */
const char *dw_contended_span(struct dw_telling *telling, uint64_t ns);
const char *dw_contended_share(struct dw_telling *telling, const struct dw_contended *row);
const char *dw_contended_time(struct dw_telling *telling);
