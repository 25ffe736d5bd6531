/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last picture of a process that nobody watched, and that did not come to its regular end:
 * who waited for something while holding a lock, or for a lock that another thread held.
 *
 * That is where its threads were, and no more: how long they had been there is not known, nor
 * that they would have stayed.
 */
#pragma once

#include "model/facts.h"

#include <stdbool.h>

struct dw_reported_process;

/* A thread of that picture. */
struct dw_last {
	uint32_t thread;            /* number */
	uint32_t waits;             /* number of the chain that ends with what it waited for */
	uint64_t address;           /* of that */
	const struct dw_slot *slot; /* held[1] to held[top]: what it held */
};

/* Whether @thread belongs to the picture: then @ret is filled. */
bool dw_last_seen(const struct dw_reported_process *process, uint32_t thread, struct dw_last *ret);

/* The next thread, from @thread on, that held the lock @last waited for; 0: there is none. */
uint32_t dw_last_holder(const struct dw_reported_process *process, const struct dw_last *last,
			uint32_t thread);

/* The chain of the held lock @i, to be named by; 0: it was lost. */
uint32_t dw_last_held(const struct dw_last *last, uint32_t i);
