/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/ring.h"

#include "analysis/sort.h"
#include "base/error.h"
#include "model/thread.h"

#include <errno.h>
#include <string.h>

/* How the search came to a thread: @from waits with its @part for what @giver could give. */
struct step {
	uint32_t from;
	uint32_t giver;
	uint32_t part; /* enum dw_wait_part */
};

struct ring {
	struct dw_found found;
	struct dw_found_leg *legs;
	bool inferred;
};

struct search {
	const struct dw_waits *waits;
	const struct dw_facts *facts;
	struct dw_arena *arena;
	struct step *steps;     /* by thread */
	uint32_t *seen;         /* by thread: the number of the search that came by */
	uint32_t *seen_node[2]; /* by node and whether shared: likewise */
	uint32_t *queue;
	uint32_t n_searches;
	bool definite; /* what threads hold, end and answer; not what they were seen to post */
	struct ring *rings;
	uint32_t n_rings;
	bool *in_definite; /* by thread: it is in a definite ring */
};

static void *array(struct search *s, uint32_t n, size_t size)
{
	return dw_arena_alloc(s->arena, (size_t)(n + 1) * size);
}

static int search_init(struct search *s)
{
	uint32_t n_threads = s->waits->n_threads, n_nodes = s->waits->n_nodes;

	s->steps = array(s, n_threads, sizeof(*s->steps));
	s->seen = array(s, n_threads, sizeof(*s->seen));
	s->queue = array(s, n_threads, sizeof(*s->queue));
	s->rings = array(s, 2 * n_threads, sizeof(*s->rings));
	s->in_definite = array(s, n_threads, sizeof(*s->in_definite));
	s->seen_node[0] = array(s, n_nodes, sizeof(**s->seen_node));
	s->seen_node[1] = array(s, n_nodes, sizeof(**s->seen_node));
	if (!s->steps || !s->seen || !s->queue || !s->rings || !s->in_definite ||
	    !s->seen_node[0] || !s->seen_node[1])
		return dw_raise(-ENOMEM);
	return 0;
}

static const struct dw_giver *giver_at(const struct search *s, const struct step *step)
{
	return &s->waits->givers[step->giver];
}

/* Who waits at a barrier has arrived there, and cannot do so again. */
static bool is_own_arrival(const struct dw_wait *wait, uint32_t from, uint32_t to)
{
	return wait->what == DW_BARRIER && from == to;
}

/* Looks at who could end this wait of @from. Return: whether that is @start. */
static bool look_at(struct search *s, uint32_t from, enum dw_wait_part part, uint32_t start,
		    uint32_t *n_queue)
{
	const struct dw_wait *wait = &s->waits->waiters[from].waits[part];
	uint32_t *seen = &s->seen_node[(wait->how & DW_SHARED) != 0][wait->node];

	if (*seen == s->n_searches)
		return false;
	*seen = s->n_searches;
	for (uint32_t g = dw_waits_first_giver(s->waits, wait); g != DW_WAIT_NONE;
	     g = dw_waits_next_giver(s->waits, wait, g)) {
		const struct dw_giver *giver = &s->waits->givers[g];
		uint32_t to = giver->thread;

		if (giver->gone || (giver->post && s->definite) || s->seen[to] == s->n_searches ||
		    !s->waits->waiters[to].stuck || is_own_arrival(wait, from, to))
			continue;
		s->steps[to] = (struct step){from, g, part};
		s->seen[to] = s->n_searches;
		if (to == start)
			return true;
		s->queue[(*n_queue)++] = to;
	}
	return false;
}

/* Breadth first, so the shortest. Return: whether a way leads from @start back to it. */
static bool search(struct search *s, uint32_t start)
{
	uint32_t n_queue = 1;

	s->n_searches++;
	s->queue[0] = start;
	for (uint32_t i = 0; i < n_queue; i++)
		for (uint32_t part = 0; part < DW_WAIT_PARTS; part++)
			if (dw_waits_is_stuck(s->waits, s->queue[i], part) &&
			    look_at(s, s->queue[i], part, start, &n_queue))
				return true;
	return false;
}

/* The entry of @thing among what @thread holds now; NULL: it does not hold it. */
static const struct dw_held *held_of(const struct search *s, uint32_t thread, uint32_t thing)
{
	const struct dw_slot *slot = s->waits->waiters[thread].slot;

	for (uint32_t i = 1; slot && i <= slot->top; i++)
		if (slot->held[i].thing == s->facts->things[thing].address)
			return &slot->held[i];
	return NULL;
}

