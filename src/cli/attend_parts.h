/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of attending: attend.c has the loop, attend_begin.c who is attended to, attend_say.c
 * what is said of them on stderr.
 *
 * Internal to these.
 */
#pragma once

#include "cli/attend.h"
#include "inspect/task.h"

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

/* One process. */
struct dw_attended {
	struct dw_guard *guard; /* NULL: it could not be attached to */
	char path[PATH_MAX];
	pid_t pid;
	int pidfd;
	uint32_t index; /* in the collector */
	bool ended;
};

struct dw_attending {
	const struct dw_attend *options;
	struct dw_collector *collector;
	struct dw_attended *processes;
	uint32_t n_processes;
	uint32_t turn;    /* of which process to look at first */
	uint64_t n_found; /* see struct dw_progress_counts */
	int own;          /* pidfd of this process */
	bool is_full;     /* more are not attached to, which was said */

	uint64_t n_unseen; /* that were made, and ended before they could be attached to */
	pid_t unseen;      /* the first of them */
	char unseen_name[DW_TASK_NAME_SIZE];
};

bool dw_attend_has_ended(const struct dw_attended *process);

/* Begins with one that the user wants. Return: 0, or an exit code, and it was said why. */
int dw_attend_begin(struct dw_attending *a, pid_t pid);

/* Begins with one that was made, or runs another program: it may have ended since. */
void dw_attend_begin_made(struct dw_attending *a, pid_t pid);

/* @pid was made, and has ended before it could be attached to. */
void dw_attend_miss(struct dw_attending *a, pid_t pid);

/* Whoever has waited for it may go on. */
void dw_attend_say_attached(const struct dw_attending *a, const struct dw_attended *process);

/* What the user has chosen may come with a file that is not loaded yet. */
void dw_attend_say_unseen(const struct dw_attending *a);

/* At the end: who was ended by a signal, and who had ended before it could be attached to. */
void dw_attend_say_ends(const struct dw_attending *a);
