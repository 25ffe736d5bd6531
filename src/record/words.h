/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words, with numbers in the order of their appearance, from 1; equal words are one.
 *
 * A search tree, so no choice of words makes it slow. Single-threaded; memory comes from
 * the caller's arena. All zero is an empty one. Internal to stories.
 */
#pragma once

#include "base/arena.h"

#include <stddef.h>
#include <stdint.h>

struct dw_words {
	void *tree;         /* of <search.h> */
	const char **texts; /* by number */
	uint32_t n, room;
};

/* The number of the @n bytes at @text, a new one if they have none yet; 0: no memory. */
uint32_t dw_words_ensure(struct dw_words *words, struct dw_arena *arena, const char *text,
			 size_t n);

void dw_words_done(struct dw_words *words);
