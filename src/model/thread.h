/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tracker: what one thread holds and waits for, and which of its facts are told.
 *
 * A thread's held locks are a stack, and every prefix of that stack is a chain
 * with a key: a hash of the chain below, the thing, its life, how and where it
 * was taken. A chain whose key this thread has told before costs one look-up. A
 * new one goes to the teller, once, which gives it a number.
 *
 *   want(T, L)  c := chain(held by T, L); if c is not told: tell c
 *   hold(T, L)  T holds c
 *   drop(T, L)  T holds c without L; what was taken after L remains
 *   wait(T, Y)  as want, but Y, which is no lock, is not had afterwards
 *   idle(T)     T begins a new activity
 *   post(T, Y)  for every chain that T came to hold in this activity: tell that Y needs it
 *   kick(T, U)  until U answers, and while T still holds what it holds now, T's sleeps are
 *               waits for the answer
 *
 * The same idea as the chain key of the Linux kernel's lockdep (Documentation/
 * locking/lockdep-design.rst), kept per thread so that it needs no atomics.
 *
 * A thread's creating or joining another starts a new segment; a chain that is
 * seen again in a new segment is told again, cheaply. That keeps the evidence
 * for "these two orders could never meet".
 *
 * Segments, activities and posts are told apart by one counter, the stamp: every told
 * chain has that of its last use, so an old one is noticed by the look-up itself, and
 * what a thread took in its activity, or before a post in it, needs no list to be right.
 *
 * One tracker serves every probe: in the traced program it runs inside the lock
 * calls, so nothing in here allocates, blocks, or touches anything shared. Each
 * thread owns its struct dw_thread. A signal handler may run at any point of
 * these functions and call them for the same thread: entries are published by
 * their index, and what happens while a fact is told is not tracked (`open`).
 */
#pragma once

#include "base/hash.h"
#include "model/event.h"
#include "model/picture.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* In place of a chain's number: it could not be told, and what builds on it cannot be either. */
#define DW_CHAIN_LOST UINT32_MAX

/* The key of the empty chain. Any number but 0, which marks a free entry of the told table. */
#define DW_KEY_EMPTY UINT64_C(0x6465616477617463)

struct dw_thread;

/* What is taken, where and how. */
struct dw_taking {
	uint64_t thing;  /* address */
	uint64_t site;   /* identifies the place; what a place is, is the probe's business */
	uint64_t caller; /* the probe's own: handed through to its teller */
	uint32_t life;   /* changes when the address begins a new life */
	uint8_t how;     /* enum dw_how */
	uint8_t what;    /* enum dw_thing_kind */
};

/*
 * Where a thread's facts go. All members are mandatory. They are called with
 * thread->open cleared, so that a lock taken inside them is not tracked.
 */
struct dw_teller {
	/*
	 * Something new is about to be told: locks that the thread does not hold any more,
	 * because another thread has unlocked them, are to be dropped now. @taking is what is to
	 * be told, if it is a lock, else NULL; its site may be made a more exact one.
	 */
	void (*revise)(struct dw_thread *thread, struct dw_taking *taking);

	/*
	 * A new chain: @taking on top of chain @below (0: nothing is held). For
	 * DW_REMAINS, @remains is the chain whose lock is still held, and nothing was
	 * taken; otherwise 0.
	 *
	 * Return: the chain's number, or DW_CHAIN_LOST.
	 */
	uint32_t (*chain)(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
			  uint32_t remains);

	/*
	 * @taking, which is no lock, is given. In this activity the thread had come to hold
	 * @chain; 0: no lock. After it had last done so, it gave @said; 0: nothing.
	 *
	 * Return: the teller's number of the thing in its present life, to be @said later, when
	 * another may live at its address; 0: it could not be told.
	 */
	uint32_t (*post)(struct dw_thread *thread, const struct dw_taking *taking, uint32_t chain,
			 uint32_t said);

