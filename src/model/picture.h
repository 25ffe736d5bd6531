/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture: what each thread holds and waits for at this moment.
 *
 * The tracker keeps a thread's part of it in a slot. The slot lies in the
 * recording, so what a thread held and waited for is there to be read while it
 * runs and after it was killed. Only the thread itself writes its slot, without
 * atomics: a reader in another process takes two looks and compares.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A lock that a thread holds. A wire format. */
struct dw_held {
	uint64_t thing; /* its address */
	uint64_t key;   /* hash of the chain up to and including this lock */
	uint32_t chain; /* the told chain that ends with this lock; DW_CHAIN_LOST if it was lost */
	union {
		struct {
			uint8_t how;        /* enum dw_how */
			uint8_t what : 7;   /* enum dw_thing_kind */
			uint8_t polled : 1; /* a poll was seen under it; see dw_slot */
			uint16_t deeper;    /* how often the holder has taken it again */
		};
		uint32_t manner; /* all of it in one, to be written at once */
	};
};
_Static_assert(sizeof(struct dw_held) == 24, "dw_held is a wire format");

/* `manner` of a lock that is not taken again. The recording is of little-endian machines. */
static inline uint32_t dw_manner(uint8_t how, uint8_t what)
{
	return how | (uint32_t)what << 8;
}

/* Whether a thread's idle points are answers: it was sent a signal, or it runs a guest. */
enum dw_asked {
	DW_NOT_ASKED = 0,
	DW_ASKED = 1,
	DW_ANSWERS = 2, /* and it has said what it had taken before it was asked */
};

/*
 * A thread's slot. A wire format.
 *
 * held[0] is the empty chain and never a lock: it saves the tracker the question
 * whether anything is held. The locks are held[1] to held[top], in the order in
 * which they were taken. The entry behind them is the lock that is being taken; so
 * there is room for one more than `max`.
 */
struct dw_slot {
	uint64_t wants;   /* address of the lock it is taking; 0 if none */
	uint32_t top;     /* index of the last lock held; 0 if none is */
	uint32_t max;     /* the largest value that `top` may have here */
	uint32_t thread;  /* whose slot this is */
	uint32_t n_polls; /* see polling_ns */

	/*
	 * Who waits by asking again and again (sleeps, polls, tries locks in vain) runs, and
	 * yet makes no progress. So the first such poll under a lock marks the lock's entry
	 * (dw_held::polled) and sets `polling_ns`, CLOCK_MONOTONIC; those that find the mark
	 * still there count up `n_polls`. Letting go of the lock takes the mark away.
	 */
	uint64_t polling_ns;

	uint32_t n_idles; /* idle points that it has reached */
	uint32_t asked;   /* enum dw_asked */

	/*
	 * What it waits for that is no lock; `thing` 0: nothing. `key` is the site, as an
	 * address in the process; `chain` is the told chain of what is held and this, 0 if
	 * nothing is held. `deeper` tells waits for lock words apart: their end is no idle point.
	 */
	struct dw_held waits;
	struct dw_held held[];
};
_Static_assert(sizeof(struct dw_slot) == 64, "dw_slot is a wire format");

/* From now on the thread of @slot answers at its idle points. Any thread may ask. */
static inline void dw_slot_ask(struct dw_slot *slot)
{
	uint32_t asked = DW_NOT_ASKED;

	__atomic_compare_exchange_n(&slot->asked, &asked, DW_ASKED, 0, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

/* Bytes of a slot for @max locks. */
static inline size_t dw_slot_size(uint32_t max)
{
	return sizeof(struct dw_slot) + ((size_t)max + 2) * sizeof(struct dw_held);
}
