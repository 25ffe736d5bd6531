/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/cycle_parts.h"

#include "analysis/array.h"
#include "analysis/index.h"
#include "base/hash.h"

#define NONE DW_NEED_NONE

/* Needs, ways and pairs of witnesses that are looked at in all: some seconds of work. */
#define STEPS_MAX (UINT64_C(1) << 26)

/* Of those, for one need whose shortest cycle is excused. */
#define STEPS_OF_NEED_MAX (1U << 16)

/* Legs of the longest cycle that is looked at. A real one has as many threads. */
#define LEGS_MAX 1024

/*
 * Cycles with an excuse that are kept. They are shown on request only, and nested
 * locks make very many: a thousand, taken one in another, and one of them the other
 * way round by the same thread make half a million.
 */
#define EXCUSED_MAX 1000

/* What became of the cycle of two legs through a need. */
enum pair {
	PAIR_NONE,
	PAIR_EXCUSED,
	PAIR_REAL,
};

/* Each leg wants its own thread, but that one may wait in one leg for what it gives in the next. */
static uint32_t legs_of(const struct dw_needs *needs)
{
	uint64_t n = needs->n_threads;

	if (needs->facts->n_posts > 1)
		n *= 2;
	return n < LEGS_MAX ? (uint32_t)n : LEGS_MAX;
}

static int search_init(struct dw_cycle_search *s)
{
	size_t n = (size_t)s->needs->n_nodes + 1;
	uint32_t *legs;

	s->distances = dw_arena_alloc(s->arena, n * sizeof(*s->distances));
	s->queue = dw_arena_alloc(s->arena, n * sizeof(*s->queue));
	s->on_path = dw_arena_alloc(s->arena, n * sizeof(*s->on_path));
	s->pairs = dw_arena_alloc(s->arena, (size_t)s->needs->n_needs + 1);
	s->path_steps = dw_arena_alloc(s->arena, (LEGS_MAX + 1) * sizeof(*s->path_steps));
	legs = dw_arena_alloc(s->arena, 5 * (LEGS_MAX + 1) * sizeof(*legs));
	if (!s->distances || !s->queue || !s->on_path || !s->pairs || !s->path_steps || !legs)
		return dw_raise(-ENOMEM);
	s->path_needs = legs;
	s->path_ways = legs + (LEGS_MAX + 1);
	s->witnesses = legs + 2 * (LEGS_MAX + 1);
	s->turned_needs = legs + 3 * (LEGS_MAX + 1);
	s->turned_witnesses = legs + 4 * (LEGS_MAX + 1);
	memset(s->distances, 0xff, n * sizeof(*s->distances));
	s->legs_max = legs_of(s->needs);
	return 0;
}

static bool same_cycle(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_cycle *a = &((const struct dw_cycles *)context)->cycles[item], *b = wanted;

	return a->n == b->n && !memcmp(a->needs, b->needs, a->n * sizeof(*a->needs));
}

static uint64_t cycle_hash(const struct dw_cycle *cycle)
{
	uint64_t hash = cycle->n;

	for (uint32_t i = 0; i < cycle->n; i++)
		hash = dw_hash(hash, cycle->needs[i]);
	return hash;
}

/* Whether leg @a of the path is to come before leg @b: locks first, then what was seen first. */
static bool begins_before(const struct dw_cycle_search *s, uint32_t a, uint32_t b)
{
	const struct dw_thing *things = s->needs->facts->things;
	uint32_t x = dw_cycle_need(s, s->path_needs[a])->from,
		 y = dw_cycle_need(s, s->path_needs[b])->from;

	if (dw_is_lock(things[x].kind) != dw_is_lock(things[y].kind))
		return dw_is_lock(things[x].kind);
	return x < y;
}

/* Turns the path, and the witnesses along, until it starts where a reader is to begin. */
static void turn(const struct dw_cycle_search *s, uint32_t n, uint32_t *needs, uint32_t *witnesses)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i < n; i++) {
		if (begins_before(s, i, first))
			first = i;
	}
	for (uint32_t i = 0; i < n; i++) {
		needs[i] = s->path_needs[(first + i) % n];
		witnesses[i] = s->witnesses[(first + i) % n];
	}
}

/* The cycle that the path is, in memory that lasts. */
static int copy_cycle(struct dw_cycle_search *s, const struct dw_cycle *cycle, struct dw_cycle *ret)
{
	size_t size = cycle->n * sizeof(uint32_t);
	uint32_t *needs = dw_arena_alloc(s->arena, size);
	uint32_t *witnesses = dw_arena_alloc(s->arena, size);

	if (!needs || !witnesses)
		return dw_raise(-ENOMEM);
	memcpy(needs, cycle->needs, size);
	memcpy(witnesses, cycle->choice.witnesses, size);
	*ret = *cycle;
	ret->needs = needs;
	ret->choice.witnesses = witnesses;
	return 0;
}

