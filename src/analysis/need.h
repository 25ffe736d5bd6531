/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Needs, drawn from the chains and the posts, with what was seen of each.
 *
 * Every thing further down a chain needs the chain's last thing, which the thread
 * may have had to wait for. A chain that takes what its path holds already makes no
 * need: it waits for no other holder (but a reader that reads again, past a queued
 * writer, does wait, and is not seen here). Nor does one that just remains.
 *
 * A thing that is no lock needs the lock that a thread took, in the same activity, before it
 * gave that thing.
 *
 * A need that is on no cycle is only counted. Of one that may be, everything is kept
 * that tells one of its witnesses from another:
 *
 *   state    what the thread held when it came to need: a set of things, each held
 *            exclusively or shared
 *   way      a state, the two things, and how the held one was taken and the needed
 *            one wanted; excuses between ways do not depend on who went them
 *   witness  a thread that went this way, and when
 *
 * Nodes are things, or, where the lives of an address are merged, the first of them.
 * Memory comes from the caller's arena, and everything lives as long as that.
 */
#pragma once

#include "analysis/graph.h"
#include "analysis/order.h"
#include "model/event.h"
#include "model/facts.h"

#include <stdbool.h>
#include <stdint.h>

/* In place of a number. */
#define DW_NEED_NONE UINT32_MAX

/* Who, in what state, when: two of them may or may not be possible at once. */
struct dw_moment {
	struct dw_when when;
	uint32_t state;
};

struct dw_witness {
	struct dw_moment moment;
	uint32_t holds, needs, post; /* see struct dw_leg */

	/*
	 * What was given before, or with what the needing thread was woken: who waits, woken by
	 * what the giver gave after it had taken the lock, knows that the lock is out of the way.
	 */
	uint32_t said;           /* thing number; 0: nothing */
	uint16_t pauses, paused; /* see struct dw_chain */
	uint32_t way;
	uint32_t next; /* way::first */
};

struct dw_way {
	uint32_t state;
	uint32_t holds, needs; /* things */
	bool holds_shared;
	bool needs_shared;
	bool gives_up;        /* it does not wait, or not for ever */
	bool is_given;        /* `holds` is no lock: it is not held, but given afterwards */
	uint32_t first, last; /* dw_witness::next, in the order told */
	uint32_t only_thread; /* by whom all its witnesses are; 0: by more than one thread */
	uint32_t next;        /* need::first */
};

struct dw_need {
	uint32_t from, to;    /* nodes */
	uint32_t first, last; /* dw_way::next, in the order told */
};

/* A thread took a thing exclusively, waiting for it. */
struct dw_writer {
	struct dw_moment moment;
	uint32_t thing;
	uint32_t next; /* dw_needs::writers */
};

/* Things and how they are held, sorted: a thing's number times 2, plus 1 if exclusively. */
struct dw_state {
	const uint32_t *held;
	uint32_t n;
};

struct dw_needs {
	const struct dw_facts *facts;
	const struct dw_need
	    *needs; /* those in components of two nodes or more; in the order told */
	const struct dw_way *ways;
	const struct dw_witness *witnesses;
	const struct dw_writer *moments_of_writers;
	const struct dw_state *states;
	const uint32_t *writers; /* by thing; index of moments_of_writers, DW_NEED_NONE: none */
	uint32_t n_needs;
	uint32_t n_nodes;
	uint32_t n_threads;                   /* that are a witness of any of `needs` */
	const uint32_t *posts;                /* by thing: index of posts_next; 0: none */
	const uint32_t *posts_next;           /* by facts.posts index: the next one of its thing */
	uint64_t n_needs_seen, n_things_seen; /* of all needs, on cycles or not */

	/* The needs from and to node i: out[out_starts[i]] up to out[out_starts[i + 1] - 1]. */
	const uint32_t *out_starts, *out;
	const uint32_t *in_starts, *in;
};

/*
 * Draws the needs of @facts, which must outlive them. @node_of gives each thing's node.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_needs_new(struct dw_needs **ret, const struct dw_facts *facts, const uint32_t *node_of,
		 struct dw_arena *arena);

/* Whether the last thing of @chain may have been waited for while others were held. */
bool dw_need_is_made(const struct dw_facts *facts, uint32_t chain);

/* Whether facts.posts[@post] says that its thing needs a lock that may have had to be waited for.
 */
bool dw_need_is_given(const struct dw_facts *facts, uint32_t post);

/* The number of the need @from -> @to, or DW_NEED_NONE. */
uint32_t dw_needs_find(const struct dw_needs *needs, uint32_t from, uint32_t to);

/* Whether who takes a lock like this (enum dw_how) does not wait for it, or not for ever. */
static inline bool dw_how_gives_up(uint32_t how)
{
	/* At the end of a condition wait, even of a timed one, the mutex is waited for. */
	return (how & (DW_TRY | DW_TIMED)) && !(how & DW_RETAKEN);
}
