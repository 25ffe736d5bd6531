/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which findings are worth telling, and in which order. */
#pragma once

#include "analysis/finding.h"

struct dw_arena;

/*
 * Takes those of the @n @findings away of which a deadlock says more, one that the monitor has
 * seen: those come first. They say of its cycle that it could happen; or they are stalls that were
 * told of threads before all of it was known. Return: how many are left.
 */
size_t dw_rank_drop_happened(const struct dw_facts *facts, struct dw_finding *findings, size_t n);

/*
 * Puts *@findings, @n of them, into the order in which they are told: the worst first, then by when
 * they were seen. Memory is @arena's. Return: 0, or -ENOMEM.
 */
int dw_rank_sort(struct dw_finding **findings, size_t n, struct dw_arena *arena);
