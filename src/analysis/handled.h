/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks that a thread takes in a signal handler, and outside of it.
 *
 *   for every lock L that thread T took in a handler of signal S, and would wait for:
 *     if T took L outside while S could come: S can come while T holds L, and T waits for itself
 *     if T took L outside, but always while S was blocked, or had no handler: masked
 *
 * It takes one thread; what other threads do is no excuse.
 */
#pragma once

#include "model/facts.h"

#include <stdbool.h>
#include <stdint.h>

struct dw_arena;

struct dw_handled {
	uint32_t holds;  /* chain number: how the lock was taken outside */
	uint32_t needs;  /* chain number: how it was taken in the handler */
	uint32_t signal; /* its number */
	bool is_masked;
};

struct dw_handled_list {
	struct dw_handled *items;
	uint32_t n;
};

/*
 * One for each thread and lock, in the order in which they were first taken in a handler.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_handled_find(struct dw_handled_list *ret, const struct dw_facts *facts,
		    struct dw_arena *arena);
