/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers for 64-bit words (addresses, sites) in the order of their appearance, from 1.
 *
 * A search tree, so no choice of words makes it slow. Single-threaded; memory comes from
 * the C library. All zero is an empty one.
 */
#pragma once

#include <stdint.h>

struct dw_numbering {
	void *tree; /* of <search.h> */
	uint32_t n; /* the highest number so far */
};

/* The number of @word, a new one if it has none yet; 0: no memory. */
uint32_t dw_numbering_ensure(struct dw_numbering *numbering, uint64_t word);

/* The number of @word; 0: it has none. */
uint32_t dw_numbering_find(const struct dw_numbering *numbering, uint64_t word);

void dw_numbering_done(struct dw_numbering *numbering);
