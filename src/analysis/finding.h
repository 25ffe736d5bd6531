/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings: what the facts of one process come to, as plain data without words.
 *
 * A cycle of needs has legs: in leg i a thread holds thing i and needs thing i + 1,
 * the last leg needs thing 0. Each leg is witnessed by two chains: how the thread
 * had taken what it holds, and how it took, or waited for, what it needs. A thing that is
 * no lock is not held but given: there the first of the two is a post.
 */
#pragma once

#include "base/cleanup.h"
#include "model/facts.h"

#include <stddef.h>
#include <stdint.h>

#define DW_VERDICTS(X)                                                                           \
	X(DW_POTENTIAL, 1, "potential")   /* a cycle of needs: it can happen */                  \
	X(DW_MISUSE, 2, "misuse")         /* wrong whatever other threads do */                  \
	X(DW_DEADLOCK, 3, "deadlock")     /* it has happened: the monitor saw it, twice */       \
	X(DW_STALL, 4, "stall")           /* others wait for what its holder does not let go */  \
	X(DW_HAZARD, 5, "hazard")         /* held across a wait for what is no lock; no cycle */ \
	X(DW_UNDECLARED, 6, "undeclared") /* a need that an order file does not declare */

enum dw_verdict {
#define X(name, value, text) name = value,
	DW_VERDICTS(X)
#undef X
};

/*
 * Why a cycle is no deadlock; see excuse.h for what each one means. A cycle has an
 * excuse only if every choice of witnesses for its legs has one. Shown is the choice
 * with the fewest kinds of excuses; among such, one whose excuses come late in this
 * list (`single-thread` is said only where no two threads would do); among such, the
 * one told first. Of the excuses of that choice, the first of this list is told.
 */
#define DW_EXCUSES(X)                                                                         \
	X(DW_NO_EXCUSE, 0, "none")                                                            \
	X(DW_EXCUSE_REUSED, 1, "reused") /* the legs met different lives of an address */     \
	X(DW_EXCUSE_SINGLE_THREAD, 2,                                                         \
	  "single-thread")                 /* two legs have just one thread to do them */     \
	X(DW_EXCUSE_TRY, 3, "try")         /* a leg does not wait, or not for ever */         \
	X(DW_EXCUSE_READERS, 4, "readers") /* two readers meet, and no writer can queue */    \
	X(DW_EXCUSE_GATED, 5, "gated")     /* a lock held in two legs keeps them apart */     \
	X(DW_EXCUSE_ORDERED, 6, "ordered") /* create and join keep two legs apart */          \
	X(DW_EXCUSE_POSTERS, 7,                                                               \
	  "posters") /* another thread was seen giving it without taking the lock first */    \
	X(DW_EXCUSE_PAUSED, 9, "paused") /* the thread of a leg has paused that of another */ \
	X(DW_EXCUSE_MASKED, 8, "masked") /* the signal was not let in meanwhile */

enum dw_excuse {
#define X(name, value, text) name = value,
	DW_EXCUSES(X)
#undef X
};

struct dw_leg {
	uint32_t thread; /* number */
	uint32_t holds;  /* chain number: its last thing is what is held; 0: see `post` */
	uint32_t needs;  /* chain number: its last thing is what is needed; `holds` is on its path;
			  * 0 in a finding of the monitor: see dw_found_leg::thing */

	/*
	 * facts.posts index: what the leg before needs is not held by this thread, but given by
	 * it, after it has taken what `needs` ends with; 0: it is held.
	 */
	uint32_t post;
	uint32_t stack; /* where the thread is now, as the monitor saw it; 0: not known */

	/*
	 * The signal in whose handler the thread takes what it needs, which is what it holds; so
	 * `holds` is not on the path of `needs`. 0: in none.
	 */
	uint32_t signal;
};

struct dw_finding {
	uint32_t verdict; /* enum dw_verdict */
	uint32_t excuse;  /* enum dw_excuse; always DW_NO_EXCUSE for misuse */

	/* What the excuse rests on: the gate's thing number, or 0; and the two legs concerned. */
	uint32_t gate;
	uint32_t excused[2];

	/*
	 * A cycle: at least 2 (1, if a thread waits for what it alone would give, or takes in a
	 * signal handler what it may hold); starts with
	 * the thing first seen. A stall: a path. A hazard: 1.
	 */
	const struct dw_leg *legs;
	uint32_t n_legs;
	uint32_t misuse; /* index of facts.misuses; else 0 */
	uint32_t found;  /* index of facts.founds, where the monitor found it; else 0 */
};

/* What an analysis could not do within its limits. All 0: it did everything. */
struct dw_analysis_limits {
	uint64_t cycles_not_searched; /* needs on cycles whose cycles were not all looked at */
	uint64_t choices_not_tried;   /* ways round a cycle with more choices of witnesses than
				       * were tried */
	uint64_t excused_not_kept;    /* cycles, or needs on them, that surely have an excuse and
				       * are too many to be shown: no deadlock is missed */
};

struct dw_analysis;

/*
 * An analysis of @facts, which must outlive it.
 *
 * Return: 0, or -ENOMEM at @memory_max bytes.
 */
int dw_analysis_new(struct dw_analysis **ret, const struct dw_facts *facts, size_t memory_max);
struct dw_analysis *dw_analysis_free(struct dw_analysis *analysis);

/*
 * Draws the findings: what the monitor found, cycles without an excuse, misuses, hazards,
 * then cycles with an excuse. Cycles: short ones before long ones, then by the chain that closed
 * them, then by their legs' chains; misuses: as told. The same facts give the same findings in the
 * same order, whatever their addresses. Lives as long as @analysis.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_analysis_run(struct dw_analysis *analysis);

/*
 * The same of no more than what was found in the running process: facts of one moment, which
 * were not taken all at once, prove no order. Return: 0, or -ENOMEM.
 */
int dw_analysis_run_founds(struct dw_analysis *analysis);
const struct dw_finding *dw_analysis_findings(const struct dw_analysis *analysis, size_t *ret_n);
void dw_analysis_limits(const struct dw_analysis *analysis, struct dw_analysis_limits *ret);

/* How many different needs (pairs of things) and things in them there are. */
uint64_t dw_analysis_n_needs(const struct dw_analysis *analysis);
uint64_t dw_analysis_n_things(const struct dw_analysis *analysis);

/* The words of the enums above, or "?"; static. */
const char *dw_verdict_word(unsigned verdict);
const char *dw_excuse_word(unsigned excuse);

DW_DEFINE_AUTO(analysis)
