/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folding: findings that people would call the same are shown once.
 *
 * Single-threaded; memory comes from the caller's arena.
 */
#pragma once

#include "render/render.h"

struct dw_analysis;
struct dw_arena;

/*
 * The findings of @analysis, each with its fingerprint; those with equal fingerprint, verdict
 * and excuse are one, which stands where the first of them stood. What has happened comes
 * before what could, then what is wrong anyhow, hazards, and last what has an excuse.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_fold(struct dw_reported **ret, size_t *ret_n, struct dw_arena *arena,
	    const struct dw_analysis *analysis, const struct dw_facts *facts,
	    struct dw_names *names);

/* The smaller, the earlier @finding is told. */
unsigned dw_fold_rank(const struct dw_finding *finding);