/* Keeps the path as a cycle, once; a real one takes the place of the same one excused. */
static int keep(struct dw_cycle_search *s, uint32_t n, const struct dw_choice *choice)
{
	struct dw_cycles *cycles = s->cycles;
	struct dw_cycle cycle = {s->turned_needs, n, {s->turned_witnesses, choice->excuses}};
	uint32_t known;
	uint64_t hash;
	int r;

	turn(s, n, s->turned_needs, s->turned_witnesses);
	hash = cycle_hash(&cycle);
	known = dw_index_find(&s->index, hash, same_cycle, cycles, &cycle);
	if (known != DW_INDEX_NONE) {
		struct dw_cycle *old = &cycles->cycles[known];

		if (__builtin_popcount(choice->excuses) < __builtin_popcount(old->choice.excuses))
			return copy_cycle(s, &cycle, old);
		return 0;
	}
	if (choice->excuses && s->n_excused++ >= EXCUSED_MAX) {
		cycles->limits.excused_not_kept++;
		return 0;
	}
	r = dw_array_room(s->arena, (void **)&cycles->cycles, cycles->n, &cycles->room,
			  sizeof(*cycles->cycles));
	if (r >= 0)
		r = copy_cycle(s, &cycle, &cycles->cycles[cycles->n]);
	if (r >= 0)
		r = dw_index_add(&s->index, s->arena, hash, cycles->n);
	if (r < 0)
		return dw_pass(r);
	cycles->n++;
	return 0;
}

/* Starts over from @root, forgetting what the last search reached. */
static void start_backward(struct dw_cycle_search *s, uint32_t root)
{
	for (uint32_t i = 0; i < s->n_queue; i++)
		s->distances[s->queue[i]] = NONE;
	s->root = root;
	s->distances[root] = 0;
	s->queue[0] = root;
	s->n_queue = 1;
	s->n_looked = 0;
}

/*
 * Goes on until @node is reached (NONE: until everything is), or until all that is
 * left is farther away than @distance_max.
 */
static void search_backward(struct dw_cycle_search *s, uint32_t node, uint32_t distance_max)
{
	const struct dw_needs *needs = s->needs;

	while (s->n_looked < s->n_queue && (node == NONE || s->distances[node] == NONE) &&
	       s->distances[s->queue[s->n_looked]] < distance_max) {
		uint32_t to = s->queue[s->n_looked++];

		for (uint32_t i = needs->in_starts[to]; i < needs->in_starts[to + 1]; i++) {
			uint32_t from = dw_cycle_need(s, needs->in[i])->from;

			s->steps++;
			if (s->distances[from] != NONE)
				continue;
			s->distances[from] = s->distances[to] + 1;
			s->queue[s->n_queue++] = from;
		}
	}
}

/* At least so many needs lead from @node to the root. */
uint32_t dw_cycle_distance(const struct dw_cycle_search *s, uint32_t node)
{
	if (s->distances[node] != NONE || s->n_looked == s->n_queue)
		return s->distances[node];
	return s->distances[s->queue[s->n_looked]] + 1;
}

/*
 * Puts the shortest cycle through @need, from the root, on the path.
 *
 * Return: how many legs it has; more than LEGS_MAX: it is not there.
 */
static uint32_t shortest_through(struct dw_cycle_search *s, uint32_t need)
{
	uint32_t node = dw_cycle_need(s, need)->to, n = 0;

	search_backward(s, node, LEGS_MAX);
	if (s->distances[node] >= LEGS_MAX)
		return LEGS_MAX + 1;
	s->path_needs[n++] = need;
	while (node != s->root) {
		uint32_t i = s->needs->out_starts[node];

		/* A node at this distance was reached by way of one that is nearer by 1. */
		while (s->distances[dw_cycle_need(s, s->needs->out[i])->to] !=
		       s->distances[node] - 1)
			i++;
		s->path_needs[n++] = s->needs->out[i];
		node = dw_cycle_need(s, s->needs->out[i])->to;
	}
	return n;
}

/* Judges the cycle of @n legs that is on the path, and keeps it. Return: 1: it is real. */
static int judge_path(struct dw_cycle_search *s, uint32_t n)
{
	struct dw_cycle_hunt h = {.needs = s->path_needs, .n = n, .steps_max = STEPS_OF_NEED_MAX};
	int r;

	if (n <= s->legs_max)
		dw_cycle_hunt(s, &h);
	s->steps += h.steps;
	if (h.gave_up)
		s->cycles->limits.choices_not_tried++;
	if (!h.found && s->n_excused >= EXCUSED_MAX) {
		s->cycles->limits.excused_not_kept++;
		return 0;
	}
	if (!h.found) {
		h.choice.witnesses = s->witnesses;
		dw_judge_choose_excused(s->judge, s->path_needs, n, &h.choice);
	}
	r = keep(s, n, &h.choice);
	return r < 0 ? dw_pass(r) : h.found;
}

