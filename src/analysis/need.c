/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/need_parts.h"

bool dw_need_is_made(const struct dw_facts *facts, uint32_t chain)
{
	const struct dw_chain *chains = facts->chains, *c = &chains[chain];

	if ((c->how & DW_REMAINS) || !c->thing)
		return false;
	for (uint32_t a = c->below; a; a = chains[a].below) {
		if (chains[a].thing == c->thing)
			return false;
	}
	return true;
}

bool dw_need_is_given(const struct dw_facts *facts, uint32_t post)
{
	const struct dw_post *p = &facts->posts[post];

	/* Who lets go of a lock may have taken anything before, on its way to the lock. */
	if (facts->things[p->thing].kind == DW_LOCK_WORD)
		return false;
	return p->chain && !(facts->chains[p->chain].how & DW_WAITS) &&
	       dw_need_is_made(facts, p->chain);
}

static int add_edges(struct dw_need_drawing *d, uint32_t chain)
{
	uint32_t to = dw_need_node_at(d, chain), edge;

	if (!dw_need_is_made(d->out.facts, chain))
		return 0;
	for (uint32_t a = dw_need_chain_at(d, chain)->below; a; a = dw_need_chain_at(d, a)->below) {
		int r = dw_need_node_at(d, a) != to
			    ? dw_graph_add(d->graph, dw_need_node_at(d, a), to, &edge)
			    : 0;

		if (r < 0)
			return dw_pass(r);
	}
	return 0;
}

/* A thing of its own cannot be met: what is given is no lock, and what is taken is. */
static int add_edge_of_post(struct dw_need_drawing *d, uint32_t number)
{
	const struct dw_post *post = &d->out.facts->posts[number];
	uint32_t from = d->node_of[post->thing], edge;
	int r = 0;

	if (dw_need_is_given(d->out.facts, number) && dw_need_node_at(d, post->chain) != from)
		r = dw_graph_add(d->graph, from, dw_need_node_at(d, post->chain), &edge);
	return r < 0 ? dw_pass(r) : 0;
}

static int draw_graph(struct dw_need_drawing *d)
{
	int r = dw_graph_new(&d->graph, d->arena);

	for (uint32_t i = 0; i < d->out.n_nodes && r >= 0; i++)
		r = dw_graph_add_node(d->graph) < 0 ? -ENOMEM : 0;
	for (uint32_t i = 1; i < d->out.facts->n_chains && r >= 0; i++)
		r = add_edges(d, i);
	for (uint32_t i = 1; i < d->out.facts->n_posts && r >= 0; i++)
		r = add_edge_of_post(d, i);
	return r < 0 ? dw_pass(r) : 0;
}

/* The edges within components become needs, in the order in which they were told. */
static int pick_needs(struct dw_need_drawing *d)
{
	uint32_t n_edges = dw_graph_n_edges(d->graph), n = 0;
	struct dw_need *needs = dw_arena_alloc(d->arena, ((size_t)n_edges + 1) * sizeof(*needs));
	bool *seen = dw_arena_alloc(d->arena, (size_t)d->out.n_nodes + 1);

	d->need_of = dw_arena_alloc(d->arena, ((size_t)n_edges + 1) * sizeof(*d->need_of));
	if (!needs || !seen || !d->need_of)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n_edges; i++) {
		const struct dw_graph_edge *edge = dw_graph_edge(d->graph, i);

		d->out.n_things_seen += !seen[edge->from];
		seen[edge->from] = true;
		d->out.n_things_seen += !seen[edge->to];
		seen[edge->to] = true;
		d->need_of[i] = DW_NEED_NONE;
		if (dw_graph_component(d->graph, edge->from) !=
		    dw_graph_component(d->graph, edge->to))
			continue;
		d->need_of[i] = n;
		needs[n++] = (struct dw_need){edge->from, edge->to, DW_NEED_NONE, DW_NEED_NONE};
	}
	d->out.needs = needs;
	d->out.n_needs = n;
	d->out.n_needs_seen = n_edges;
	return 0;
}

