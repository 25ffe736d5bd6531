/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/need_parts.h"
#include "analysis/sort.h"
#include "base/hash.h"

/* Room for another one of `rows`, with `n_rows`, `rows_room` and `rows_index`. */
#define make_row(d, rows, hash)                                                    \
	room_of((d)->arena, (void **)&(d)->rows, (d)->n_##rows, &(d)->rows##_room, \
		sizeof(*(d)->rows), &(d)->rows##_index, (hash))

static int room_of(struct dw_arena *arena, void **rows, uint32_t n, uint32_t *room, size_t size,
		   struct dw_index *index, uint64_t hash)
{
	int r = dw_array_room(arena, rows, n, room, size);

	if (r >= 0)
		r = dw_index_add(index, arena, hash, n);
	return r < 0 ? dw_pass(r) : 0;
}

static bool is_less(const void *context, uint32_t a, uint32_t b)
{
	(void)context;
	return a < b;
}

/* Sorts what is held below @chain into d->path. Return: how many things that are. */
static uint32_t sort_held(struct dw_need_drawing *d, uint32_t chain)
{
	uint32_t n = 0, kept = 0;

	for (uint32_t a = dw_need_chain_at(d, chain)->below; a; a = dw_need_chain_at(d, a)->below)
		d->path[n++] =
		    dw_need_chain_at(d, a)->thing * 2 + !(dw_need_chain_at(d, a)->how & DW_SHARED);
	dw_sort(d->path, d->scratch, n, is_less, NULL);
	for (uint32_t i = 0; i < n; i++) {
		/* Of a thing that is held more than once, its last entry is the strongest. */
		if (i + 1 == n || d->path[i] / 2 != d->path[i + 1] / 2)
			d->path[kept++] = d->path[i];
	}
	return kept;
}

static bool same_state(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_state *a = &((const struct dw_need_drawing *)context)->states[item],
			      *b = wanted;

	return a->n == b->n && !memcmp(a->held, b->held, a->n * sizeof(*a->held));
}

/* The number of the state in which the thread of @chain came to need its last thing. */
static int ensure_state(struct dw_need_drawing *d, uint32_t chain, uint32_t *ret)
{
	struct dw_state state = {d->path, sort_held(d, chain)};
	uint64_t hash = state.n;
	uint32_t *held;
	int r;

	for (uint32_t i = 0; i < state.n; i++)
		hash = dw_hash(hash, state.held[i]);
	*ret = dw_index_find(&d->states_index, hash, same_state, d, &state);
	if (*ret != DW_INDEX_NONE)
		return 0;
	held = dw_arena_alloc(d->arena, state.n * sizeof(*held) + 1);
	if (!held)
		return dw_raise(-ENOMEM);
	memcpy(held, state.held, state.n * sizeof(*held));
	r = make_row(d, states, hash);
	if (r < 0)
		return dw_pass(r);
	*ret = d->n_states;
	d->states[d->n_states++] = (struct dw_state){held, state.n};
	return 0;
}

static bool same_runs(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_run *runs = ((const struct dw_need_drawing *)context)->out.facts->runs;
	uint32_t a = item, b = *(const uint32_t *)wanted;

	while (a && b && runs[a].from == runs[b].from && runs[a].to == runs[b].to) {
		a = runs[a].next;
		b = runs[b].next;
	}
	return !a && !b;
}

/* The first runs that were seen with the same segments as @runs. */
static int ensure_runs(struct dw_need_drawing *d, uint32_t runs, uint32_t *ret)
{
	const struct dw_run *all = d->out.facts->runs;
	uint64_t hash = 0;

	*ret = runs;
	if (!runs)
		return 0;
	for (uint32_t i = runs; i; i = all[i].next)
		hash = dw_hash(dw_hash(hash, all[i].from), all[i].to);
	*ret = dw_index_find(&d->runs_index, hash, same_runs, d, &runs);
	if (*ret != DW_INDEX_NONE)
		return 0;
	*ret = runs;
	return dw_index_add(&d->runs_index, d->arena, hash, runs);
}

static int ensure_moment(struct dw_need_drawing *d, uint32_t chain, struct dw_moment *ret)
{
	int r = ensure_state(d, chain, &ret->state);

	ret->when.thread = dw_need_chain_at(d, chain)->thread;
	if (r >= 0)
		r = ensure_runs(d, dw_need_chain_at(d, chain)->run, &ret->when.runs);
	return r < 0 ? dw_pass(r) : 0;
}

/* A way of @need; the index holds the ways of all needs. */
struct way_key {
	struct dw_way way;
	uint32_t need;
};

static bool same_way(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_need_drawing *d = context;
	const struct way_key *key = wanted;
	const struct dw_way *a = &d->ways[item], *b = &key->way;

	return a->holds == b->holds && a->needs == b->needs && a->state == b->state &&
	       a->holds_shared == b->holds_shared && a->needs_shared == b->needs_shared &&
	       a->gives_up == b->gives_up && a->is_given == b->is_given;
}

static int ensure_way(struct dw_need_drawing *d, const struct way_key *key, uint32_t *ret)
{
	struct dw_need *need = (struct dw_need *)&d->out.needs[key->need];
	const struct dw_way *way = &key->way;
	uint64_t modes =
	    way->holds_shared | way->needs_shared << 1 | way->gives_up << 2 | way->is_given << 3;
	uint64_t hash =
	    dw_hash(dw_hash((uint64_t)way->holds << 32 | way->needs, modes), way->state);
	int r;

	*ret = dw_index_find(&d->ways_index, hash, same_way, d, key);
	if (*ret != DW_INDEX_NONE)
		return 0;
	r = make_row(d, ways, hash);
	if (r < 0)
		return dw_pass(r);
	*ret = d->n_ways++;
	d->ways[*ret] = *way;
	if (need->last == DW_NEED_NONE)
		need->first = *ret;
	else
		d->ways[need->last].next = *ret;
	need->last = *ret;
	return 0;
}

static bool same_witness(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_witness *a = &((const struct dw_need_drawing *)context)->witnesses[item],
				*b = wanted;

	return a->way == b->way && a->moment.when.thread == b->moment.when.thread &&
	       a->moment.when.runs == b->moment.when.runs && a->said == b->said &&
	       a->pauses == b->pauses && a->paused == b->paused;
}

/* Identical witnesses are kept once, the first: neither excuses nor readers want more. */
static int ensure_witness(struct dw_need_drawing *d, const struct dw_witness *witness)
{
	uint32_t way = witness->way;
	const struct dw_when *when = &witness->moment.when;
	uint64_t hash =
	    dw_hash(dw_hash((uint64_t)when->thread << 32 | when->runs, way), witness->said);
	int r;

	hash = dw_hash(hash, (uint64_t)witness->pauses << 16 | witness->paused);

	if (dw_index_find(&d->witnesses_index, hash, same_witness, d, witness) != DW_INDEX_NONE)
		return 0;
	r = make_row(d, witnesses, hash);
	if (r < 0)
		return dw_pass(r);
	if (d->ways[way].last == DW_NEED_NONE)
		d->ways[way].only_thread = when->thread;
	else if (d->ways[way].only_thread != when->thread)
		d->ways[way].only_thread = 0;
	if (d->ways[way].last == DW_NEED_NONE)
		d->ways[way].first = d->n_witnesses;
	else
		d->witnesses[d->ways[way].last].next = d->n_witnesses;
	d->ways[way].last = d->n_witnesses;
	d->witnesses[d->n_witnesses++] = *witness;
	return 0;
}

/* What goes for the two kinds of witnesses: who needs what is at the end of a chain. */
static int add_witness(struct dw_need_drawing *d, struct way_key *key, struct dw_witness *witness)
{
	const struct dw_chain *needed = dw_need_chain_at(d, witness->needs);
	struct dw_way *way = &key->way;
	int r;

	way->state = witness->moment.state;
	way->needs = needed->thing;
	way->needs_shared = needed->how & DW_SHARED;
	way->gives_up = dw_how_gives_up(needed->how);
	way->first = way->last = way->next = DW_NEED_NONE;
	witness->next = DW_NEED_NONE;
	witness->pauses = needed->pauses;
	witness->paused = needed->paused;
	r = ensure_way(d, key, &witness->way);
	if (r >= 0)
		r = ensure_witness(d, witness);
	return r < 0 ? dw_pass(r) : 0;
}

static int add_witness_of_chain(struct dw_need_drawing *d, uint32_t need, uint32_t holds,
				uint32_t needs, const struct dw_moment *moment)
{
	const struct dw_chain *held = dw_need_chain_at(d, holds),
			      *needed = dw_need_chain_at(d, needs);
	struct dw_witness witness = {.moment = *moment, .holds = holds, .needs = needs};
	struct way_key key = {
	    .way = {.holds = held->thing, .holds_shared = held->how & DW_SHARED},
	    .need = need,
	};
	int r;

	if (needed->how & DW_WAITS)
		witness.said = needed->origin.woken_by;
	r = add_witness(d, &key, &witness);
	return r < 0 ? dw_pass(r) : 0;
}

/* The need between two nodes; DW_NEED_NONE: there is none that matters. */
static uint32_t need_between(const struct dw_need_drawing *d, uint32_t from, uint32_t to)
{
	if (from == to || dw_graph_component(d->graph, from) != dw_graph_component(d->graph, to))
		return DW_NEED_NONE;
	return d->need_of[dw_graph_find(d->graph, from, to)];
}

static int add_witnesses(struct dw_need_drawing *d, uint32_t chain)
{
	struct dw_moment moment;
	bool known = false;
	int r = 0;

	if (dw_graph_component_size(d->graph, dw_need_node_at(d, chain)) < 2 ||
	    !dw_need_is_made(d->out.facts, chain))
		return 0;
	for (uint32_t a = dw_need_chain_at(d, chain)->below; a && r >= 0;
	     a = dw_need_chain_at(d, a)->below) {
		uint32_t need = need_between(d, dw_need_node_at(d, a), dw_need_node_at(d, chain));

		if (need == DW_NEED_NONE)
			continue;
		r = known ? 0 : ensure_moment(d, chain, &moment);
		known = true;
		if (r >= 0)
			r = add_witness_of_chain(d, need, a, chain, &moment);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static int add_witness_of_post(struct dw_need_drawing *d, uint32_t post)
{
	const struct dw_post *p = &d->out.facts->posts[post];
	struct dw_witness witness = {.needs = p->chain, .post = post, .said = p->said};
	struct way_key key = {.way = {.holds = p->thing, .is_given = true}};
	int r;

	if (!dw_need_is_given(d->out.facts, post))
		return 0;
	key.need = need_between(d, d->node_of[p->thing], dw_need_node_at(d, p->chain));
	if (key.need == DW_NEED_NONE)
		return 0;
	r = ensure_moment(d, p->chain, &witness.moment);
	if (r >= 0)
		r = add_witness(d, &key, &witness);
	return r < 0 ? dw_pass(r) : 0;
}

static bool same_writer(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_writer *a = &((const struct dw_need_drawing *)context)->writers[item],
			       *b = wanted;

	return a->thing == b->thing && a->moment.state == b->moment.state &&
	       a->moment.when.thread == b->moment.when.thread &&
	       a->moment.when.runs == b->moment.when.runs;
}

static int ensure_writer(struct dw_need_drawing *d, const struct dw_writer *writer, uint32_t *first)
{
	const struct dw_moment *moment = &writer->moment;
	uint64_t hash =
	    dw_hash(dw_hash((uint64_t)moment->when.thread << 32 | moment->when.runs, moment->state),
		    writer->thing);
	int r;

	if (dw_index_find(&d->writers_index, hash, same_writer, d, writer) != DW_INDEX_NONE)
		return 0;
	r = make_row(d, writers, hash);
	if (r < 0)
		return dw_pass(r);
	d->writers[d->n_writers] = *writer;
	d->writers[d->n_writers].next = *first;
	*first = d->n_writers++;
	return 0;
}

/* Who queues for a thing at which a queued writer stops readers. */
static int add_writer(struct dw_need_drawing *d, uint32_t *writers, uint32_t chain)
{
	const struct dw_chain *c = dw_need_chain_at(d, chain);
	struct dw_writer writer = {.thing = c->thing};
	int r;

	if (!(d->out.facts->things[c->thing].flags & DW_THING_WRITERS) ||
	    dw_graph_component_size(d->graph, dw_need_node_at(d, chain)) < 2 ||
	    (c->how & DW_SHARED) || (c->how & DW_REMAINS) || dw_how_gives_up(c->how))
		return 0;
	r = ensure_moment(d, chain, &writer.moment);
	if (r >= 0)
		r = ensure_writer(d, &writer, &writers[c->thing]);
	return r < 0 ? dw_pass(r) : 0;
}

/* Room for the deepest path; what the chains say about their depth is not relied on. */
static int make_path(struct dw_need_drawing *d)
{
	uint32_t n = d->out.facts->n_chains, deepest = 1;
	uint32_t *depths = dw_arena_alloc(d->arena, ((size_t)n + 1) * sizeof(*depths));

	if (!depths)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n; i++) {
		depths[i] = depths[dw_need_chain_at(d, i)->below] + 1;
		deepest = depths[i] > deepest ? depths[i] : deepest;
	}
	d->path = dw_arena_alloc(d->arena, deepest * sizeof(*d->path));
	d->scratch = dw_arena_alloc(d->arena, deepest * sizeof(*d->scratch));
	return d->path && d->scratch ? 0 : dw_raise(-ENOMEM);
}

int dw_need_witnesses(struct dw_need_drawing *d)
{
	const struct dw_facts *facts = d->out.facts;
	uint32_t *writers = dw_arena_alloc(d->arena, (facts->n_things + 1) * sizeof(*writers));
	int r = make_path(d);

	if (r < 0)
		return dw_pass(r);
	if (!writers)
		return dw_raise(-ENOMEM);
	memset(writers, 0xff, (facts->n_things + 1) * sizeof(*writers));
	d->out.writers = writers;
	for (uint32_t i = 1; i < facts->n_chains && r >= 0; i++) {
		r = add_witnesses(d, i);
		if (r >= 0)
			r = add_writer(d, writers, i);
	}
	for (uint32_t i = 1; i < facts->n_posts && r >= 0; i++)
		r = add_witness_of_post(d, i);
	return r < 0 ? dw_pass(r) : 0;
}
