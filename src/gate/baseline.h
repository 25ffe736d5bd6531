/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A baseline: findings that are known, each with the reason why that is accepted.
 *
 *   # deadwatch baseline 1
 *   potential 0123456789abcdef "BQL -> new_lock -> BQL": until bcm2835_fb is reworked
 *
 * The first line says what the file is. An entry is a verdict, a fingerprint, what people
 * call it, and a reason, which is not optional. Comments and empty lines stay before the entry
 * that they stand before. Entries are written in the order of their fingerprints, so that
 * a change of the file shows what changed, and no more.
 *
 * Single-threaded. What a baseline hands out lives as long as it does.
 */
#pragma once

#include "base/cleanup.h"
#include "gate/fingerprint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct dw_wrong;

/* What is written for a reason that nobody has given yet. */
#define DW_BASELINE_TODO "TODO"

struct dw_baseline_entry {
	const char *verdict; /* a word of DW_VERDICTS */
	char fingerprint[DW_FINGERPRINT_SIZE];
	const char *chain;   /* for people; not compared */
	const char *reason;  /* not empty */
	const char *comment; /* the lines before it, with their ends; "" if there are none */
	unsigned line;       /* 0: it was added here */
	bool seen;           /* it was found */
};

struct dw_baseline;

/* An empty one. Return: 0, or -ENOMEM. */
int dw_baseline_new(struct dw_baseline **ret);

/* Return: 0; 1 if @text is no baseline, with *@ret_wrong set; or -ENOMEM. */
int dw_baseline_parse(struct dw_baseline **ret, const char *text, size_t size,
		      struct dw_wrong *ret_wrong);

struct dw_baseline *dw_baseline_free(struct dw_baseline *baseline);

/* In the order of the file. */
struct dw_baseline_entry *dw_baseline_entries(struct dw_baseline *baseline, size_t *ret_n);

/* NULL if it is not there. */
struct dw_baseline_entry *dw_baseline_find(struct dw_baseline *baseline, const char *verdict,
					   const char *fingerprint);

/*
 * Adds what is not there, with the reason DW_BASELINE_TODO. Texts are copied; what a line cannot
 * hold is replaced in @chain. Return: 0, or -ENOMEM.
 */
int dw_baseline_add(struct dw_baseline *baseline, const char *verdict, const char *fingerprint,
		    const char *chain);

/*
 * Gives @baseline, which was read anew, what @judged came to: what was added to that one since it
 * was read is added here, too, if nobody else has; what was not seen then is marked so. Who wrote
 * to the file meanwhile has not written in vain. Return: how many were added, or -ENOMEM.
 */
int dw_baseline_renew(struct dw_baseline *baseline, struct dw_baseline *judged);

/* @prune: leave out what was not seen. Return: 0, -ENOMEM, or a negative errno of writing. */
int dw_baseline_write(FILE *out, struct dw_baseline *baseline, bool prune);

DW_DEFINE_AUTO(baseline)
