/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of the search for cycles. cycle.c has the search for the shortest ones, and keeps what
 * is found; cycle_hunt.c looks for one that is real.
 *
 * Internal to these.
 */
#pragma once

#include "analysis/cycle.h"
#include "analysis/index.h"

/* The next leg of a path: the present need and way, and where the needs to try end. */
struct dw_cycle_step {
	uint32_t at, end; /* dw_needs::out */
	uint32_t way;     /* DW_NEED_NONE: the need's first is next */
};

struct dw_cycle_search {
	const struct dw_needs *needs;
	struct dw_judge *judge;
	struct dw_arena *arena;
	struct dw_cycles *cycles;
	struct dw_index index; /* of cycles, by their needs */
	uint64_t steps;
	uint32_t n_excused;
	uint32_t legs_max; /* as many as the threads there are can make, within LEGS_MAX */

	/* The breadth-first search backward from `root`. */
	uint32_t root;
	uint32_t *distances; /* by node; DW_NEED_NONE: not reached */
	uint32_t *queue;
	uint32_t n_queue, n_looked;

	/* The path that is being extended. */
	struct dw_cycle_step *path_steps;
	uint32_t *path_needs, *path_ways;
	bool *on_path;       /* by node */
	uint8_t *pairs;      /* by need: enum pair */
	uint32_t *witnesses; /* of the last choice */
	uint32_t *turned_needs, *turned_witnesses;
};

/* What a search for a real cycle is after, and what became of it. */
struct dw_cycle_hunt {
	uint32_t need;         /* the first leg */
	const uint32_t *needs; /* the legs are given; NULL: any */
	uint32_t n;            /* legs of the cycle */
	uint32_t steps, steps_max;
	bool longer;  /* there may be longer cycles */
	bool gave_up; /* not everything was tried */
	bool found;
	struct dw_choice choice;
};

static inline const struct dw_need *dw_cycle_need(const struct dw_cycle_search *s, uint32_t need)
{
	return &s->needs->needs[need];
}

/* At least so many needs lead from @node to the root; DW_NEED_NONE: it is not reached from there.
 */
uint32_t dw_cycle_distance(const struct dw_cycle_search *s, uint32_t node);

/* Looks for a real cycle of h->n legs: tries all paths, depth first. */
void dw_cycle_hunt(struct dw_cycle_search *s, struct dw_cycle_hunt *h);
