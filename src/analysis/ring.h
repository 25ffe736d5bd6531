/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rings: the cycles of stuck threads that are deadlocks. See now.h for the rules.
 *
 * Memory comes from the caller's arena.
 */
#pragma once

#include "analysis/wait.h"

struct dw_rings {
	struct dw_found *founds; /* definite ones first, then short ones, then by thread */
	uint32_t n;
	bool *in_ring; /* by thread number: it is in one, or in one that is still to be believed */
};

/* Return: 0, or -ENOMEM. */
int dw_rings_find(struct dw_rings *ret, const struct dw_waits *waits, struct dw_arena *arena);
