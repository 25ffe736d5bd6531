/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/thread.h"

#include "model/facts.h"

#include <errno.h>

/* Most threads hold fewer locks at once; a slot with room for this many is under 1 KiB. */
#define SLOT_MAX_FIRST 32

/* No thread was ever seen to hold a tenth of this; a slot of that size takes 1.5 MiB. */
#define SLOT_MAX_LAST 65536

/* 8 KiB; enough for the chains of most threads. */
#define TOLD_FIRST 512

/*
 * 2 MiB. A thread with more chains than fit forgets them all and tells them again as it meets
 * them: the recording gets longer, nothing is lost.
 */
#define TOLD_LAST (1u << 17)

/* The table is kept half empty: then a key is nearly always one of the two of its place. */
#define TOLD_SPARSE 2

static size_t told_size(uint32_t n_entries)
{
	return sizeof(struct dw_told_table) + n_entries * sizeof(struct dw_told);
}

static struct dw_told_table *told_new(struct dw_thread *thread, uint32_t n_entries)
{
	struct dw_told_table *table = thread->teller->memory(thread, told_size(n_entries));

	if (table) {
		table->mask = n_entries - 1;
		table->shift = (uint32_t)__builtin_clzll(n_entries - 1);
	}
	return table;
}

/* The @n-th entry where @key may be: the two of its place, then the ones behind them. */
static struct dw_told *told_at(struct dw_told_table *table, uint64_t key, uint32_t n)
{
	uint32_t place = (uint32_t)(key >> table->shift);

	if (n < 2)
		return &table->entries[place ^ n];
	return &table->entries[((place | 1) + n - 1) & table->mask];
}

/* The entry of @key, or the free one where it belongs: the table always has free ones. */
static struct dw_told *told_find(struct dw_told_table *table, uint64_t key)
{
	struct dw_told *told = told_at(table, key, 0);

	for (uint32_t n = 1; told->key && told->key != key; n++)
		told = told_at(table, key, n);
	return told;
}

