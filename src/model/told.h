/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a thread has told, by key, and when it last did so.
 *
 * Internal to the tracker: thread.c has the locks, wait.c all other waits, activity.c what is
 * given.
 */
#pragma once

#include "model/thread.h"

/* 8 KiB; enough for the chains of most threads. */
#define DW_TOLD_LINES_FIRST 128

/* Gives @thread an empty table. Return: whether there was memory. */
bool dw_told_begin(struct dw_thread *thread);
void dw_told_end(struct dw_thread *thread);

/* Number of lines. */
static inline uint32_t dw_told_lines(const struct dw_thread *thread)
{
	return (uint32_t)(UINT64_C(1) << (64 - thread->told_shift));
}

/* The key of entry @i of @line; 0: it is free. */
static inline uint64_t dw_told_key(const struct dw_told_line *line, unsigned i)
{
	return (uint64_t)line->high[i] << 32 | line->low[i];
}

/* NULL: it was not told. Until the next dw_told_add(). */
struct dw_told *dw_told_find(struct dw_thread *thread, uint64_t key);

/* Adds @key, which is not there, as used now. The table may move, and forget what it knew. */
void dw_told_add(struct dw_thread *thread, uint64_t key, uint32_t chain);

/* The lock of the chain with @key came to be held in this activity. */
void dw_told_remember(struct dw_thread *thread, uint64_t key);

/*
 * The number of the chain with @key, that of @taking on top of @below, told now if it is new.
 * What builds on a lost chain is lost with it; the loss was counted when it happened.
 */
uint32_t dw_told_chain(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
		       uint64_t key, uint32_t remains);

/* What is used from now on is told apart from what was used before. */
void dw_next_stamp(struct dw_thread *thread);

/* The keys of what is not taken must not be taken for those of what is. */
static inline uint64_t dw_key_even(uint64_t key)
{
	return (key & ~UINT64_C(1)) | 2;
}

static inline bool dw_key_of_taking(uint64_t key)
{
	return key & 1;
}
