/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Happens-before between threads' segments, as creating and joining threads make it.
 *
 * A thread's segments are numbered from 1; creating or joining a thread ends one.
 * All that a parent did in segments up to `parent_run` happens before all that the
 * child does; all that a joined thread did happens before its joiner's segments from
 * the join on. Two moments can meet if neither happens before the other.
 *
 * Single-threaded. Memory comes from the caller's arena; a fixed part of it keeps
 * what was worked out last.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dw_arena;
struct dw_facts;
struct dw_order;

/* @facts must outlive it. Return: 0, or -ENOMEM. */
int dw_order_new(struct dw_order **ret, const struct dw_facts *facts, struct dw_arena *arena);

/* A thread, and the segments in which it did something: a facts.runs index, 0 if unknown. */
struct dw_when {
	uint32_t thread;
	uint32_t runs;
};

/*
 * Whether create and join keep @a and @b, of different threads, apart: of any two of
 * their segments one happens before the other. Where that is not known they can meet. Of facts
 * of several runs: each has to have been seen while the other's thread was about.
 */
bool dw_order_apart(struct dw_order *order, struct dw_when a, struct dw_when b);
