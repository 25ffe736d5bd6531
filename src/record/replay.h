/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a replay: its threads drive the tracker, and what that tells is gathered
 * in rows. replay.c has the whole and the meaning of the events of threads, replay_lock.c that of
 * locks, replay_wait.c that of waits and activities, replay_teller.c the gathering.
 *
 * Internal to these.
 */
#pragma once

#include "model/thread.h"
#include "record/numbering.h"
#include "record/story.h"

/* A wait for what is no lock, under way. */
struct dw_replay_wait {
	struct dw_waiting waiting;
	struct dw_taking taking; /* what is waited for */
	struct dw_taking mutex;  /* what it will have again afterwards; thing 0: nothing */
	uint64_t began_ns;
};

/* Signal handlers wait within waits; whoever leaves its waits by longjmp() does not end them. */
#define DW_REPLAY_WAITS_MAX 8

struct dw_replay_thread {
	struct dw_thread thread; /* first: the teller gets this */
	struct dw_replay *replay;
	struct dw_taking taking; /* the lock that it wants */
	bool wants;
	bool ended;
	uint8_t woken_what; /* enum dw_thing_kind of what its activity began with */
	uint32_t n_waits;
	struct dw_replay_wait *waits; /* DW_REPLAY_WAITS_MAX of them; NULL until the first */
	uint32_t above; /* the thread that made it, or one further up; 0: not known to be made */
};

/* An address at which there was a thing. */
struct dw_replay_lock {
	uint32_t thing;  /* number of the thing that lives there; 0: none */
	uint32_t last;   /* number of that, or of the one that lived there before */
	uint32_t lives;  /* so far */
	uint32_t holder; /* the thread that was the last to take it */
	bool used;       /* something was told of `thing`; else it is free for the next life */
};

struct dw_replay {
	struct dw_arena *arena;
	struct dw_facts facts;

	/* Where the event happens that is being replayed. */
	uint32_t stack, hint;
	uint32_t holder; /* whom a misuse concerns */
	bool failed;     /* no memory */

	struct dw_replay_thread *threads; /* by number */
	struct dw_told_thread *told;      /* by number */
	struct dw_numbering addresses;    /* -> index of `locks` */
	struct dw_numbering sites;        /* -> stack, where nothing else is known of stacks */

	struct dw_replay_lock *locks;
	struct dw_thing *things;
	struct dw_chain *chains;
	uint32_t *tails; /* by chain: its last run */
	struct dw_run *runs;
	struct dw_joined *joins;
	struct dw_misuse *misuses;
	struct dw_post *posts;
	struct dw_told_slot *slots;
	uint32_t n_locks;
	uint32_t locks_room, things_room, chains_room, tails_room, runs_room, joins_room,
	    misuses_room, posts_room, slots_room;
};

extern const struct dw_teller dw_replay_teller;

/*
 * The next row of @rows, `rows` of @replay with `rows_room`; its number is @n, which is
 * counted up. NULL: no memory, and the replay has failed.
 */
#define dw_replay_add(replay, rows, n)                                                 \
	((__typeof__((replay)->rows))dw_replay_row((replay), (void **)&(replay)->rows, \
						   &(replay)->rows##_room, &(n),       \
						   sizeof(*(replay)->rows)))
void *dw_replay_row(struct dw_replay *replay, void **rows, uint32_t *room, uint32_t *n,
		    size_t size);

/* The lock at @address, with a thing that lives; NULL: no memory. */
struct dw_replay_lock *dw_replay_lock(struct dw_replay *replay, uint64_t address, unsigned kind);

/*
 * What @event does to the thing at @address, of kind @what.
 *
 * Return: false if there can be no thing, or no memory.
 */
bool dw_replay_taking(struct dw_replay *replay, const struct dw_event *event, uint64_t address,
		      unsigned what, struct dw_taking *ret);

/* The events of locks, as event.h has them: that one is made, and all others. */
void dw_replay_init(struct dw_replay_thread *actor, const struct dw_event *event);
void dw_replay_on_lock(struct dw_replay_thread *actor, const struct dw_event *event);

/* The events of waits and activities. */
void dw_replay_park(struct dw_replay_thread *actor, const struct dw_event *event);
void dw_replay_wake(struct dw_replay_thread *actor, const struct dw_event *event);
void dw_replay_enter(struct dw_replay_thread *actor, const struct dw_event *event);
void dw_replay_leave(struct dw_replay_thread *actor, const struct dw_event *event);
void dw_replay_idle(struct dw_replay_thread *actor, const struct dw_event *event);
void dw_replay_post(struct dw_replay_thread *actor, const struct dw_event *event);
void dw_replay_end(struct dw_replay_thread *actor, const struct dw_event *event);
