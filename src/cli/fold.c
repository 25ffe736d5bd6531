/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/fold.h"

#include "base/arena.h"
#include "base/error.h"
#include "gate/fingerprint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define N_VERDICTS 6

static int compare_kinds(const struct dw_reported *a, const struct dw_reported *b)
{
	int r = strcmp(a->fingerprint, b->fingerprint);

	if (r == 0)
		r = (a->finding->verdict > b->finding->verdict) -
		    (a->finding->verdict < b->finding->verdict);
	if (r == 0)
		r = (a->finding->excuse > b->finding->excuse) -
		    (a->finding->excuse < b->finding->excuse);
	return r;
}

/* What is stuck now comes first. */
unsigned dw_fold_rank(const struct dw_finding *finding)
{
	static const enum dw_verdict order[] = {DW_DEADLOCK, DW_STALL,      DW_POTENTIAL,
						DW_MISUSE,   DW_UNDECLARED, DW_HAZARD};
	unsigned i = 0;

	if (finding->excuse)
		return N_VERDICTS;
	while (i < N_VERDICTS && order[i] != finding->verdict)
		i++;
	return i;
}

/* In the order of ranks; within one, as found: findings lie in one array. */
static int compare_ranks(const void *a, const void *b)
{
	const struct dw_reported *x = a, *y = b;
	unsigned m = dw_fold_rank(x->finding), n = dw_fold_rank(y->finding);

	if (m != n)
		return m < n ? -1 : 1;
	return (x->finding > y->finding) - (x->finding < y->finding);
}

/* Equal ones next to each other, the first found first: findings lie in one array. */
static int compare_entries(const void *a, const void *b)
{
	const struct dw_reported *x = *(struct dw_reported *const *)a;
	const struct dw_reported *y = *(struct dw_reported *const *)b;
	int r = compare_kinds(x, y);

	return r != 0 ? r : (x->finding > y->finding) - (x->finding < y->finding);
}

/* Of hazards that are one, the one is told whose wait was longest. */
static void choose(struct dw_reported *first, const struct dw_reported *other,
		   const struct dw_facts *facts)
{
	if (first->finding->verdict != DW_HAZARD)
		return;
	if (facts->chains[other->finding->legs[0].needs].longest_ns >
	    facts->chains[first->finding->legs[0].needs].longest_ns)
		first->finding = other->finding;
}

/* Adds up the occurrences of each run of equals at its first, and leaves 0 at the others. */
static void count_equals(struct dw_reported **sorted, size_t n, const struct dw_facts *facts)
{
	struct dw_reported *first = NULL;

	for (size_t i = 0; i < n; i++) {
		if (first && compare_kinds(first, sorted[i]) == 0) {
			first->occurrences++;
			choose(first, sorted[i], facts);
			sorted[i]->occurrences = 0;
		} else {
			first = sorted[i];
		}
	}
}

static int name_findings(struct dw_reported *all, size_t n, struct dw_arena *arena,
			 const struct dw_finding *findings, const struct dw_facts *facts,
			 struct dw_names *names)
{
	char fingerprint[DW_FINGERPRINT_SIZE];

	for (size_t i = 0; i < n; i++) {
		dw_fingerprint(&findings[i], facts, names, fingerprint);
		all[i].finding = &findings[i];
		all[i].fingerprint = dw_arena_text(arena, fingerprint, strlen(fingerprint));
		all[i].occurrences = 1;
		if (!all[i].fingerprint)
			return dw_raise(-ENOMEM);
	}
	return 0;
}

int dw_fold(struct dw_reported **ret, size_t *ret_n, struct dw_arena *arena,
	    const struct dw_analysis *analysis, const struct dw_facts *facts,
	    struct dw_names *names)
{
	const struct dw_finding *findings;
	struct dw_reported *all, **sorted;
	size_t n, n_kept = 0;
	int r;

	findings = dw_analysis_findings(analysis, &n);
	all = dw_arena_alloc(arena, (n + 1) * sizeof(*all));
	sorted = dw_arena_alloc(arena, (n + 1) * sizeof(*sorted));
	if (!all || !sorted)
		return dw_raise(-ENOMEM);
	r = name_findings(all, n, arena, findings, facts, names);
	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &all[i];
	qsort(sorted, n, sizeof(*sorted), compare_entries);
	count_equals(sorted, n, facts);
	for (size_t i = 0; i < n; i++)
		if (all[i].occurrences > 0)
			all[n_kept++] = all[i];
	qsort(all, n_kept, sizeof(*all), compare_ranks);
	*ret = all;
	*ret_n = n_kept;
	return 0;
}