static void told_put(struct dw_told_table *table, const struct dw_told *told)
{
	struct dw_told *entry = told_find(table, told->key);

	entry->chain = told->chain;
	entry->stamp = told->stamp;
	/* A signal handler that looks in between finds a free entry, not half of this one. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	entry->key = told->key;
	table->n++;
}

static void told_forget(struct dw_told_table *table)
{
	for (uint32_t i = 0; i <= table->mask; i++)
		table->entries[i].key = 0;
	table->n = 0;
}

static void told_grow(struct dw_thread *thread)
{
	struct dw_told_table *old = thread->told;
	uint32_t n_entries = (old->mask + 1) * 2;
	struct dw_told_table *table = NULL;

	if (n_entries <= TOLD_LAST)
		table = told_new(thread, n_entries);
	if (!table) {
		told_forget(old);
		return;
	}
	for (uint32_t i = 0; i <= old->mask; i++)
		if (old->entries[i].key)
			told_put(table, &old->entries[i]);
	thread->told = table;
	thread->teller->memory_free(thread, old, told_size(old->mask + 1));
}

static void told_add(struct dw_thread *thread, uint64_t key, uint32_t chain)
{
	if (thread->told->n >= (thread->told->mask + 1) / TOLD_SPARSE)
		told_grow(thread);
	told_put(thread->told, &(struct dw_told){key, chain, thread->stamp});
}

int dw_thread_begin(struct dw_thread *thread)
{
	struct dw_told_table *table = told_new(thread, TOLD_FIRST);
	struct dw_slot *slot = table ? thread->teller->slot(thread, SLOT_MAX_FIRST) : NULL;

	if (!slot) {
		if (table)
			thread->teller->memory_free(thread, table, told_size(TOLD_FIRST));
		return -ENOMEM;
	}
	slot->held[0] = (struct dw_held){.key = DW_KEY_EMPTY};
	thread->segment = thread->segment_began = 1;
	thread->stamp = thread->activity_began = 1;
	thread->told = table;
	thread->slot = slot;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread->open = 1;
	return 0;
}

void dw_thread_end(struct dw_thread *thread)
{
	struct dw_told_table *table = thread->told;

	thread->open = 0;
	thread->told = NULL;
	thread->slot = NULL;
	thread->n_kicks = 0;
	if (table)
		thread->teller->memory_free(thread, table, told_size(table->mask + 1));
	if (thread->kicks)
		thread->teller->memory_free(thread, thread->kicks,
					    DW_KICKS_MAX * sizeof(*thread->kicks));
	thread->kicks = NULL;
}

/* Once in four thousand million activities, all that was told counts as used long ago. */
static void next_stamp(struct dw_thread *thread)
{
	if (++thread->stamp)
		return;
	for (uint32_t i = 0; i <= thread->told->mask; i++)
		thread->told->entries[i].stamp = 0;
	thread->stamp = 2;
	thread->segment_began = thread->activity_began = thread->said_at = 1;
}

void dw_thread_new_segment(struct dw_thread *thread)
{
	thread->segment++;
	next_stamp(thread);
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

/* The keys of what is not taken must not be taken for those of what is. */
static uint64_t even(uint64_t key)
{
	return (key & ~UINT64_C(1)) | 2;
}

static bool is_of_taking(uint64_t key)
{
	return key & 1;
}

static void remember(struct dw_thread *thread, uint64_t key)
{
	if (thread->n_recent < DW_RECENT_MAX)
		thread->recent[thread->n_recent] = key;
	thread->n_recent++;
}

/* A told chain is used again, after something that the stamp counts. */
static void told_again(struct dw_thread *thread, struct dw_told *told)
{
	if (told->stamp < thread->segment_began)
		thread->teller->again(thread, told->chain);
	if (is_of_taking(told->key) && told->stamp < thread->activity_began)
		remember(thread, told->key);
	told->stamp = thread->stamp;
}

/*
 * chain_of(@below, @taking): the number of that chain, told now if it is new. What
 * builds on a lost chain is lost with it; the loss was counted when it happened.
 */
static uint32_t chain_of(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
			 uint64_t key, uint32_t remains)
{
	struct dw_told *told = told_find(thread->told, key);
	uint32_t chain;

	if (told->key == key) {
		if (told->stamp != thread->stamp)
			told_again(thread, told);
		return told->chain;
	}
	if (below == DW_CHAIN_LOST || remains == DW_CHAIN_LOST)
		return DW_CHAIN_LOST;
	chain = thread->teller->chain(thread, below, taking, remains);
	if (chain == DW_CHAIN_LOST)
		return chain;
	told_add(thread, key, chain);
	if (is_of_taking(key))
		remember(thread, key);
	return chain;
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

	*ret_key = dw_thread_key(top->key, taking);
	if (told_find(thread->told, *ret_key)->key != *ret_key) {
		thread->teller->revise(thread);
		check_relock(thread, taking);
		top = &thread->slot->held[thread->slot->top];
		*ret_key = dw_thread_key(top->key, taking);
	}
	return chain_of(thread, top->chain, taking, *ret_key, 0);
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
	slot->held[slot->top + 1] = (struct dw_held){
	    .thing = taking->thing,
	    .key = key,
	    .chain = chain,
	    .manner = dw_manner(taking->how, taking->what),
	};
}

/* Readies the entry, without tracking what the telling itself locks. */
static void want(struct dw_thread *thread, const struct dw_taking *taking)
{
	uint32_t open = thread->open;

	thread->open = 0;
	ready(thread, taking);
	thread->open = open;
}

void dw_thread_want_slow(struct dw_thread *thread, uint64_t thing, uint64_t site, uint64_t caller,
			 uint32_t life, uint32_t manner)
{
	want(thread, &(struct dw_taking){.thing = thing,
					 .site = site,
					 .caller = caller,
					 .life = life,
					 .how = (uint8_t)manner,
					 .what = (uint8_t)(manner >> 8)});
}

/* The entry that counts since a moment ago is not the one that was readied: ready it again. */
void dw_thread_hold_slow(struct dw_thread *thread, const struct dw_taking *taking)
{
	thread->slot->top--;
	want(thread, taking);
	thread->slot->wants = 0;
	if (thread->slot->held[thread->slot->top + 1].thing == taking->thing) {
		thread->slot->top++;
		return;
	}
	thread->unsure = 1;
	thread->teller->lost(thread, DW_LOSS_DEPTH);
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

	now.key = even(dw_thread_key(below->key, &taking));
	now.chain = chain_of(thread, below->chain, &taking, now.key, held->chain);
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

/* The chain of what is held up to @below and of @taking, which is no lock. */
static uint32_t chain_to(struct dw_thread *thread, const struct dw_held *below,
			 const struct dw_taking *taking)
{
	uint64_t key = even(dw_thread_key(below->key, taking));
	uint32_t chain = chain_of(thread, below->chain, taking, key, 0);

	return chain == DW_CHAIN_LOST ? 0 : chain;
}

/* The last of the locks that were held at @kick and have been held ever since; held[0]: none. */
static const struct dw_held *held_since(const struct dw_thread *thread, const struct dw_kick *kick)
{
	const struct dw_slot *slot = thread->slot;
	uint32_t i = slot->top < kick->depth ? slot->top : kick->depth;

	while (i > 0 && slot->held[i].key != kick->keys[i - 1])
		i--;
	return &slot->held[i];
}

/* Answered, and of no more interest: nothing of what was held then is held now. */
static bool is_over(struct dw_thread *thread, const struct dw_kick *kick)
{
	return held_since(thread, kick) == thread->slot->held &&
	       thread->teller->ask(thread, kick->other) != kick->idles;
}

/*
 * await_answers(): for each kick k of what is held still: what is held needs k's answer.
 * Published is the first one that is still to come.
 */
static void await_answers(struct dw_thread *thread, const struct dw_taking *taking,
			  struct dw_held *published)
{
	struct dw_taking answer = {
	    .site = taking->site, .caller = taking->caller, .how = DW_WAITS, .what = DW_ANSWER};
	uint32_t n = 0;
	bool found = false;

	for (uint32_t i = 0; i < thread->n_kicks; i++) {
		struct dw_kick *kick = &thread->kicks[i];
		const struct dw_held *below = held_since(thread, kick);
		uint32_t chain = 0;

		if (is_over(thread, kick))
			continue;
		answer.thing = dw_thing_address(DW_ANSWER, kick->other);
		if (below != thread->slot->held)
			chain = chain_to(thread, below, &answer);
		if (!found && thread->teller->ask(thread, kick->other) == kick->idles) {
			*published = (struct dw_held){answer.thing, answer.caller, chain,
						      .manner = dw_manner(DW_WAITS, DW_ANSWER)};
			found = true;
		}
		thread->kicks[n++] = *kick;
	}
	thread->n_kicks = n;
}

void dw_thread_wait(struct dw_thread *thread, const struct dw_taking *taking, bool sleeps,
		    struct dw_waiting *ret)
{
	struct dw_slot *slot = thread->slot;
	uint32_t open = thread->open;
	struct dw_held waits = {.thing = taking->thing,
				.key = taking->caller,
				.manner = dw_manner(taking->how, taking->what)};

	thread->open = 0;
	ret->outer = slot->waits;
	if (slot->top)
		waits.chain = chain_to(thread, &slot->held[slot->top], taking);
	ret->chain = waits.chain;
	if (sleeps && thread->n_kicks)
		await_answers(thread, taking, &waits);
	slot->waits = waits;
	thread->open = open;
}

void dw_thread_waited(struct dw_thread *thread, const struct dw_waiting *waiting)
{
	thread->slot->waits = waiting->outer;
}

void dw_thread_poll(struct dw_thread *thread, uint64_t now_ns)
{
	struct dw_slot *slot = thread->slot;
	struct dw_held *held = &slot->held[slot->top];

	if (held->polled) {
		slot->n_polls++;
		return;
	}
	held->polled = 1;
	slot->n_polls = 1;
	slot->polling_ns = now_ns;
}

bool dw_thread_park(struct dw_thread *thread, struct dw_taking *mutex,
		    const struct dw_taking *condition, struct dw_waiting *ret)
{
	const struct dw_held *held = dw_thread_find(thread, mutex->thing);
	bool lets_go = held && !held->deeper;

	if (!held && !thread->unsure)
		dw_thread_misuse(thread, DW_MISUSE_PARK, mutex, 0);
	if (held && held->deeper)
		dw_thread_misuse(thread, DW_MISUSE_PARK_TWICE, mutex, held->chain);
	if (lets_go)
		dw_thread_drop(thread, mutex->thing);
	dw_thread_wait(thread, condition, /* sleeps= */ false, ret);
	if (!lets_go)
		return false;
	mutex->how |= DW_RETAKEN;
	dw_thread_want(thread, mutex);
	thread->slot->wants = 0; /* for now it waits for the condition */
	return true;
}

/* It belongs to the activity that the wait's end began, not to the one that saw it readied. */
void dw_thread_retake(struct dw_thread *thread, const struct dw_taking *mutex)
{
	dw_thread_hold(thread, mutex);
	remember(thread, thread->slot->held[thread->slot->top].key);
}

static void post_one(struct dw_thread *thread, const struct dw_taking *taking, uint64_t key,
		     uint32_t chain, uint64_t said)
{
	uint64_t post =
	    dw_hash(dw_hash(dw_hash(dw_hash(DW_POST, taking->thing), taking->life), key), said);

	post = even(post);
	if (told_find(thread->told, post)->key == post)
		return;
	thread->teller->post(thread, taking, chain, said);
	told_add(thread, post, 0);
}

/* What was given since @told was last used. */
static uint64_t said_since(const struct dw_thread *thread, const struct dw_told *told)
{
	return told->stamp < thread->said_at ? thread->said : 0;
}

/* A chain of this activity is given with @taking; a table that grows meanwhile forgets nothing. */
static void post_chain(struct dw_thread *thread, const struct dw_taking *taking, uint64_t key)
{
	const struct dw_told *told = told_find(thread->told, key);

	if (told->key == key && told->chain != DW_CHAIN_LOST)
		post_one(thread, taking, key, told->chain, said_since(thread, told));
}

static void post_recent(struct dw_thread *thread, const struct dw_taking *taking)
{
	for (uint32_t i = 0; i < thread->n_recent; i++)
		post_chain(thread, taking, thread->recent[i]);
}

/* Telling adds to the table, which may move: then the search begins again. */
static void post_told(struct dw_thread *thread, const struct dw_taking *taking)
{
	const struct dw_told_table *table = thread->told;

	for (uint32_t i = 0; i <= table->mask; i++) {
		const struct dw_told *told = &table->entries[i];

		if (is_of_taking(told->key) && told->stamp >= thread->activity_began)
			post_chain(thread, taking, told->key);
		if (table != thread->told) {
			table = thread->told;
			i = UINT32_MAX;
		}
	}
}

static void post_all(struct dw_thread *thread, const struct dw_taking *taking)
{
	if (thread->n_recent == 0)
		post_one(thread, taking, 0, 0, 0);
	else if (thread->n_recent <= DW_RECENT_MAX)
		post_recent(thread, taking);
	else
		post_told(thread, taking);
}

void dw_thread_post(struct dw_thread *thread, const struct dw_taking *taking)
{
	uint32_t open = thread->open;

	thread->open = 0;
	post_all(thread, taking);
	next_stamp(thread);
	thread->said = taking->thing;
	thread->said_at = thread->stamp;
	thread->open = open;
}

void dw_thread_idle_slow(struct dw_thread *thread, const struct dw_taking *at)
{
	struct dw_taking answer = *at;
	uint32_t open = thread->open;

	thread->open = 0;
	answer.thing = dw_thing_address(DW_ANSWER, thread->number);
	answer.what = DW_ANSWER;
	answer.life = 0;
	if (thread->slot->asked && thread->n_recent)
		post_all(thread, &answer);
	next_stamp(thread);
	thread->activity_began = thread->stamp;
	thread->n_recent = 0;
	thread->said = 0;
	thread->said_at = 0;
	thread->woken_by = at->thing;
	thread->open = open;
}

/* The kick of @other that is still kept, or room for it; NULL: none. */
static struct dw_kick *kick_of(struct dw_thread *thread, uint32_t other)
{
	uint32_t i = 0;

	if (!thread->kicks)
		thread->kicks =
		    thread->teller->memory(thread, DW_KICKS_MAX * sizeof(*thread->kicks));
	if (!thread->kicks)
		return NULL;
	while (i < thread->n_kicks && thread->kicks[i].other != other)
		i++;
	if (i == DW_KICKS_MAX)
		return NULL;
	if (i == thread->n_kicks) {
		thread->kicks[i] = (struct dw_kick){.other = other, .idles = UINT32_MAX};
		thread->n_kicks++;
	}
	return &thread->kicks[i];
}

/* Who asks again before the answer asks the same; who asks anew starts to wait anew. */
static void ask(struct dw_thread *thread, uint32_t other)
{
	const struct dw_slot *slot = thread->slot;
	uint32_t idles = thread->teller->ask(thread, other);
	struct dw_kick *kick = idles == UINT32_MAX ? NULL : kick_of(thread, other);

	if (!kick) {
		if (idles != UINT32_MAX)
			thread->teller->lost(thread, DW_LOSS_KICKS);
		return;
	}
	if (kick->idles != idles)
		thread->slot->held[0].polled = 0;
	kick->idles = idles;
	kick->depth = slot->top < DW_KICK_DEPTH ? slot->top : DW_KICK_DEPTH;
	for (uint32_t i = 0; i < kick->depth; i++)
		kick->keys[i] = slot->held[i + 1].key;
}

void dw_thread_kick(struct dw_thread *thread, uint32_t other)
{
	uint32_t open = thread->open;

	thread->open = 0;
	ask(thread, other);
	thread->open = open;
}

void dw_thread_misuse(struct dw_thread *thread, enum dw_misuse_kind kind,
		      const struct dw_taking *taking, uint32_t chain)
{
	uint64_t key =
	    even(dw_hash(dw_hash(dw_hash(kind, taking->thing), taking->life), taking->site));
	uint32_t open = thread->open;

	if (told_find(thread->told, key)->key == key)
		return;
	thread->open = 0;
	thread->teller->misuse(thread, kind, taking, chain == DW_CHAIN_LOST ? 0 : chain);
	told_add(thread, key, 0);
	thread->open = open;
}