	/*
	 * Thread number @other is to answer at its idle points from now on.
	 *
	 * Return: how many of them it has reached so far; UINT32_MAX: it is not known, or over.
	 */
	uint32_t (*ask)(struct dw_thread *thread, uint32_t other);

	/* Chain @chain happened in thread->segment too. */
	void (*again)(struct dw_thread *thread, uint32_t chain);

	/* @chain: the chain of the lock as this thread holds it; 0 if it does not. */
	void (*misuse)(struct dw_thread *thread, enum dw_misuse_kind kind,
		       const struct dw_taking *taking, uint32_t chain);

	/* Zeroed memory, and its return. NULL: there is none. */
	void *(*memory)(struct dw_thread *thread, size_t size);
	void (*memory_free)(struct dw_thread *thread, void *memory, size_t size);

	/* A slot with room for @max locks (dw_slot_size), zeroed but for `max`; NULL: none. */
	struct dw_slot *(*slot)(struct dw_thread *thread, uint32_t max);

	/* Something was lost. */
	void (*lost)(struct dw_thread *thread, unsigned loss);
};

/*
 * Chains that were told. A table of them is a power of two of these lines, each in one line of a
 * processor's cache; a chain is in the line that the high bits of its key name or, where that is
 * full, in the next one with room.
 */
#define DW_TOLD_WIDTH 4

struct dw_told_line {
	/*
	 * Keys, in halves: the low ones can be compared all at once. Odd: of a chain whose last
	 * lock was taken; even: of anything else. A low half of 0: free.
	 */
	uint32_t low[DW_TOLD_WIDTH], high[DW_TOLD_WIDTH];
	struct dw_told {
		uint32_t chain;
		uint32_t stamp; /* of its last use */
	} told[DW_TOLD_WIDTH];
} __attribute__((aligned(64)));

/* Locks that are held at once and survive a kick are compared up to here. */
#define DW_KICK_DEPTH 6

/* Others that a thread waits for at once; QEMU's largest machines have more vCPUs, but not many. */
#define DW_KICKS_MAX 128

/* A thread that was kicked, and has not been seen to answer yet. */
struct dw_kick {
	uint32_t other;
	uint32_t idles; /* how many idle points it had reached before */
	uint32_t depth; /* locks that the kicker held then, DW_KICK_DEPTH at most */
	uint32_t reserved;
	uint64_t keys[DW_KICK_DEPTH]; /* of their chains, the outermost first */
};

/* Chains of an activity that are found without a search; more than nearly any has. */
#define DW_RECENT_MAX 32

struct dw_thread {
	struct dw_slot *slot; /* what it holds; NULL until dw_thread_begin() */
	struct dw_told_line *told;
	uint32_t told_shift; /* what leaves of a key the number of its line */
	uint32_t n_told;     /* keys in the table */
	uint32_t stamp;      /* changes with the segment, with the activity, and after a post */
	uint32_t number;     /* this thread's number, from 1 */
	uint32_t open;       /* its calls are tracked: it has begun, and is not telling right now */
	uint32_t unsure;     /* it may hold locks that were not seen being taken */
	uint32_t segment;    /* counts from 1 */
	const struct dw_teller *teller;

	/* Stamps: entries of the told table that are not older were used since. */
	uint32_t segment_began, activity_began, said_at;
	uint32_t n_recent; /* beyond DW_RECENT_MAX: the told table has to be searched */
	uint64_t recent[DW_RECENT_MAX]; /* keys of this activity's chains */
	uint64_t woken_by;              /* the thing whose wait this activity began with; 0: none */
	struct dw_kick *kicks;          /* DW_KICKS_MAX of them; NULL until the first */
	uint32_t n_kicks;
	uint32_t said;    /* what this activity gave last, as the teller numbers it; 0: none */
	uint16_t n_words; /* waits for lock words; see dw_slot::waits */
};

