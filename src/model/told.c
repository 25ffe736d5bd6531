/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/told.h"

/*
 * 2 MiB. A thread with more chains than fit forgets them all and tells them again as it meets
 * them: the recording gets longer, nothing is lost.
 */
#define TOLD_LAST (1u << 17)

/* The table is kept half empty: then a key is nearly always one of the two of its place. */
#define TOLD_SPARSE 2

size_t dw_told_size(uint32_t n_entries)
{
	return sizeof(struct dw_told_table) + n_entries * sizeof(struct dw_told);
}

struct dw_told_table *dw_told_new(struct dw_thread *thread, uint32_t n_entries)
{
	struct dw_told_table *table = thread->teller->memory(thread, dw_told_size(n_entries));

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

struct dw_told *dw_told_find(struct dw_told_table *table, uint64_t key)
{
	struct dw_told *told = told_at(table, key, 0);

	for (uint32_t n = 1; told->key && told->key != key; n++)
		told = told_at(table, key, n);
	return told;
}

static void told_put(struct dw_told_table *table, const struct dw_told *told)
{
	struct dw_told *entry = dw_told_find(table, told->key);

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
		table = dw_told_new(thread, n_entries);
	if (!table) {
		told_forget(old);
		return;
	}
	for (uint32_t i = 0; i <= old->mask; i++)
		if (old->entries[i].key)
			told_put(table, &old->entries[i]);
	thread->told = table;
	thread->teller->memory_free(thread, old, dw_told_size(old->mask + 1));
}

void dw_told_add(struct dw_thread *thread, uint64_t key, uint32_t chain)
{
	if (thread->told->n >= (thread->told->mask + 1) / TOLD_SPARSE)
		told_grow(thread);
	told_put(thread->told, &(struct dw_told){key, chain, thread->stamp});
}

/* Once in four thousand million activities, all that was told counts as used long ago. */
void dw_next_stamp(struct dw_thread *thread)
{
	if (++thread->stamp)
		return;
	for (uint32_t i = 0; i <= thread->told->mask; i++)
		thread->told->entries[i].stamp = 0;
	thread->stamp = 2;
	thread->segment_began = thread->activity_began = thread->said_at = 1;
}

void dw_told_remember(struct dw_thread *thread, uint64_t key)
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
	if (dw_key_of_taking(told->key) && told->stamp < thread->activity_began)
		dw_told_remember(thread, told->key);
	told->stamp = thread->stamp;
}

uint32_t dw_told_chain(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
		       uint64_t key, uint32_t remains)
{
	struct dw_told *told = dw_told_find(thread->told, key);
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
	dw_told_add(thread, key, chain);
	if (dw_key_of_taking(key))
		dw_told_remember(thread, key);
	return chain;
}
