/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/told.h"

#include <string.h>

/*
 * 2 MiB. A thread with more chains than fit forgets them all and tells them again as it meets
 * them: the recording gets longer, nothing is lost.
 */
#define LINES_LAST (1u << 15)

#define PAGE_SIZE 4096

/*
 * Keys that so many lines have at most: then nearly every key has room in its own line, and what a
 * look-up fetches is half full.
 */
static uint32_t keys_max(uint32_t n_lines)
{
	return n_lines * 5 / 2;
}

static size_t size_of(uint32_t n_lines)
{
	return n_lines * sizeof(struct dw_told_line);
}

/*
 * A page that is looked at before it is written to is mapped twice, and for the second time all
 * processors are interrupted that run the program.
 */
static void touch(struct dw_told_line *lines, uint32_t n_lines)
{
	for (uint32_t n = 0; n < n_lines; n += PAGE_SIZE / sizeof(*lines))
		*(volatile uint32_t *)lines[n].low = 0;
}

static bool get_table(struct dw_thread *thread, uint32_t n_lines)
{
	struct dw_told_line *lines = thread->teller->memory(thread, size_of(n_lines));

	if (!lines)
		return false;
	touch(lines, n_lines);
	thread->told = lines;
	thread->told_shift = (uint32_t)__builtin_clzll(n_lines - 1);
	thread->n_told = 0;
	return true;
}

bool dw_told_begin(struct dw_thread *thread)
{
	return get_table(thread, DW_TOLD_LINES_FIRST);
}

void dw_told_end(struct dw_thread *thread)
{
	struct dw_told_line *lines = thread->told;

	thread->told = NULL;
	if (lines)
		thread->teller->memory_free(thread, lines, size_of(dw_told_lines(thread)));
}

/* The line after @line. */
static struct dw_told_line *next_line(struct dw_thread *thread, struct dw_told_line *line)
{
	return ++line == thread->told + dw_told_lines(thread) ? thread->told : line;
}

/*
 * Where @key is, or the free entry where it belongs: there always are some.
 *
 * Return: its line, and in @ret its place there.
 */
static struct dw_told_line *find(struct dw_thread *thread, uint64_t key, unsigned *ret)
{
	struct dw_told_line *line = dw_told_line(thread, key);

	for (;; line = next_line(thread, line)) {
		for (unsigned i = 0; i < DW_TOLD_WIDTH; i++) {
			*ret = i;
			if (!line->low[i] || dw_told_key(line, i) == key)
				return line;
		}
	}
}

struct dw_told *dw_told_find(struct dw_thread *thread, uint64_t key)
{
	unsigned i;
	struct dw_told_line *line = find(thread, key, &i);

	return line->low[i] ? &line->told[i] : NULL;
}

static void put(struct dw_thread *thread, uint64_t key, struct dw_told told)
{
	unsigned i;
	struct dw_told_line *line = find(thread, key, &i);

	line->told[i] = told;
	line->high[i] = (uint32_t)(key >> 32);
	/* A signal handler that looks in between finds a free entry, not half of this one. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	line->low[i] = (uint32_t)key;
	thread->n_told++;
}

static void forget(struct dw_thread *thread)
{
	memset(thread->told, 0, size_of(dw_told_lines(thread)));
	thread->n_told = 0;
}

static void grow(struct dw_thread *thread)
{
	struct dw_told_line *old = thread->told;
	uint32_t n_lines = dw_told_lines(thread);

	if (n_lines == LINES_LAST || !get_table(thread, n_lines * 2)) {
		forget(thread);
		return;
	}
	for (uint32_t n = 0; n < n_lines; n++)
		for (unsigned i = 0; i < DW_TOLD_WIDTH && old[n].low[i]; i++)
			put(thread, dw_told_key(&old[n], i), old[n].told[i]);
	thread->teller->memory_free(thread, old, size_of(n_lines));
}

void dw_told_add(struct dw_thread *thread, uint64_t key, uint32_t chain)
{
	if (thread->n_told >= keys_max(dw_told_lines(thread)))
		grow(thread);
	put(thread, key, (struct dw_told){chain, thread->stamp});
}

/* Once in four thousand million activities, all that was told counts as used long ago. */
void dw_next_stamp(struct dw_thread *thread)
{
	if (++thread->stamp)
		return;
	for (uint32_t n = 0; n < dw_told_lines(thread); n++)
		for (unsigned i = 0; i < DW_TOLD_WIDTH; i++)
			thread->told[n].told[i].stamp = 0;
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
static void told_again(struct dw_thread *thread, uint64_t key, struct dw_told *told)
{
	if (told->stamp < thread->segment_began)
		thread->teller->again(thread, told->chain);
	if (dw_key_of_taking(key) && told->stamp < thread->activity_began)
		dw_told_remember(thread, key);
	told->stamp = thread->stamp;
}

uint32_t dw_told_chain(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
		       uint64_t key, uint32_t remains)
{
	struct dw_told *told = dw_told_find(thread, key);
	uint32_t chain;

	if (told) {
		if (told->stamp != thread->stamp)
			told_again(thread, key, told);
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
