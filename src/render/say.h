/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said of findings in sentences: the words that all formats for people share.
 *
 * Sentences have neither indentation nor a line's end, and are harmless on a terminal. They live
 * as long as the telling's arena. Where there is nothing to say they are "", if not said otherwise.
 */
#pragma once

#include "render/tell.h"

#include <stdint.h>

/* The most that a leg comes to: what it gives, what it needs, and where its thread is. */
#define DW_SAYINGS_MAX 3

/* "main (4711) holds BQL, first taken at", and the stack; NULL: there is none to be shown. */
struct dw_saying {
	const char *text;
	const struct dw_named_stack *stack;
};

/* Return: how many sayings leg @number comes to; the first of them is what it gives. */
uint32_t dw_say_leg(struct dw_telling *telling, const struct dw_finding *finding, uint32_t number,
		    struct dw_saying ret[DW_SAYINGS_MAX]);

/* The same of a misuse: what was done, and how the lock was held then, as far as it is known. */
uint32_t dw_say_misuse(struct dw_telling *telling, const struct dw_misuse *misuse,
		       struct dw_saying ret[DW_SAYINGS_MAX]);

/* "potential deadlock", "no deadlock (gated)" */
const char *dw_say_verdict(struct dw_telling *telling, const struct dw_finding *finding);

/* "BQL -> fenceq_lock -> BQL"; of a misuse, "main unlocks new_lock, which it does not hold". */
const char *dw_say_chain(struct dw_telling *telling, const struct dw_finding *finding);

/* "for 1.2 s at least": how long what the monitor found had been so. */
const char *dw_say_span(struct dw_telling *telling, const struct dw_finding *finding);

/* The excuse's reason: what keeps the legs from meeting. */
const char *dw_say_excuse(struct dw_telling *telling, const struct dw_finding *finding);

/* "3 waits, 40 ms in all, 20 ms the longest": of a hazard, as far as that was measured. */
const char *dw_say_waits(struct dw_telling *telling, const struct dw_finding *finding);

/* What a reader has to know before believing what the monitor found. Return: how many these are. */
#define DW_SAY_FLAGS_MAX 10
uint32_t dw_say_flags(struct dw_telling *telling, const struct dw_finding *finding,
		      const char *ret[DW_SAY_FLAGS_MAX]);

/* A way in which a thing was seen being given. */
struct dw_giver {
	uint32_t thread;
	const struct dw_frame *frame;
};

/*
 * Who used to give what is waited for at the end of a stall, and does not any more: enough of
 * them to know where to look. *@ret_thing is what they gave. Return: how many.
 */
#define DW_GIVERS_MAX 4
uint32_t dw_say_givers(struct dw_telling *telling, const struct dw_finding *finding,
		       uint32_t *ret_thing, struct dw_giver ret[DW_GIVERS_MAX]);

/* What a thread that waits beside the legs waits for. Never NULL; as the program has it. */
const char *dw_say_waited(struct dw_telling *telling, const struct dw_found_leg *waiter);

/* What was looked at: "qemu (pid 1): 3 threads, 2 locks, 4 needs between them". */
const char *dw_say_process(struct dw_telling *telling, bool all);

/* "tick did not run for 3 s, ..." of facts.silences[@number]. */
const char *dw_say_silence(struct dw_telling *telling, uint32_t number);

/* What comes before those of dw_last_seen(). */
#define DW_SAY_LAST_SEEN "when it was last seen (it has not come to a regular end)"

/* "main (4711) held bql, and waited for new_lock, held by CPU 0/KVM (4713)" */
struct dw_last;
const char *dw_say_last(struct dw_telling *telling, const struct dw_last *last);

/* How many findings there are of each kind; those with an excuse count for that alone. */
#define DW_COUNTED_MAX 16
struct dw_counts {
	size_t verdicts[DW_COUNTED_MAX]; /* by enum dw_verdict */
	size_t excuses[DW_COUNTED_MAX];  /* by enum dw_excuse */
	size_t n_excused, n_blind;
};
struct dw_counts dw_count(const struct dw_report *report);

/* "1 deadlock, 2 potential deadlocks": of what is a reason to fail. */
const char *dw_say_found(struct dw_telling *telling, const struct dw_report *report);

/* "2 hazards: a lock is held across a wait, which nothing ..." */
const char *dw_say_hazards(struct dw_telling *telling, const struct dw_report *report);

/* "3 cycles have an excuse (2 gated, 1 single-thread)" */
const char *dw_say_excused(struct dw_telling *telling, const struct dw_report *report);

/* "clean: ..." or "blind: ..."; "" where there are findings, and all was seen. */
const char *dw_say_result(struct dw_telling *telling, const struct dw_report *report);