static bool is_held_in(const struct search *s, const struct ring *ring, uint32_t thing)
{
	for (uint32_t i = 0; i < ring->found.n_legs; i++)
		if (held_of(s, ring->legs[i].thread, thing))
			return true;
	return false;
}

/*
 * Another post of the same thing by the same thread, which needs a lock that is held in the
 * ring; @post if there is none.
 */
static uint32_t post_that_needs(const struct search *s, const struct ring *ring, uint32_t post)
{
	const struct dw_post *posts = s->facts->posts;

	for (uint32_t i = 1; i < s->facts->n_posts; i++)
		if (posts[i].thing == posts[post].thing && posts[i].thread == posts[post].thread &&
		    posts[i].chain && is_held_in(s, ring, s->facts->chains[posts[i].chain].thing))
			return i;
	return post;
}

static struct dw_found_leg leg_of(const struct search *s, const struct step *gives,
				  const struct step *needs)
{
	const struct dw_giver *giver = giver_at(s, gives);
	const struct dw_wait *wait = &s->waits->waiters[needs->from].waits[needs->part];

	return (struct dw_found_leg){
	    .thread = needs->from,
	    .holds = giver->holds,
	    .needs = wait->chain,
	    .thing = wait->thing,
	    .post = giver->post,
	};
}

static uint32_t length_of(const struct search *s, uint32_t start)
{
	uint32_t n = 1;

	for (uint32_t t = s->steps[start].from; t != start; t = s->steps[t].from)
		n++;
	return n;
}

/* From @start backward: each leg gives what the one before needs. */
static int fill_legs(struct search *s, uint32_t start, struct ring *ret)
{
	uint32_t n = length_of(s, start), t = start;

	/* Room for one more: see split_self_post(). */
	ret->legs = dw_arena_alloc(s->arena, (n + 1) * sizeof(*ret->legs));
	if (!ret->legs)
		return dw_raise(-ENOMEM);
	for (uint32_t i = n; i-- > 0; t = s->steps[t].from)
		ret->legs[i] = leg_of(s, &s->steps[s->steps[t].from], &s->steps[t]);
	ret->found.n_legs = n;
	return 0;
}

/*
 * Who waits for what only it gives itself, under a lock: what it waits for is given by it, and
 * that needs the lock, which it holds.
 */
static void split_self_post(const struct search *s, struct ring *ring)
{
	struct dw_found_leg *legs = ring->legs;
	const struct dw_post *post = &s->facts->posts[legs[0].post];
	uint32_t thing = s->facts->chains[post->chain].thing;
	const struct dw_held *held = thing ? held_of(s, legs[0].thread, thing) : NULL;

	if (!held)
		return;
	legs[1] = (struct dw_found_leg){
	    .thread = legs[0].thread,
	    .needs = post->chain,
	    .thing = thing,
	    .post = legs[0].post,
	};
	legs[0].post = 0;
	legs[0].holds = held->chain == DW_CHAIN_LOST ? 0 : held->chain;
	ring->found.n_legs = 2;
}

static bool is_waited_lock(const struct search *s, const struct step *step)
{
	const struct dw_wait *wait = &s->waits->waiters[step->from].waits[step->part];

	return dw_wait_is_lock(wait) || dw_wait_is_for_thread(wait);
}

/* Chooses among posts, and says whether the ring is more than threads that idle. */
static bool is_deadlock(struct search *s, uint32_t start, struct ring *ring)
{
	bool is = false;
	uint32_t t = start;

	for (uint32_t i = 0; i < ring->found.n_legs; i++, t = s->steps[t].from)
		is = is || is_waited_lock(s, &s->steps[t]);
	for (uint32_t i = 0; i < ring->found.n_legs; i++) {
		struct dw_found_leg *leg = &ring->legs[i];
		uint32_t chain;

		if (!leg->post)
			continue;
		leg->post = post_that_needs(s, ring, leg->post);
		chain = s->facts->posts[leg->post].chain;
		is = is || (chain && is_held_in(s, ring, s->facts->chains[chain].thing));
	}
	if (is && ring->found.n_legs == 1 && ring->legs[0].post)
		split_self_post(s, ring);
	return is;
}

