/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much time of a processor a thread was given, as seen at looks at it: a thread that could not
 * do anything, because others had the processors, is told from one that did nothing.
 *
 * Looks are kept the closer together the later they were, so that few serve for any time.
 */
#pragma once

#include <stdint.h>

/* From one that is kept to the next is a fifth of how long ago it was, over more than a day. */
#define DW_RANS_MAX 64

struct dw_ran {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t run_ns;  /* that it was given in all */
};

/* All zero: it was not looked at. */
struct dw_rans {
	uint32_t n;
	uint32_t reserved;
	struct dw_ran at[DW_RANS_MAX]; /* the latest last */
};

void dw_rans_note(struct dw_rans *rans, uint64_t time_ns, uint64_t run_ns);

/* What it was given since @time_ns, as far as looks tell: rather too little. */
uint64_t dw_rans_since(const struct dw_rans *rans, uint64_t time_ns);
