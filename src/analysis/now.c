/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/now.h"

#include "analysis/ring.h"
#include "analysis/stall.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>

struct waiters {
	const struct dw_waits *waits;
	struct dw_arena *arena;
	bool *is_leg;               /* by thread */
	bool *is_given;             /* by node: a leg keeps it from being given */
	struct dw_found_leg *found; /* room for all threads */
	uint32_t n;
};

/*
 * A lock whose holder cannot be seen, or is not known, is kept by nobody: others may wait as the
 * last leg does. Return: whether it is so.
 */
static bool mark_unseen(struct waiters *w, const struct dw_found *found)
{
	uint32_t last = found->legs[found->n_legs - 1].thread;
	const struct dw_wait *wait = &w->waits->waiters[last].waits[DW_WAIT_OWN];

	if (!(found->flags & DW_FOUND_UNSEEN) &&
	    (!wait->address || !dw_wait_is_any_lock(wait) ||
	     dw_waits_first_giver(w->waits, wait) != DW_WAIT_NONE))
		return false;
	w->is_given[wait->node] = true;
	return true;
}

static void mark(struct waiters *w, const struct dw_found *found, bool is_leg)
{
	for (uint32_t i = 0; i < found->n_legs; i++)
		w->is_leg[found->legs[i].thread] = is_leg;
	memset(w->is_given, 0, w->waits->n_nodes * sizeof(*w->is_given));
	for (uint32_t i = 0; is_leg && i < w->waits->n_nodes; i++)
		for (uint32_t g = w->waits->nodes[i].first; g != DW_WAIT_NONE;
		     g = w->waits->givers[g].next)
			if (!w->waits->givers[g].post && w->is_leg[w->waits->givers[g].thread])
				w->is_given[i] = true;
}

static void collect(struct waiters *w, enum dw_wait_part part)
{
	for (uint32_t t = 1; t < w->waits->n_threads; t++) {
		const struct dw_waiter *waiter = &w->waits->waiters[t];
		const struct dw_wait *wait = &waiter->waits[part];

		if (w->is_leg[t] || !wait->address || !waiter->span_ns || !w->is_given[wait->node])
			continue;
		w->found[w->n++] =
		    (struct dw_found_leg){.thread = t, .needs = wait->chain, .thing = wait->thing};
	}
}

/* Its legs, with those behind them who wait for what they hold. */
static int add_waiters(struct waiters *w, struct dw_found *found)
{
	struct dw_found_leg *legs;
	bool unseen;

	w->n = 0;
	mark(w, found, true);
	unseen = mark_unseen(w, found);
	collect(w, DW_WAIT_OWN);
	/* Where nobody wants it yet, it is those who need it again that it was found by. */
	if (w->n == 0 && !unseen && found->verdict == DW_FOUND_STALL)
		collect(w, DW_WAIT_RETAKE);
	mark(w, found, false);
	legs = dw_arena_alloc(w->arena, (found->n_legs + w->n) * sizeof(*legs));
	if (!legs)
		return dw_raise(-ENOMEM);
	memcpy(legs, found->legs, found->n_legs * sizeof(*legs));
	if (w->n > 0)
		memcpy(legs + found->n_legs, w->found, w->n * sizeof(*legs));
	found->legs = legs;
	found->n_waiters = w->n;
	return 0;
}

static int add_all_waiters(const struct dw_waits *waits, struct dw_arena *arena,
			   struct dw_found *founds, size_t n)
{
	struct waiters w = {.waits = waits, .arena = arena};
	int r = 0;

	w.is_leg = dw_arena_alloc(arena, waits->n_threads * sizeof(*w.is_leg));
	w.is_given = dw_arena_alloc(arena, (waits->n_nodes + 1) * sizeof(*w.is_given));
	w.found = dw_arena_alloc(arena, waits->n_threads * sizeof(*w.found));
	if (!w.is_leg || !w.is_given || !w.found)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_waiters(&w, &founds[i]);
	return r < 0 ? dw_pass(r) : 0;
}

/* Whether a leg's thread was found to have a lock that does not say so. */
static bool rests_on_reference(const struct dw_facts *facts, const struct dw_found *found)
{
	for (uint32_t i = 0; i < found->n_legs; i++) {
		const struct dw_chain *holds = &facts->chains[found->legs[i].holds];

		/* Who was seen taking it has a stack of that. */
		if (found->legs[i].holds && !holds->stack &&
		    facts->things[holds->thing].flags & DW_THING_INFERRED)
			return true;
	}
	return false;
}

/* Whether a leg's thread was not seen giving what it gives, but a profile says that it does. */
static bool rests_on_completion(const struct dw_facts *facts, const struct dw_found *found)
{
	for (uint32_t i = 0; i < found->n_legs; i++)
		if (facts->posts && facts->posts[found->legs[i].post].is_completion)
			return true;
	return false;
}

static void note_grounds(const struct dw_facts *facts, struct dw_found *founds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (rests_on_reference(facts, &founds[i]))
			founds[i].flags |= DW_FOUND_REFERENCE;
		if (rests_on_completion(facts, &founds[i]))
			founds[i].flags |= DW_FOUND_COMPLETION;
	}
}

static int join(const struct dw_rings *rings, const struct dw_stalls *stalls,
		struct dw_arena *arena, struct dw_found **ret)
{
	struct dw_found *founds =
	    dw_arena_alloc(arena, ((size_t)rings->n + stalls->n + 1) * sizeof(*founds));

	if (!founds)
		return dw_raise(-ENOMEM);
	memcpy(founds, rings->founds, rings->n * sizeof(*founds));
	memcpy(founds + rings->n, stalls->founds, stalls->n * sizeof(*founds));
	*ret = founds;
	return 0;
}

int dw_now_find(const struct dw_now *now, struct dw_arena *arena, const struct dw_found **ret,
		size_t *ret_n)
{
	struct dw_waits *waits;
	struct dw_rings rings;
	struct dw_stalls stalls;
	struct dw_found *founds = NULL;
	int r = dw_waits_new(&waits, now, arena);

	if (r == 0)
		r = dw_rings_find(&rings, waits, arena);
	if (r == 0)
		r = dw_stalls_find(&stalls, waits, rings.in_ring, arena);
	if (r == 0)
		r = join(&rings, &stalls, arena, &founds);
	if (r == 0)
		r = add_all_waiters(waits, arena, founds, (size_t)rings.n + stalls.n);
	if (r < 0)
		return dw_pass(r);
	note_grounds(now->facts, founds, (size_t)rings.n + stalls.n);
	*ret = founds;
	*ret_n = (size_t)rings.n + stalls.n;
	return 0;
}
