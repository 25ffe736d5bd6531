/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stalls: paths of threads that wait for each other and end at one that makes no progress.
 * See now.h for the rules.
 *
 * Memory comes from the caller's arena.
 */
#pragma once

#include "analysis/wait.h"

struct dw_stalls {
	struct dw_found *founds; /* in the order in which their first things were met */
	uint32_t n;
};

/* @in_ring: threads that are in a deadlock. Return: 0, or -ENOMEM. */
int dw_stalls_find(struct dw_stalls *ret, const struct dw_waits *waits, const bool *in_ring,
		   struct dw_arena *arena);
