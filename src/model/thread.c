/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/thread.h"

#include "model/facts.h"
#include "model/told.h"

#include <errno.h>

/* Most threads hold fewer locks at once; a slot with room for this many is under 1 KiB. */
#define SLOT_MAX_FIRST 32

/* No thread was ever seen to hold a tenth of this; a slot of that size takes 1.5 MiB. */
#define SLOT_MAX_LAST 65536

int dw_thread_begin(struct dw_thread *thread)
{
	struct dw_slot *slot =
	    dw_told_begin(thread) ? thread->teller->slot(thread, SLOT_MAX_FIRST) : NULL;

	if (!slot) {
		dw_told_end(thread);
		return -ENOMEM;
	}
	slot->held[0] = (struct dw_held){.key = DW_KEY_EMPTY};
	thread->segment = thread->segment_began = 1;
	thread->stamp = thread->activity_began = 1;
	thread->slot = slot;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread->open = 1;
	return 0;
}

void dw_thread_end(struct dw_thread *thread)
{
	thread->open = 0;
	thread->slot = NULL;
	thread->n_kicks = 0;
	dw_told_end(thread);
	if (thread->kicks)
		thread->teller->memory_free(thread, thread->kicks,
					    DW_KICKS_MAX * sizeof(*thread->kicks));
	thread->kicks = NULL;
}

void dw_thread_new_segment(struct dw_thread *thread)
{
	thread->segment++;
	dw_next_stamp(thread);
	thread->segment_began = thread->stamp;
}

struct dw_held *dw_thread_find(struct dw_thread *thread, uint64_t thing)
{
	struct dw_slot *slot = thread->slot;

	for (uint32_t i = slot->top; i > 0; i--)
		if (slot->held[i].thing == thing)
			return &slot->held[i];
	return NULL;
}

bool dw_thread_rehold(struct dw_thread *thread, const struct dw_taking *taking)
{
	struct dw_held *held = dw_thread_find(thread, taking->thing);

	if (!held || (held->how & DW_SHARED) != (taking->how & DW_SHARED))
		return false;
	held->deeper++;
	return true;
}

/* To wait for what one holds oneself, without being allowed to: nobody else can let it go. */
static void check_relock(struct dw_thread *thread, const struct dw_taking *taking)
{
	const struct dw_held *held;

	if (taking->how & DW_TRY)
		return;
	held = dw_thread_find(thread, taking->thing);
	if (held)
		dw_thread_misuse(thread, DW_MISUSE_RELOCK, taking, held->chain);
}

/* The chain of what is held and @taking: its number, told if need be, and its key. */
static uint32_t chain_with(struct dw_thread *thread, const struct dw_taking *taking,
			   uint64_t *ret_key)
{
	const struct dw_held *top = &thread->slot->held[thread->slot->top];
	struct dw_taking exact = *taking;

	*ret_key = dw_thread_key(top->key, taking);
	if (!dw_told_find(thread, *ret_key)) {
		thread->teller->revise(thread, &exact);
		check_relock(thread, taking);
		top = &thread->slot->held[thread->slot->top];
		*ret_key = dw_thread_key(top->key, &exact);
	}
	return dw_told_chain(thread, top->chain, &exact, *ret_key, 0);
}

static struct dw_slot *slot_grown(struct dw_thread *thread)
{
	struct dw_slot *old = thread->slot, *slot;

	if (old->max >= SLOT_MAX_LAST)
		return NULL;
	slot = thread->teller->slot(thread, old->max * 2);
	if (slot) {
		for (uint32_t i = 0; i <= old->top; i++)
			slot->held[i] = old->held[i];
		slot->n_polls = old->n_polls;
		slot->polling_ns = old->polling_ns;
		slot->n_idles = old->n_idles;
		slot->asked = old->asked;
		slot->waits = old->waits;
		slot->top = old->top;
		thread->slot = slot;
	}
	return slot;
}

/* Readies the entry behind the last one; without a lock if there is no room for more. */
static void ready(struct dw_thread *thread, const struct dw_taking *taking)
{
	uint64_t key;
	uint32_t chain = chain_with(thread, taking, &key);
	struct dw_slot *slot = thread->slot;

	if (slot->top == slot->max) {
		struct dw_slot *grown = slot_grown(thread);

		if (!grown) {
			slot->held[slot->top + 1].thing = 0;
			return;
		}
		slot = grown;
	}
	dw_held_ready(&slot->held[slot->top + 1], taking, key, chain);
}

