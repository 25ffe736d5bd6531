/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Excuses: why the legs of a cycle, witnessed like this, are no deadlock.
 *
 * Each leg needs a thread of its own, must wait for ever, and must be able to be in
 * its state while all others are in theirs; that makes a cycle of needs a deadlock
 * that can happen (Havelund, "Using runtime analysis to guide model checking of Java
 * programs", 2000; Bensalem and Havelund, "Dynamic deadlock analysis of multi-threaded
 * programs", 2005; for segments Agarwal, Wang and Stoller, "Detecting potential
 * deadlocks with static analysis and run-time monitoring", 2005).
 *
 *   single-thread  two legs by one thread
 *   try            a leg's thread does not wait for what it needs, or not for ever
 *   readers        one leg needs shared what the next holds shared, and no writer can
 *                  queue in between: queued writers do not stop readers there, or no
 *                  third thread takes it exclusively, waiting, at a moment that is
 *                  possible together with those of both legs; or the only one that does
 *                  would have to queue elsewhere in the cycle, too
 *   gated          a thing is in two legs' states, in one of them exclusively
 *   ordered        create and join keep two legs apart; or the one that waits was woken by
 *                  what the other gave when it was past the lock
 *   posters        another thread was seen giving what a leg waits for, and never needed
 *                  any of the cycle's locks for it
 *   paused         a profile says that the thread of one leg has paused that of the other
 *   masked         of a lock that a thread takes in a signal handler and outside: outside, the
 *                  signal was blocked, or had no handler
 *   reused         one leg needs one life of an address, the next holds another
 *
 * A thread that waits for what it gives itself is stuck for certain, if nobody else gives it:
 * there, single-thread is no excuse, nor is anything else that is about two threads.
 */
#pragma once

#include "analysis/finding.h"
#include "analysis/need.h"

#include <stdbool.h>
#include <stdint.h>

/* Excuses as a set: bits 1 << enum dw_excuse. */
#define DW_EXCUSE_BIT(excuse) (1U << (excuse))

struct dw_judge;

/* @ignored: excuses that do not count. Return: 0, or -ENOMEM. */
int dw_judge_new(struct dw_judge **ret, const struct dw_needs *needs, struct dw_order *order,
		 unsigned ignored, struct dw_arena *arena);

/*
 * Whether legs that go these ways, whoever and whenever, cannot all be in a deadlock.
 * @way comes after the @n ways in @before; if @next is set, it needs what @next holds.
 */
bool dw_judge_excuses_way(struct dw_judge *judge, const uint32_t *before, uint32_t n, uint32_t way,
			  const uint32_t *next);

/* A choice of one witness for each leg. */
struct dw_choice {
	uint32_t *witnesses; /* the caller's; room for all legs */
	unsigned excuses;    /* all that apply to it, the ignored ones too */
};

enum dw_choosing {
	DW_CHOSEN = 1,
	DW_NO_CHOICE,    /* there is none */
	DW_CHOICES_LEFT, /* none among those that could be tried */
};

/* Looks for witnesses of @ways, one way for each leg, without an excuse. */
enum dw_choosing dw_judge_choose(struct dw_judge *judge, const uint32_t *ways, uint32_t n,
				 struct dw_choice *ret);

/*
 * For a cycle of @needs: the choice with the fewest kinds of excuses; among such, one
 * whose excuses come late in DW_EXCUSES; among such, the one told first. It may miss
 * that where there are very many choices.
 */
void dw_judge_choose_excused(struct dw_judge *judge, const uint32_t *needs, uint32_t n,
			     struct dw_choice *ret);

/* Which excuse of @choice is told: the first of DW_EXCUSES. Fills the excuse part of @ret. */
void dw_judge_explain(struct dw_judge *judge, const struct dw_choice *choice, uint32_t n,
		      struct dw_finding *ret);

/* How many pairs of witnesses were compared so far: a measure of the work. */
uint64_t dw_judge_pairs(const struct dw_judge *judge);