/* The needs by one of their ends: a counting sort, which keeps the order told. */
static int group(struct dw_need_drawing *d, bool by_from, const uint32_t **ret_starts,
		 const uint32_t **ret_items)
{
	uint32_t *starts = dw_arena_alloc(d->arena, ((size_t)d->out.n_nodes + 2) * sizeof(*starts));
	uint32_t *items = dw_arena_alloc(d->arena, ((size_t)d->out.n_needs + 1) * sizeof(*items));
	const struct dw_need *needs = d->out.needs;

	if (!starts || !items)
		return dw_raise(-ENOMEM);
	/* Counted two entries further on, so that filling leaves every start in its place. */
	for (uint32_t i = 0; i < d->out.n_needs; i++)
		starts[(by_from ? needs[i].from : needs[i].to) + 2]++;
	for (uint32_t i = 2; i <= d->out.n_nodes + 1; i++)
		starts[i] += starts[i - 1];
	for (uint32_t i = 0; i < d->out.n_needs; i++)
		items[starts[(by_from ? needs[i].from : needs[i].to) + 1]++] = i;

	*ret_starts = starts;
	*ret_items = items;
	return 0;
}

/* All posts by what they give, in the order told. */
static int group_posts(struct dw_need_drawing *d)
{
	const struct dw_facts *facts = d->out.facts;
	uint32_t *first = dw_arena_alloc(d->arena, ((size_t)facts->n_things + 1) * sizeof(*first));
	uint32_t *next = dw_arena_alloc(d->arena, ((size_t)facts->n_posts + 1) * sizeof(*next));

	if (!first || !next)
		return dw_raise(-ENOMEM);
	for (uint32_t i = facts->n_posts; i-- > 1;) {
		next[i] = first[facts->posts[i].thing];
		first[facts->posts[i].thing] = i;
	}
	d->out.posts = first;
	d->out.posts_next = next;
	return 0;
}

static int count_threads(struct dw_need_drawing *d)
{
	bool *seen = dw_arena_alloc(d->arena, (size_t)d->out.facts->n_threads + 1);

	if (!seen)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < d->n_witnesses; i++) {
		uint32_t thread = d->witnesses[i].moment.when.thread;

		d->out.n_threads += !seen[thread];
		seen[thread] = true;
	}
	return 0;
}

int dw_needs_new(struct dw_needs **ret, const struct dw_facts *facts, const uint32_t *node_of,
		 struct dw_arena *arena)
{
	struct dw_need_drawing *d = dw_arena_alloc(arena, sizeof(*d));
	int r;

	if (!d)
		return dw_raise(-ENOMEM);
	d->arena = arena;
	d->node_of = node_of;
	d->out.facts = facts;
	d->out.n_nodes = facts->n_things;
	r = draw_graph(d);
	if (r >= 0)
		r = pick_needs(d);
	if (r >= 0)
		r = group(d, /* by_from= */ true, &d->out.out_starts, &d->out.out);
	if (r >= 0)
		r = group(d, /* by_from= */ false, &d->out.in_starts, &d->out.in);
	if (r >= 0)
		r = dw_need_witnesses(d);
	if (r >= 0)
		r = group_posts(d);
	if (r >= 0)
		r = count_threads(d);
	if (r < 0)
		return dw_pass(r);
	d->out.ways = d->ways;
	d->out.witnesses = d->witnesses;
	d->out.moments_of_writers = d->writers;
	d->out.states = d->states;

	*ret = &d->out;
	return 0;
}

uint32_t dw_needs_find(const struct dw_needs *needs, uint32_t from, uint32_t to)
{
	const struct dw_need_drawing *d = (const struct dw_need_drawing *)needs;
	uint32_t edge = dw_graph_find(d->graph, from, to);

	return edge == DW_GRAPH_NONE ? DW_NEED_NONE : d->need_of[edge];
}
