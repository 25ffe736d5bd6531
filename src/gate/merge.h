/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merging: what several runs of a program were seen doing, as the facts of one process, so that
 * two orders seen in two runs make one cycle.
 *
 * Runs are of one program if it has the same name and build. A thing is surely the same in all of
 * them if it is a variable, or the BQL. One of the same given name, or of the same birth place (the
 * whole stack), may be, if no run has two such; but a lock that nobody took is not in a
 * recording, so the two may be two of a class all the same: who reports such a cycle has to
 * say so. All other things are kept, so that locks that are held meanwhile excuse what they
 * excuse, but need nothing and are not needed.
 *
 * A thread is what it was started as: main, or a start routine and a name. Where a run has more
 * than one of a kind, two of them are kept, for two legs may be theirs. Create and join cannot be
 * compared between runs; in their place each fact knows its company: which kinds of
 * threads lived, or could, when it was told. Two facts can meet only if each has the other's
 * thread in its company. So what was seen before a thread was made, or after it was joined, or in a
 * run without it, does not meet what that thread does in another run.
 *
 * What differs by run only is kept once, with where it was seen first.
 *
 * Single-threaded. What is handed out lives as long as the object.
 */
#pragma once

#include "base/cleanup.h"
#include "model/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_merge;

/* What went into it takes @memory_max bytes at most. Return: 0, or -ENOMEM. */
int dw_merge_new(struct dw_merge **ret, size_t memory_max);
struct dw_merge *dw_merge_free(struct dw_merge *merge);

/* Adds what the recording at @path told. Nothing of @facts is kept. Return: 0, or -ENOMEM. */
int dw_merge_add(struct dw_merge *merge, const struct dw_facts *facts, const char *path);

/* How many programs there are, when all is added. */
uint32_t dw_merge_n(const struct dw_merge *merge);

/* The facts of program @i; NULL: it was seen in one run only. */
const struct dw_facts *dw_merge_facts(struct dw_merge *merge, uint32_t i);

/* Whether thing @thing of program @i is surely the same in all runs. */
bool dw_merge_is_sure(const struct dw_merge *merge, uint32_t i, uint32_t thing);

/* The recording in which chain @chain of program @i was seen first. */
const char *dw_merge_path(const struct dw_merge *merge, uint32_t i, uint32_t chain);

DW_DEFINE_AUTO(merge)