/*
 * Readies @thread, whose `number` and `teller` are set and whose rest is zero.
 *
 * Return: 0, or -ENOMEM, leaving it as it was.
 */
int dw_thread_begin(struct dw_thread *thread);

/* Gives the told table back. The slot stays where the teller put it. */
void dw_thread_end(struct dw_thread *thread);

/* The slow ways of the inline functions below. */
void dw_thread_want_slow(struct dw_thread *thread, uint64_t thing, uint64_t site, uint64_t caller,
			 uint32_t life, uint32_t manner);
void dw_thread_hold_slow(struct dw_thread *thread, const struct dw_taking *taking);

/*
 * What a key is made of is multiplied beside each other, so that the key is there soon; the high
 * bits are the good ones. The key below is turned, lest the order of locks be lost; the life
 * reaches the high bits as well, because an address may have many. Odd, so it is of a lock that is
 * taken; see struct dw_told_line.
 */
static inline uint64_t dw_thread_key(uint64_t below, const struct dw_taking *taking)
{
	uint64_t where = taking->site ^ (uint64_t)taking->how << 56;
	uint64_t key =
	    taking->thing * DW_HASH_GOLDEN ^ where * DW_HASH_SECOND ^ taking->life * DW_HASH_THIRD;

	return (key ^ (below << 23 | below >> 41)) | 1;
}

/*
 * The slow ways of the functions below get what is taken piece by piece: so it needs no memory,
 * and stays in registers, on the way that nearly every call takes.
 */

/* The entry of a lock that is about to be taken, whose chain with @key was told as @chain. */
static inline __attribute__((always_inline)) void
dw_held_ready(struct dw_held *held, const struct dw_taking *taking, uint64_t key, uint32_t chain)
{
	held->thing = taking->thing;
	held->key = key;
	held->chain = chain;
	held->manner = dw_manner(taking->how, taking->what);
}

/* Which of the keys in @line, a bit each, have @key's low half: nearly always it is one or none. */
static inline unsigned dw_told_same(const struct dw_told_line *line, uint64_t key)
{
#if defined(__SSE2__)
	__m128i low = _mm_load_si128((const __m128i *)line->low);
	__m128i same = _mm_cmpeq_epi32(low, _mm_set1_epi32((int)key));

	return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(same));
#else
	unsigned same = 0;

	for (unsigned i = 0; i < DW_TOLD_WIDTH; i++)
		same |= (unsigned)(line->low[i] == (uint32_t)key) << i;
	return same;
#endif
}

/* Where what was told of @key is, unless its line is full. */
static inline struct dw_told_line *dw_told_line(const struct dw_thread *thread, uint64_t key)
{
	return &thread->told[key >> thread->told_shift];
}

/*
 * What was told of @key, where that was used in this activity, and is in its own line; NULL: it has
 * to be looked for.
 */
static inline __attribute__((always_inline)) const struct dw_told *
dw_told_lately(const struct dw_thread *thread, uint64_t key)
{
	const struct dw_told_line *line = dw_told_line(thread, key);
	unsigned same = dw_told_same(line, key), i;

	if (__builtin_expect(!same, 0))
		return NULL;
	i = (unsigned)__builtin_ctz(same);
	if (__builtin_expect(line->high[i] != key >> 32 || line->told[i].stamp != thread->stamp, 0))
		return NULL;
	return &line->told[i];
}

/*
 * @thread is about to take a lock. Tells the chain if it is new, before the real
 * call blocks, so that the last step into a deadlock is on record. Readies the entry
 * of what is held: dw_thread_hold() makes it count if the lock is had. If it is not
 * (trylock, timeout, error), call dw_thread_fail() instead.
 */
