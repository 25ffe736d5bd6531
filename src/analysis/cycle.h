/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cycles of needs, and whether they are excused.
 *
 * For every need on a cycle the shortest cycle through it is looked at. If every
 * choice of its witnesses has an excuse, so that it is no deadlock, the search goes
 * on for the shortest cycle through that need that is one: it extends a path leg by
 * leg, by ways only that no excuse keeps apart from those on the path, longer and
 * longer up to the number of threads, for each leg wants its own.
 *
 *   all pairs X -> Y, Y -> X first; then, where that is excused or there is none,
 *   cycles(X -> Y):
 *     the shortest path Y .. X by breadth-first search from X backward
 *     if it is excused: for L in 3 .. threads: all paths of L legs from X -> Y to X
 *       whose ways agree, none longer than the distances allow; witnesses by choice
 *
 * So a real cycle is not hidden behind excused ones that are shorter, as long as the
 * work is within the limits; where it is not, that is counted.
 */
#pragma once

#include "analysis/excuse.h"
#include "analysis/need.h"

#include <stdbool.h>
#include <stdint.h>

struct dw_cycle {
	uint32_t *needs; /* numbers; starts with the one from the first node */
	uint32_t n;
	struct dw_choice choice; /* a witness for each leg */
};

struct dw_cycles {
	struct dw_cycle *cycles;
	uint32_t n, room;
	struct dw_analysis_limits limits;
};

/*
 * Finds the cycles of @needs, each once, in an order that just depends on @needs.
 *
 * @only_from: NULL, or by node, whether cycles are looked for that pass it.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_cycles_find(struct dw_cycles *ret, const struct dw_needs *needs, struct dw_judge *judge,
		   const bool *only_from, struct dw_arena *arena);
