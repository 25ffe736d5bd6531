/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/handled.h"

#include "analysis/array.h"
#include "analysis/index.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "model/event.h"

#include <errno.h>

/* A lock that a thread took in handlers, and how it took it outside. */
struct pair {
	uint32_t thread, thing;
	uint64_t signals; /* whose handlers those were */
	uint32_t
	    taken[DW_SIGNALS]; /* chain numbers: how it was taken in them, by signal less one */
	uint32_t holds;        /* chain number; 0: it was not taken outside */
	uint32_t signal;       /* that could come then; 0: none could */
};

struct search {
	const struct dw_facts *facts;
	struct dw_arena *arena;
	struct pair *pairs;
	uint32_t n, room;
	struct dw_index index;
};

static bool same_pair(const void *context, uint32_t item, const void *wanted)
{
	const struct pair *pair = &((const struct search *)context)->pairs[item];
	const struct dw_chain *chain = wanted;

	return pair->thread == chain->thread && pair->thing == chain->thing;
}

static uint64_t hash_of(const struct dw_chain *chain)
{
	return dw_hash(chain->thread, chain->thing);
}

/* The pair of the thread and lock of @chain; NULL: there is none. */
static struct pair *find(const struct search *s, const struct dw_chain *chain)
{
	uint32_t item = dw_index_find(&s->index, hash_of(chain), same_pair, s, chain);

	return item == DW_INDEX_NONE ? NULL : &s->pairs[item];
}

static int ensure(struct search *s, const struct dw_chain *chain, struct pair **ret)
{
	int r;

	*ret = find(s, chain);
	if (*ret)
		return 0;
	r = dw_array_room(s->arena, (void **)&s->pairs, s->n, &s->room, sizeof(*s->pairs));
	if (r >= 0)
		r = dw_index_add(&s->index, s->arena, hash_of(chain), s->n);
	if (r < 0)
		return dw_pass(r);
	*ret = &s->pairs[s->n++];
	**ret = (struct pair){.thread = chain->thread, .thing = chain->thing};
	return 0;
}

/* Whether the lock was held already when @chain took it: then it is told as what it is, misuse. */
static bool is_held_below(const struct search *s, const struct dw_chain *chain)
{
	const struct dw_chain *chains = s->facts->chains;

	for (uint32_t i = chain->below; i; i = chains[i].below)
		if (chains[i].thing == chain->thing)
			return true;
	return false;
}

/* Whether the thread would wait for ever if it held the lock already. */
static bool would_wait(const struct dw_chain *chain)
{
	return !(chain->how & (DW_TRY | DW_TIMED | DW_REENTRANT));
}

static int see_handlers(struct search *s)
{
	for (uint32_t i = 1; i < s->facts->n_chains; i++) {
		const struct dw_chain *chain = &s->facts->chains[i];
		uint64_t bit = chain->handler ? UINT64_C(1) << (chain->handler - 1) : 0;
		struct pair *pair;
		int r;

		if (!bit || !would_wait(chain) || is_held_below(s, chain))
			continue;
		r = ensure(s, chain, &pair);
		if (r < 0)
			return dw_pass(r);
		if (!(pair->signals & bit))
			pair->taken[chain->handler - 1] = i;
		pair->signals |= bit;
	}
	return 0;
}

/* Readers of a lock do not wait for each other, unless a writer comes between them. */
static bool both_read(const struct search *s, const struct pair *pair, unsigned how)
{
	const struct dw_chain *needs =
	    &s->facts->chains[pair->taken[__builtin_ctzll(pair->signals)]];

	return needs->how & how & DW_SHARED;
}

static void see_outside(struct search *s)
{
	for (uint32_t i = 1; i < s->facts->n_chains; i++) {
		const struct dw_chain *chain = &s->facts->chains[i];
		struct pair *pair =
		    chain->handler || chain->how & (DW_WAITS | DW_REMAINS) ? NULL : find(s, chain);
		uint64_t could;

		if (!pair || pair->signal || both_read(s, pair, chain->how))
			continue;
		could = pair->signals & chain->exposed;
		if (could || !pair->holds)
			pair->holds = i;
		if (could)
			pair->signal = (uint32_t)__builtin_ctzll(could) + 1;
	}
}

static int list(const struct search *s, struct dw_handled_list *ret)
{
	ret->items = dw_arena_alloc(s->arena, ((size_t)s->n + 1) * sizeof(*ret->items));
	if (!ret->items)
		return dw_raise(-ENOMEM);
	ret->n = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct pair *pair = &s->pairs[i];
		uint32_t signal =
		    pair->signal ? pair->signal : (uint32_t)__builtin_ctzll(pair->signals) + 1;

		if (pair->holds)
			ret->items[ret->n++] = (struct dw_handled){
			    .holds = pair->holds,
			    .needs = pair->taken[signal - 1],
			    .signal = signal,
			    .is_masked = !pair->signal,
			};
	}
	return 0;
}

int dw_handled_find(struct dw_handled_list *ret, const struct dw_facts *facts,
		    struct dw_arena *arena)
{
	struct search s = {.facts = facts, .arena = arena};
	int r = see_handlers(&s);

	if (r < 0)
		return dw_pass(r);
	if (s.n)
		see_outside(&s);
	r = list(&s, ret);
	return r < 0 ? dw_pass(r) : 0;
}
