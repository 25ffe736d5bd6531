/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A random program that never deadlocks: its locks, and what its threads do with them.
 *
 * Every lock has a rank. A thread waits for a lock without a limit only if its rank is above
 * all that the thread holds, whatever way it got those; everything else it tries, or waits for
 * shortly. So whoever waits holds less than what it waits for, and no wait closes a cycle.
 *
 * Shared locks live as long as the program. The others are in boxes: blocks of memory that are
 * made anew, under a guard, when nobody is inside.
 */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { NORMAL, RECURSIVE, ERRORCHECK, RWLOCK, RWLOCK_WRITERS, SPIN, N_KINDS };

enum manner { WAIT, TRY, TIMED, CLOCK, N_MANNERS };

struct lock {
	union {
		pthread_mutex_t mutex;
		pthread_rwlock_t rwlock;
		pthread_spinlock_t spin;
	};
	pthread_cond_t cond;
	enum kind kind;
	unsigned rank;
};

#define N_SHARED 10
#define N_BOXES 4
#define BOX_LOCKS 4

/* Ranks: the shared locks, then each box's guard and its locks, then what only one thread knows. */
#define RANK_BOX(i) (N_SHARED + (unsigned)(i) * (BOX_LOCKS + 1))
#define RANK_PRIVATE RANK_BOX(N_BOXES)

struct box {
	struct lock guard;   /* whoever enters, or makes the locks anew, holds it */
	struct lock *locks;  /* BOX_LOCKS of them */
	atomic_uint n_users; /* grows only under the guard */
};

#define N_WAITED 3

/* What is waited for that is no lock. The words are always 0. */
struct waited {
	sem_t semaphores[N_WAITED];
	pthread_barrier_t barriers[N_WAITED];
	uint32_t words[N_WAITED];
};

/* One taking: a lock that is held twice is there twice. */
struct held {
	struct lock *lock;
	bool shared;
};

#define HELD_MAX 12
#define FAVOURITES 3

struct actor {
	uint64_t random; /* never 0 */
	unsigned index;  /* of its thread, in the order of their making; 0: the first */
	struct held held[HELD_MAX];
	unsigned n_held;
	bool inside[N_BOXES];
	unsigned favourites[FAVOURITES]; /* shared locks: so chains come again */
};

extern struct lock shared[N_SHARED];
extern struct box boxes[N_BOXES];

static inline void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "program: %s\n", what);
	abort();
}

/* A number below @n. */
unsigned random_below(struct actor *actor, unsigned n);

/* The time @us microseconds from now. */
struct timespec after(clockid_t clock, unsigned us);

/* lock.c: one lock. */

/* Begins a life; @called: by a call, where there is another way. */
void lock_init(struct lock *lock, enum kind kind, unsigned rank, bool called);
void lock_destroy(struct lock *lock);

/* Whether @actor, whatever others do, may wait for @lock without a limit. */
bool may_wait(const struct actor *actor, const struct lock *lock, bool for_reading);

/* Return: whether @actor got it; then it is the last that it holds. */
bool take(struct actor *actor, struct lock *lock);
void drop(struct actor *actor, unsigned i);

/* A condition wait that lets go of the lock of held[i], if that cannot hurt. */
void wait_for_signal(struct actor *actor, unsigned i);

/* wait.c: what is no lock. */
void waited_init(void);

/* Whatever @actor holds: nobody has to give anything that it then waits for. */
void wait_for_other(struct actor *actor);

/* Signals or broadcasts a condition, or posts a semaphore. */
void post(struct actor *actor);
