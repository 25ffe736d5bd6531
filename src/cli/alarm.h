/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The alarm: a closer look at a process that may be stuck. What is found, and confirmed, is
 * written into the recording, and told. Each thing is found once.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"
#include "cli/watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dw_alarm;
struct dw_symbols;

struct dw_alarm_options {
	struct dw_writer *writer; /* the mapped recording */
	struct dw_watch *watch;
	const char *path;           /* by which the recording can be read */
	struct dw_symbols *symbols; /* what names are taken from; NULL: its own, each time anew */
	pid_t pid;
	int pidfd;
	const char *log_path; /* or DW_JOURNAL; NULL: the process's own stderr */
	uint64_t stall_ns;
	unsigned verbosity; /* 0: nothing is told; 2: what went wrong is told as well */
};

/* @options, and what it points to, must outlive the alarm. Return: 0, or -ENOMEM. */
int dw_alarm_new(struct dw_alarm **ret, const struct dw_alarm_options *options);
struct dw_alarm *dw_alarm_free(struct dw_alarm *alarm);

enum dw_alarm_answer {
	DW_ALARM_QUIET = 0,
	DW_ALARM_STALL = 1, /* at least one, and no deadlock */
	DW_ALARM_DEADLOCK = 2,
};

/*
 * Takes a closer look, at @now_ns. @ended: the process does not exist any more.
 *
 * Return: what was found that is new, a dw_alarm_answer; or a negative errno.
 */
int dw_alarm_look(struct dw_alarm *alarm, uint64_t now_ns, bool ended);

DW_DEFINE_AUTO(alarm)