/* Readies the entry, without tracking what the telling itself locks. */
static void want(struct dw_thread *thread, const struct dw_taking *taking)
{
	uint32_t open = thread->open;

	thread->open = 0;
	ready(thread, taking);
	thread->open = open;
}

/* The key was used before in this activity, but is not in its own line. */
static bool ready_again(struct dw_thread *thread, const struct dw_taking *taking)
{
	struct dw_slot *slot = thread->slot;
	struct dw_held *held = &slot->held[slot->top + 1];
	uint64_t key = dw_thread_key(slot->held[slot->top].key, taking);
	const struct dw_told *told = dw_told_find(thread, key);

	if (!told || told->stamp != thread->stamp || slot->top == slot->max)
		return false;
	dw_held_ready(held, taking, key, told->chain);
	return true;
}

void dw_thread_want_slow(struct dw_thread *thread, uint64_t thing, uint64_t site, uint64_t caller,
			 uint32_t life, uint32_t manner)
{
	struct dw_taking taking = {.thing = thing,
				   .site = site,
				   .caller = caller,
				   .life = life,
				   .how = (uint8_t)manner,
				   .what = (uint8_t)(manner >> 8)};

	if (!ready_again(thread, &taking))
		want(thread, &taking);
}

/* The entry that was readied is another's now: ready it again. */
void dw_thread_hold_slow(struct dw_thread *thread, const struct dw_taking *taking)
{
	uint32_t open = thread->open;
	struct dw_slot *slot;

	/* What a signal handler locks from here on is not tracked, so it overwrites nothing. */
	thread->open = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread->slot->wants = 0;
	if (!ready_again(thread, taking))
		ready(thread, taking);
	slot = thread->slot;
	if (slot->held[slot->top + 1].thing == taking->thing) {
		slot->top++;
	} else {
		thread->unsure = 1;
		thread->teller->lost(thread, DW_LOSS_DEPTH);
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread->open = open;
}

/* @held is still held, but on top of @below: not by being taken, so it makes no need. */
static struct dw_held remaining(struct dw_thread *thread, const struct dw_held *below,
				const struct dw_held *held)
{
	struct dw_taking taking = {
	    .thing = held->thing,
	    .site = held->chain,
	    .how = held->how | DW_REMAINS,
	    .what = held->what,
	};
	struct dw_held now = *held;

	now.key = dw_key_even(dw_thread_key(below->key, &taking));
	now.chain = dw_told_chain(thread, below->chain, &taking, now.key, held->chain);
	return now;
}

/*
 * remove(i): for every j above i, in order: held[j] remains on what is now below it
 */
static void remove_held(struct dw_thread *thread, struct dw_held *held)
{
	struct dw_slot *slot = thread->slot;
	uint32_t open = thread->open;

	thread->open = 0;
	for (; held < &slot->held[slot->top]; held++)
		*held = remaining(thread, held - 1, held + 1);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	slot->top--;
	thread->open = open;
}

void dw_thread_found(struct dw_thread *thread, const struct dw_taking *taking)
{
	struct dw_slot *slot = thread->slot;
	const struct dw_held *top = &slot->held[slot->top];
	struct dw_taking found = *taking;
	uint32_t open = thread->open, chain;
	uint64_t key;

	found.how |= DW_REMAINS;
	key = dw_key_even(dw_thread_key(top->key, &found));
	if (slot->top == slot->max)
		slot = slot_grown(thread);
	if (!slot)
		return;
	thread->open = 0;
	chain = dw_told_chain(thread, slot->held[slot->top].chain, &found, key, 0);
	dw_held_ready(&slot->held[slot->top + 1], &found, key, chain);
	slot->top++;
	thread->open = open;
}

bool dw_thread_drop(struct dw_thread *thread, uint64_t thing)
{
	struct dw_held *held;

	if (dw_thread_drop_last(thread, thing))
		return true;
	held = dw_thread_find(thread, thing);
	if (!held)
		return false;
	if (held->deeper)
		held->deeper--;
	else
		remove_held(thread, held);
	return true;
}

void dw_thread_misuse(struct dw_thread *thread, enum dw_misuse_kind kind,
		      const struct dw_taking *taking, uint32_t chain)
{
	uint64_t key =
	    dw_key_even(dw_hash(dw_hash(dw_hash(kind, taking->thing), taking->life), taking->site));
	uint32_t open = thread->open;

	if (dw_told_find(thread, key))
		return;
	thread->open = 0;
	thread->teller->misuse(thread, kind, taking, chain == DW_CHAIN_LOST ? 0 : chain);
	dw_told_add(thread, key, 0);
	thread->open = open;
}
