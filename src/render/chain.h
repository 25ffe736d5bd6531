/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A finding's chain in one line, word by word: `BQL -> CFRelease -> fence_poll -> BQL`.
 *
 * Names are as the traced program has them, and not harmless to show.
 */
#pragma once

#include "analysis/finding.h"

#include <stddef.h>

struct dw_arena;
struct dw_names;
struct dw_reported_process;

/* What leg @leg holds or gives; NULL if it is not known. */
const char *dw_chain_given(const struct dw_reported_process *process,
			   const struct dw_finding *finding, uint32_t leg);

/* What it needs or waits for; NULL if nothing is known to be. */
const char *dw_chain_needed(const struct dw_reported_process *process,
			    const struct dw_finding *finding, uint32_t leg);

/* What a thread that the monitor found waits for; NULL if nothing is known to be. */
const char *dw_chain_waited(const struct dw_reported_process *process,
			    const struct dw_found_leg *found);

/*
 * The words of the chain, those of a cycle with the first again at the end. A thing that is
 * given and has no name of its own is followed by the function that gives it.
 *
 * Return: an array in @arena; NULL if that is full.
 */
const char **dw_chain_words(const struct dw_reported_process *process,
			    const struct dw_finding *finding, struct dw_arena *arena,
			    size_t *ret_n);