/* What is inferred, and who polls; and for how long it has been so. */
static void fill_found(const struct search *s, struct ring *ring)
{
	struct dw_found *found = &ring->found;

	found->verdict = DW_FOUND_DEADLOCK;
	found->legs = ring->legs;
	found->time_ns = s->waits->now->now_ns;
	found->span_ns = UINT64_MAX;
	for (uint32_t i = 0; i < found->n_legs; i++) {
		const struct dw_waiter *waiter = &s->waits->waiters[ring->legs[i].thread];

		found->flags |= ring->legs[i].post ? DW_FOUND_INFERRED : 0;
		found->flags |= waiter->polls ? DW_FOUND_POLLING : 0;
		if (waiter->span_ns < found->span_ns)
			found->span_ns = waiter->span_ns;
	}
}

/* A reader begins best with a lock that is held: turns the legs until one comes first. */
static int begin_with_held(struct search *s, struct ring *ring)
{
	uint32_t n = ring->found.n_legs, first = 0;
	struct dw_found_leg *turned = array(s, n, sizeof(*turned));

	if (!turned)
		return dw_raise(-ENOMEM);
	while (first < n && !ring->legs[first].holds)
		first++;
	for (uint32_t i = 0; i < n; i++)
		turned[i] = ring->legs[(first + i) % n];
	ring->legs = turned;
	return 0;
}

static int add_ring(struct search *s, uint32_t start)
{
	struct ring *ring = &s->rings[s->n_rings];
	int r;

	*ring = (struct ring){0};
	r = fill_legs(s, start, ring);
	if (r < 0)
		return dw_pass(r);
	if (!is_deadlock(s, start, ring))
		return 0;
	r = begin_with_held(s, ring);
	if (r < 0)
		return dw_pass(r);
	fill_found(s, ring);
	ring->inferred = ring->found.flags & DW_FOUND_INFERRED;
	for (uint32_t i = 0; !ring->inferred && i < ring->found.n_legs; i++)
		s->in_definite[ring->legs[i].thread] = true;
	s->n_rings++;
	return 1;
}

/* Return: 1 if a ring through @start was added, 0, or -ENOMEM. */
static int find_ring(struct search *s, uint32_t start, bool definite)
{
	s->definite = definite;
	return search(s, start) ? add_ring(s, start) : 0;
}

static int find_rings(struct search *s)
{
	for (uint32_t t = 1; t < s->waits->n_threads; t++) {
		int r;

		if (!s->waits->waiters[t].stuck || s->in_definite[t])
			continue;
		r = find_ring(s, t, /* definite= */ true);
		if (r == 0)
			r = find_ring(s, t, /* definite= */ false);
		if (r < 0)
			return dw_pass(r);
	}
	return 0;
}

static bool comes_before(const void *context, uint32_t a, uint32_t b)
{
	const struct ring *rings = context;

	if (rings[a].inferred != rings[b].inferred)
		return rings[b].inferred;
	return rings[a].found.n_legs < rings[b].found.n_legs;
}

/* Whether it has a thread that is in no ring so far; then its threads are. */
static bool is_new(const struct ring *ring, bool *in_ring)
{
	bool is = false;

	for (uint32_t i = 0; i < ring->found.n_legs; i++) {
		is = is || !in_ring[ring->legs[i].thread];
		in_ring[ring->legs[i].thread] = true;
	}
	return is;
}

/* What rests on more than what is held and waited for has to last a while. */
static bool is_believed(const struct ring *ring)
{
	return !(ring->found.flags & (DW_FOUND_INFERRED | DW_FOUND_POLLING)) ||
	       ring->found.span_ns >= DW_WAIT_BELIEVED_NS;
}

static int choose_rings(struct search *s, struct dw_rings *ret)
{
	uint32_t *order = array(s, 2 * s->n_rings, sizeof(*order));

	ret->founds = array(s, s->n_rings, sizeof(*ret->founds));
	ret->in_ring = array(s, s->waits->n_threads, sizeof(*ret->in_ring));
	if (!order || !ret->founds || !ret->in_ring)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < s->n_rings; i++)
		order[i] = i;
	dw_sort(order, order + s->n_rings, s->n_rings, comes_before, s->rings);
	for (uint32_t i = 0; i < s->n_rings; i++) {
		const struct ring *ring = &s->rings[order[i]];

		if (is_new(ring, ret->in_ring) && is_believed(ring))
			ret->founds[ret->n++] = ring->found;
	}
	return 0;
}

int dw_rings_find(struct dw_rings *ret, const struct dw_waits *waits, struct dw_arena *arena)
{
	struct search s = {.waits = waits, .facts = waits->now->facts, .arena = arena};
	int r;

	*ret = (struct dw_rings){0};
	r = search_init(&s);
	if (r == 0)
		r = find_rings(&s);
	if (r == 0)
		r = choose_rings(&s, ret);
	return r < 0 ? dw_pass(r) : 0;
}
