/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Needs while they are drawn: first which there are, then what was seen of each.
 *
 * Internal to what draws needs. Single-threaded; memory is the arena's.
 */
#pragma once

#include "analysis/array.h"
#include "analysis/index.h"
#include "analysis/need.h"

/* What is under way: `out` is what it comes to, the rest is needed only until then. */
struct dw_need_drawing {
	struct dw_needs out;
	struct dw_arena *arena;
	const uint32_t *node_of; /* by thing */
	struct dw_graph *graph;
	uint32_t *need_of; /* by edge of the graph; DW_NEED_NONE: on no cycle */

	struct dw_way *ways;
	struct dw_witness *witnesses;
	struct dw_writer *writers;
	struct dw_state *states;
	uint32_t n_ways, ways_room;
	uint32_t n_witnesses, witnesses_room;
	uint32_t n_writers, writers_room;
	uint32_t n_states, states_room;
	struct dw_index ways_index, witnesses_index, writers_index, states_index, runs_index;

	uint32_t *path, *scratch; /* room for the deepest chain */
};

static inline const struct dw_chain *dw_need_chain_at(const struct dw_need_drawing *d,
						      uint32_t chain)
{
	return &d->out.facts->chains[chain];
}

static inline uint32_t dw_need_node_at(const struct dw_need_drawing *d, uint32_t chain)
{
	return d->node_of[dw_need_chain_at(d, chain)->thing];
}

/*
 * Adds the ways and witnesses of all needs that are picked, and the writers that readers may have
 * to wait for, with the states in which they came there.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_need_witnesses(struct dw_need_drawing *d);
