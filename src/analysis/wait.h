/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for what at this moment, and who could give it. See now.h for the rules.
 *
 * Only things that somebody waits for are looked at. Memory comes from the caller's arena,
 * and everything lives as long as that.
 */
#pragma once

#include "analysis/now.h"
#include "model/event.h"
#include "model/picture.h"

/* In place of a number. */
#define DW_WAIT_NONE UINT32_MAX

/*
 * How long it takes to believe what is not proved by one look: that a thread polls, that
 * nobody else gives a condition.
 */
#define DW_WAIT_BELIEVED_NS UINT64_C(1000000000)

struct dw_wait {
	uint64_t address; /* of the thing; 0: this is no wait */
	uint32_t chain;   /* as it was told; 0: it was not */
	uint32_t thing;   /* number; 0: not known */
	uint32_t node;    /* of dw_waits::nodes */
	uint32_t next;    /* dw_node::first_wait */
	uint8_t how;      /* enum dw_how */
	uint8_t what;     /* enum dw_thing_kind */
	bool at_lock;     /* see dw_now_look */
};

/* Its own wait; and the mutex that it needs when that is over. */
enum dw_wait_part { DW_WAIT_OWN, DW_WAIT_RETAKE, DW_WAIT_PARTS };

struct dw_waiter {
	struct dw_wait waits[DW_WAIT_PARTS];
	const struct dw_slot *slot; /* NULL: it has ended, or was never seen */
	uint64_t span_ns;           /* how long it has waited, or polled, without progress */
	uint32_t gives;             /* dw_giver::next_of_thread; DW_WAIT_NONE at the end */
	bool polls;
	bool stuck;
};

/* One way in which a thing could be given. */
struct dw_giver {
	uint32_t thread;
	uint32_t holds; /* chain number; 0: by a post, or as an ending or answer, or it was lost */
	uint32_t post;  /* facts.posts index; 0: it holds it, or is it */
	bool shared;
	bool gone;               /* the thread has ended */
	uint32_t node;           /* of dw_waits::nodes */
	uint32_t next;           /* dw_node::first */
	uint32_t next_of_thread; /* dw_waiter::gives */
};

/* A thing that is waited for. */
struct dw_node {
	uint64_t address;
	uint32_t thing;      /* number; 0: not known */
	uint32_t first;      /* dw_waits::givers; DW_WAIT_NONE at the end */
	uint32_t first_wait; /* thread number * DW_WAIT_PARTS + part; DW_WAIT_NONE at the end */
	uint32_t n_exclusive;
	uint8_t what;
	bool is_word; /* a lock that is a word: nobody is seen to hold it */
	bool writer_waits;
	bool stuck[2]; /* whoever waits for it like this is stuck: not shared, shared */
};

struct dw_waits {
	const struct dw_now *now;
	struct dw_waiter *waiters; /* by thread number */
	struct dw_node *nodes;
	struct dw_giver *givers;
	uint32_t n_threads, n_nodes, n_givers;
};

/* Return: 0, or -ENOMEM. */
int dw_waits_new(struct dw_waits **ret, const struct dw_now *now, struct dw_arena *arena);

/*
 * The first giver of @wait's thing, from number @giver on, that keeps it from being given.
 * Return: its number, or DW_WAIT_NONE.
 */
uint32_t dw_waits_giver(const struct dw_waits *waits, const struct dw_wait *wait, uint32_t giver);

static inline uint32_t dw_waits_first_giver(const struct dw_waits *waits,
					    const struct dw_wait *wait)
{
	return dw_waits_giver(waits, wait, waits->nodes[wait->node].first);
}

static inline uint32_t dw_waits_next_giver(const struct dw_waits *waits, const struct dw_wait *wait,
					   uint32_t giver)
{
	return dw_waits_giver(waits, wait, waits->givers[giver].next);
}

/* Whether this wait of @thread has no end, because only stuck threads could give the thing. */
bool dw_waits_is_stuck(const struct dw_waits *waits, uint32_t thread, enum dw_wait_part part);

static inline bool dw_wait_is_lock(const struct dw_wait *wait)
{
	return wait->what == DW_MUTEX || wait->what == DW_RWLOCK || wait->what == DW_SPINLOCK ||
	       wait->what == DW_ONCE;
}

/* The same, whether its holders can be seen or not. */
static inline bool dw_wait_is_any_lock(const struct dw_wait *wait)
{
	return wait->at_lock || dw_wait_is_lock(wait);
}

/* A thing that is a thread's to give, and nobody else's. */
static inline bool dw_wait_is_for_thread(const struct dw_wait *wait)
{
	return wait->what == DW_ENDING || wait->what == DW_ANSWER;
}