static inline __attribute__((always_inline)) void dw_thread_want(struct dw_thread *thread,
								 const struct dw_taking *taking)
{
	struct dw_slot *slot = thread->slot;
	uint32_t top = slot->top;
	uint64_t key = dw_thread_key(slot->held[top].key, taking);
	const struct dw_told *told = dw_told_lately(thread, key);

	slot->wants = taking->thing;
	if (__builtin_expect(!told || top == slot->max, 0)) {
		dw_thread_want_slow(thread, taking->thing, taking->site, taking->caller,
				    taking->life, dw_manner(taking->how, taking->what));
		return;
	}
	dw_held_ready(&slot->held[top + 1], taking, key, told->chain);
}

/*
 * The lock of the last dw_thread_want(), at @thing, is held now.
 *
 * Signal handlers may have taken locks in between, and overwritten the entry that was
 * readied. So it is looked at before it counts, lest another one's be held for a moment, and
 * after: then it is ours.
 *
 * Return: whether it is the right one; if not, dw_thread_hold_slow() has to follow.
 */
static inline __attribute__((always_inline)) bool dw_thread_hold_ready(struct dw_thread *thread,
								       uint64_t thing)
{
	struct dw_slot *slot = thread->slot;
	uint32_t top = slot->top + 1;

	if (__builtin_expect(slot->held[top].thing != thing, 0))
		return false;
	slot->wants = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	slot->top = top;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(slot->held[top].thing == thing, 1))
		return true;
	slot->top = top - 1;
	return false;
}

/*
 * dw_thread_want() for a lock that nobody has, by a thread that holds none and has most likely told
 * it: all that it does, but for looking for the chain, which dw_thread_hold_first() does. For
 * what is done before a call delays it, while what is done after it may run beside the program's
 * own waiting for a line of another processor's cache. (To ask for the line of what was told before
 * the call makes a lock by itself quicker, and locks that two threads take slower.) No deadlock
 * needs this step on record before it is made, as nobody waits for a lock of this thread's. Should
 * another thread be faster now, the picture shows what is waited for, and that its chain was lost.
 */
static inline __attribute__((always_inline)) void
dw_thread_want_first(struct dw_thread *thread, uint64_t thing, uint32_t manner)
{
	struct dw_held *held = &thread->slot->held[1];

	held->thing = thing;
	held->chain = DW_CHAIN_LOST;
	held->manner = manner;
	thread->slot->wants = thing;
}

/* dw_thread_hold_ready() for the lock of the last dw_thread_want_first(). */
static inline __attribute__((always_inline)) bool
dw_thread_hold_first(struct dw_thread *thread, const struct dw_taking *taking)
{
	struct dw_held *held = thread->slot->held;
	uint64_t key = dw_thread_key(held[0].key, taking);
	const struct dw_told *told = dw_told_lately(thread, key);

	if (__builtin_expect(!told, 0))
		return false;
	held[1].key = key;
	held[1].chain = told->chain;
	return dw_thread_hold_ready(thread, taking->thing);
}

/* The same where @taking, that of the want, is still at hand. */
static inline void dw_thread_hold(struct dw_thread *thread, const struct dw_taking *taking)
{
	if (!dw_thread_hold_ready(thread, taking->thing))
		dw_thread_hold_slow(thread, taking);
}

/* The lock of the last dw_thread_want() was not had after all. */
static inline void dw_thread_fail(struct dw_thread *thread)
{
	thread->slot->wants = 0;
}

/* dw_thread_drop() for the lock taken last; false: it is not that one, and nothing happened. */
static inline __attribute__((always_inline)) bool dw_thread_drop_last(struct dw_thread *thread,
								      uint64_t thing)
{
	struct dw_slot *slot = thread->slot;
	uint32_t top = slot->top;
	const struct dw_held *held = &slot->held[top];

	/* No lock is at address 0, so the empty chain's entry is never taken for one. */
	if (__builtin_expect(held->thing != thing || held->deeper, 0))
		return false;
	slot->top = top - 1;
	return true;
}

/*
 * @thread is about to let go of @thing.
 *
 * Return: whether it was held.
 */
