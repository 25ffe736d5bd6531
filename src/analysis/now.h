/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Now: what is stuck at this moment, from one picture of all threads and from what was seen
 * of each since the pictures before.
 *
 *   stuck(T)    T waits for ever for a thing that only stuck threads can give:
 *                 a lock       its holders: the one that has it, or any of its readers
 *                 an ending,   the thread
 *                 an answer
 *                 others       all living threads that were ever seen giving it; that there
 *                              is no other is inferred. A call is no such thing, unless its
 *                              name is from a profile
 *               A condition wait that lets a mutex go needs that mutex as well.
 *   deadlock    a cycle of stuck threads with a lock, an ending or an answer in it, or with a
 *               post that needs a lock which one of its threads holds. Threads that idle on
 *               each other's conditions are none.
 *   stall       a path: somebody waits too long for a lock, whoever holds it makes no
 *               progress, and so on up to one that waits for something else, or polls, or
 *               runs: then its time on a processor counts, and not that in which others had
 *               them. Where nobody is known to hold the lock, its waiter is all there is, and
 *               one has to have slept all the while. So it
 *               is with locks that are words of a program's own: nobody is seen to hold them,
 *               and who once gave such a word let go of the lock, and need not have it again.
 *
 * Who waits for ever: who waits without a limit, in the same wait as when it was seen before; or
 * who polls, under a lock that it has not let go meanwhile. A waiter that has not run proves that
 * the lock was not let go: that would have woken one.
 *
 * Memory comes from the caller's arena. Single-threaded.
 */
#pragma once

#include "base/arena.h"
#include "base/rans.h"
#include "model/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was seen of a thread over several looks at it. All zero: nothing is known of it. */
struct dw_now_look {
	uint64_t same_ns;  /* for how long its slot has been the same, at least */
	uint64_t still_ns; /* for how long it has not run either, at least; 0: it did run */
	bool polls;        /* it has asked again (dw_slot::n_polls) a short time ago */
	bool at_lock;      /* the word that it waits on is a lock: its stack says so */
	const struct dw_rans *rans; /* NULL: it is not known what it was given of processors */
};

/* The picture is in the facts' slots. */
struct dw_now {
	const struct dw_facts *facts;
	const struct dw_now_look *looks; /* by thread number */
	uint64_t now_ns;                 /* CLOCK_MONOTONIC of the last look */
	uint64_t stall_ns;
};

/*
 * Deadlocks, the definite and short ones first, then stalls. Legs have no stacks. A leg that
 * neither `holds` nor has a `post` gives its own end or answer, or the lock that it holds was
 * lost; a first leg that only waits waits for a lock that nobody is known to hold.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_now_find(const struct dw_now *now, struct dw_arena *arena, const struct dw_found **ret,
		size_t *ret_n);
