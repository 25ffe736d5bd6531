/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To attend to running processes: attach to them, watch them until they end or the user has seen
 * enough, and detach.
 *
 * Single-threaded. What keeps it from that is said on stderr, and what to do about it.
 */
#pragma once

#include "attach/collect.h"

#include <stdint.h>
#include <sys/types.h>

struct dw_attend {
	pid_t pids[DW_COLLECTOR_MAX];
	uint32_t n_pids;
	const char *comm; /* those that are called so are added; NULL: none */
	const char *path; /* of the first one's recording; others append a dot and their number */
	uint64_t duration_ns; /* 0: until the user ends it, or they have ended */
	struct dw_collector_options collects;
};

/* Adds a process, unless it is there. Return: 0, or -ENOSPC: there are DW_COLLECTOR_MAX. */
int dw_attend_add(struct dw_attend *attend, pid_t pid);

/* Return: 0, or an exit code, and it was said why. */
int dw_attend(struct dw_attend *attend);