bool dw_thread_drop(struct dw_thread *thread, uint64_t thing);

/*
 * @thread is seen to hold @taking's lock, which it was not seen taking: nothing follows from that
 * but that it holds it. Not while it is about to take one, or in a wait.
 */
void dw_thread_found(struct dw_thread *thread, const struct dw_taking *taking);

/* The entry of @thing among what @thread holds; NULL if it does not hold it. */
struct dw_held *dw_thread_find(struct dw_thread *thread, uint64_t thing);

/*
 * @thread has taken a reentrant lock; if it held it before, in the same mode, this is no
 * new step of the chain. Call it before dw_thread_want(): such a lock is never waited for.
 *
 * Return: whether it held it.
 */
bool dw_thread_rehold(struct dw_thread *thread, const struct dw_taking *taking);

/* A wait for what is no lock, under way. */
struct dw_waiting {
	struct dw_held outer; /* what the thread waited for when a signal handler began this one */
	uint32_t chain;       /* of what is held and this; 0: nothing is held, or it was lost */
};

/*
 * @thread is about to wait for @taking->thing, which is no lock (DW_WAITS is among its hows).
 * Tells the chain if something is held, and publishes what is waited for. Where @sleeps,
 * this is not the wait itself but a pause on the way to it: if others were kicked under
 * what is held, their answers are what is waited for.
 */
void dw_thread_wait(struct dw_thread *thread, const struct dw_taking *taking, bool sleeps,
		    struct dw_waiting *ret);

/* That wait is over, whatever its result. */
void dw_thread_waited(struct dw_thread *thread, const struct dw_waiting *waiting);

/* Whether dw_thread_wait() would have something to tell or publish for a call. */
static inline bool dw_thread_has_to_wait(const struct dw_thread *thread)
{
	return (thread->slot->top | thread->n_kicks) != 0;
}

/*
 * @thread waits by asking again and again: under the lock that it took last, one more time
 * at @now_ns, CLOCK_MONOTONIC.
 */
void dw_thread_poll(struct dw_thread *thread, uint64_t now_ns);

/*
 * @thread is about to wait on @condition with @mutex as its mutex: lets go of that, and wants
 * it again (DW_RETAKEN is added to it). Tells misuse if the mutex is not held, or held more
 * than once.
 *
 * Return: whether the mutex is let go. When the wait is over, whatever its result, call
 * dw_thread_waited(), dw_thread_idle(), and in this case dw_thread_retake().
 */
bool dw_thread_park(struct dw_thread *thread, struct dw_taking *mutex,
		    const struct dw_taking *condition, struct dw_waiting *ret);

/* The mutex of dw_thread_park() is had again. */
void dw_thread_retake(struct dw_thread *thread, const struct dw_taking *mutex);

/*
 * @thread is back from an idle point: a new activity begins. @at says where, for its answer
 * to those who have asked; its `thing` is what the thread had waited for, 0 if nothing that
 * others give.
 */
void dw_thread_idle_slow(struct dw_thread *thread, const struct dw_taking *at);

static inline void dw_thread_idle(struct dw_thread *thread, const struct dw_taking *at)
{
	thread->slot->n_idles++;
	if (thread->n_recent | (thread->woken_by != at->thing) | (thread->said != 0) |
	    (thread->slot->asked == DW_ASKED))
		dw_thread_idle_slow(thread, at);
}

/* @thread gives @taking->thing. */
void dw_thread_post(struct dw_thread *thread, const struct dw_taking *taking);

/* @thread sends thread number @other a signal. */
void dw_thread_kick(struct dw_thread *thread, uint32_t other);

/* A misuse, told once for each kind, thing and site. */
void dw_thread_misuse(struct dw_thread *thread, enum dw_misuse_kind kind,
		      const struct dw_taking *taking, uint32_t chain);

/* @thread has made or joined another. */
void dw_thread_new_segment(struct dw_thread *thread);