/* Looks for longer and longer cycles through @need until one is real; not for pairs again. */
static int hunt_through(struct dw_cycle_search *s, uint32_t need)
{
	struct dw_cycle_hunt h = {.need = need, .steps_max = STEPS_OF_NEED_MAX, .longer = true};
	int r = 0;

	if (s->legs_max < 3)
		return 0;
	search_backward(s, NONE, s->legs_max - 1);
	s->on_path[s->root] = true;
	for (h.n = 3; h.n <= s->legs_max && h.longer && !h.found && !h.gave_up; h.n++) {
		h.longer = false;
		dw_cycle_hunt(s, &h);
		if (h.found)
			r = keep(s, h.n, &h.choice);
	}
	s->on_path[s->root] = false;
	s->steps += h.steps;
	if (h.gave_up)
		s->cycles->limits.cycles_not_searched++;
	return r < 0 ? dw_pass(r) : 0;
}

static bool is_exhausted(const struct dw_cycle_search *s)
{
	return s->steps + dw_judge_pairs(s->judge) >= STEPS_MAX;
}

/* The commonest deadlocks come first, and cheap: two legs, wherever they are. */
static int find_pairs(struct dw_cycle_search *s)
{
	for (uint32_t i = 0; i < s->needs->n_needs && !is_exhausted(s); i++) {
		uint32_t back =
		    dw_needs_find(s->needs, dw_cycle_need(s, i)->to, dw_cycle_need(s, i)->from);
		int r;

		s->steps++;
		if (back == NONE || back < i)
			continue;
		s->path_needs[0] = i;
		s->path_needs[1] = back;
		r = judge_path(s, 2);
		if (r < 0)
			return dw_pass(r);
		s->pairs[i] = s->pairs[back] = r ? PAIR_REAL : PAIR_EXCUSED;
	}
	return 0;
}

/* A cycle through @need that has more legs than there are threads: it has an excuse. */
static int find_longer(struct dw_cycle_search *s, uint32_t need)
{
	uint32_t n = LEGS_MAX + 1;
	int r;

	if (s->n_excused < EXCUSED_MAX && !is_exhausted(s))
		n = shortest_through(s, need);
	if (n > LEGS_MAX) {
		s->cycles->limits.excused_not_kept++;
		return 0;
	}
	r = judge_path(s, n);
	return r < 0 ? dw_pass(r) : 0;
}

/* Judges the shortest cycle through @need. Return: 1: it is real, or nothing more can be done. */
static int judge_shortest(struct dw_cycle_search *s, uint32_t need)
{
	uint32_t n = shortest_through(s, need);
	int r;

	if (n > LEGS_MAX) {
		s->cycles->limits.cycles_not_searched++;
		return 1;
	}
	r = judge_path(s, n);
	return r < 0 ? dw_pass(r) : r || n > s->legs_max;
}

static int find_through(struct dw_cycle_search *s, uint32_t need)
{
	uint32_t to = dw_cycle_need(s, need)->to;
	int r = 0;

	if (s->pairs[need] == PAIR_NONE) {
		search_backward(s, to, s->legs_max - 1);
		if (s->distances[to] == NONE && s->legs_max < LEGS_MAX)
			return find_longer(s, need);
		r = judge_shortest(s, need);
	}
	if (r == 0)
		r = hunt_through(s, need);
	return r < 0 ? dw_pass(r) : 0;
}

static int find_from(struct dw_cycle_search *s, uint32_t node)
{
	const struct dw_needs *needs = s->needs;
	bool started = false;
	int r = 0;

	for (uint32_t i = needs->out_starts[node]; i < needs->out_starts[node + 1] && r >= 0; i++) {
		if (s->pairs[needs->out[i]] == PAIR_REAL)
			continue;
		if (is_exhausted(s)) {
			s->cycles->limits.cycles_not_searched++;
			continue;
		}
		if (!started)
			start_backward(s, node);
		started = true;
		r = find_through(s, needs->out[i]);
	}
	return r < 0 ? dw_pass(r) : 0;
}

int dw_cycles_find(struct dw_cycles *ret, const struct dw_needs *needs, struct dw_judge *judge,
		   const bool *only_from, struct dw_arena *arena)
{
	struct dw_cycle_search *s = dw_arena_alloc(arena, sizeof(*s));
	int r;

	if (!s)
		return dw_raise(-ENOMEM);
	*s =
	    (struct dw_cycle_search){.needs = needs, .judge = judge, .arena = arena, .cycles = ret};
	r = search_init(s);
	if (r >= 0)
		r = find_pairs(s);
	for (uint32_t i = 0; i < needs->n_nodes && r >= 0; i++) {
		if (!only_from || only_from[i])
			r = find_from(s, i);
	}
	return r < 0 ? dw_pass(r) : 0;
}
