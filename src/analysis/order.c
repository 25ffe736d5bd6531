/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/order.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "model/facts.h"

#include <errno.h>

/* Room for what was worked out last: answers, and horizons of so many threads in all. */
#define ANSWERS 16384
#define HORIZON_THREADS_MAX (1U << 21)
#define HORIZONS_MIN 4
#define HORIZONS_MAX 1024

/*
 * How often two threads may take turns, each turn seen in the runs of segments, before
 * they count as able to meet: an excuse is not given without proof.
 */
#define TURNS_MAX 4096

#define LAST_SEGMENT UINT32_MAX
#define NEVER UINT32_MAX

struct answer {
	struct dw_when a, b;
	bool known, apart;
};

/*
 * From one segment of one thread: for every thread, the first segment that is after
 * it (forward; NEVER: none), or the last one that is before it (backward; 0: none).
 */
struct horizon {
	uint32_t thread, segment;
	bool forward, known;
	uint32_t *segments; /* by thread */
};

/* Numbers of threads or joins, grouped by a thread. */
struct groups {
	uint32_t *starts; /* by thread; index of `items` */
	uint32_t *items;
};

struct dw_order {
	const struct dw_facts *facts;
	struct groups children; /* threads, by their parent */
	struct groups joined;   /* joins, by who was waited for */
	struct groups joins;    /* joins, by who waited */
	struct answer *answers;
	struct horizon *horizons;
	uint32_t n_horizons; /* a power of two */
	uint32_t *queue;     /* threads; a ring with room for all */
	bool *queued;        /* by thread */
};

static uint32_t parent_of(const struct dw_facts *facts, uint32_t thread)
{
	uint32_t parent = facts->threads[thread].parent;

	return parent < facts->n_threads ? parent : 0;
}

static uint32_t joined_of(const struct dw_facts *facts, uint32_t join)
{
	uint32_t other = facts->joins[join].other;

	return other < facts->n_threads ? other : 0;
}

static uint32_t joiner_of(const struct dw_facts *facts, uint32_t join)
{
	uint32_t thread = facts->joins[join].thread;

	return thread < facts->n_threads ? thread : 0;
}

/* Groups the numbers 1 to @n - 1 by key_of(), a thread; a counting sort. */
static int groups_init(struct groups *groups, const struct dw_facts *facts, uint32_t n,
		       uint32_t (*key_of)(const struct dw_facts *, uint32_t),
		       struct dw_arena *arena)
{
	groups->starts = dw_arena_alloc(arena, ((size_t)facts->n_threads + 2) * sizeof(uint32_t));
	groups->items = dw_arena_alloc(arena, ((size_t)n + 1) * sizeof(uint32_t));
	if (!groups->starts || !groups->items)
		return dw_raise(-ENOMEM);
	/* Counted two entries further on, so that filling leaves every start in its place. */
	for (uint32_t i = 1; i < n; i++)
		groups->starts[key_of(facts, i) + 2]++;
	for (uint32_t i = 2; i <= facts->n_threads + 1; i++)
		groups->starts[i] += groups->starts[i - 1];
	for (uint32_t i = 1; i < n; i++)
		groups->items[groups->starts[key_of(facts, i) + 1]++] = i;
	return 0;
}

static int horizons_init(struct dw_order *order, struct dw_arena *arena)
{
	uint32_t n_threads = order->facts->n_threads + 1;
	uint32_t n = HORIZONS_MAX;

	while (n > HORIZONS_MIN && n > HORIZON_THREADS_MAX / n_threads)
		n /= 2;
	order->n_horizons = n;
	order->horizons = dw_arena_alloc(arena, n * sizeof(*order->horizons));
	order->queue = dw_arena_alloc(arena, n_threads * sizeof(*order->queue));
	order->queued = dw_arena_alloc(arena, n_threads * sizeof(*order->queued));
	order->answers = dw_arena_alloc(arena, ANSWERS * sizeof(*order->answers));
	if (!order->horizons || !order->queue || !order->queued || !order->answers)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		order->horizons[i].segments = dw_arena_alloc(arena, n_threads * sizeof(uint32_t));
		if (!order->horizons[i].segments)
			return dw_raise(-ENOMEM);
	}
	return 0;
}

int dw_order_new(struct dw_order **ret, const struct dw_facts *facts, struct dw_arena *arena)
{
	struct dw_order *order = dw_arena_alloc(arena, sizeof(*order));
	int r;

	if (!order)
		return dw_raise(-ENOMEM);
	order->facts = facts;
	r = groups_init(&order->children, facts, facts->n_threads, parent_of, arena);
	if (r >= 0)
		r = groups_init(&order->joined, facts, facts->n_joins, joined_of, arena);
	if (r >= 0)
		r = groups_init(&order->joins, facts, facts->n_joins, joiner_of, arena);
	if (r >= 0)
		r = horizons_init(order, arena);
	if (r < 0)
		return dw_pass(r);

	*ret = order;
	return 0;
}

/* Threads whose horizon moved and which must be looked at again; each at most once. */
struct ring {
	uint32_t first, n;
};

static void move_horizon(struct dw_order *order, struct horizon *horizon, struct ring *ring,
			 uint32_t thread, uint32_t segment)
{
	uint32_t *old = &horizon->segments[thread];

	if (!thread || (horizon->forward ? *old <= segment : *old >= segment))
		return;
	*old = segment;
	if (order->queued[thread])
		return;
	order->queued[thread] = true;
	order->queue[(ring->first + ring->n++) % order->facts->n_threads] = thread;
}

/* What comes after @thread's segments from @segment on: later children, and who joined it. */
static void look_forward(struct dw_order *order, struct horizon *horizon, struct ring *ring,
			 uint32_t thread)
{
	const struct dw_facts *facts = order->facts;
	uint32_t segment = horizon->segments[thread];
	const uint32_t *starts = order->children.starts;

	for (uint32_t i = starts[thread]; i < starts[thread + 1]; i++) {
		uint32_t child = order->children.items[i];

		if (facts->threads[child].parent_run >= segment)
			move_horizon(order, horizon, ring, child, 1);
	}
	starts = order->joined.starts;
	for (uint32_t i = starts[thread]; i < starts[thread + 1]; i++) {
		const struct dw_joined *join = &facts->joins[order->joined.items[i]];

		move_horizon(order, horizon, ring, joiner_of(facts, order->joined.items[i]),
			     join->segment);
	}
}

/* What comes before @thread's segments up to @segment: its making, and whom it had joined. */
static void look_backward(struct dw_order *order, struct horizon *horizon, struct ring *ring,
			  uint32_t thread)
{
	const struct dw_facts *facts = order->facts;
	uint32_t segment = horizon->segments[thread];
	const uint32_t *starts = order->joins.starts;

	move_horizon(order, horizon, ring, parent_of(facts, thread),
		     facts->threads[thread].parent_run);
	for (uint32_t i = starts[thread]; i < starts[thread + 1]; i++) {
		const struct dw_joined *join = &facts->joins[order->joins.items[i]];

		if (join->segment <= segment)
			move_horizon(order, horizon, ring, joined_of(facts, order->joins.items[i]),
				     LAST_SEGMENT);
	}
}

static void look(struct dw_order *order, struct horizon *horizon)
{
	struct ring ring = {0, 0};

	for (uint32_t i = 0; i < order->facts->n_threads; i++)
		horizon->segments[i] = horizon->forward ? NEVER : 0;
	move_horizon(order, horizon, &ring, horizon->thread, horizon->segment);
	while (ring.n) {
		uint32_t thread = order->queue[ring.first];

		ring.first = (ring.first + 1) % order->facts->n_threads;
		ring.n--;
		order->queued[thread] = false;
		if (horizon->forward)
			look_forward(order, horizon, &ring, thread);
		else
			look_backward(order, horizon, &ring, thread);
	}
}

static uint32_t horizon_at(struct dw_order *order, uint32_t thread, uint32_t segment, bool forward,
			   uint32_t other)
{
	uint64_t hash = dw_hash(dw_hash(forward, thread), segment);
	struct horizon *horizon = &order->horizons[(hash >> 16) & (order->n_horizons - 1)];

	if (!horizon->known || horizon->thread != thread || horizon->segment != segment ||
	    horizon->forward != forward) {
		horizon->thread = thread;
		horizon->segment = segment;
		horizon->forward = forward;
		horizon->known = true;
		look(order, horizon);
	}
	return horizon->segments[other];
}

/* The first segment of @runs that is greater than @segment; 0: none. */
static uint32_t first_after(const struct dw_facts *facts, uint32_t runs, uint32_t segment)
{
	for (; runs; runs = facts->runs[runs].next) {
		const struct dw_run *run = &facts->runs[runs];

		if (run->to > segment)
			return run->from > segment ? run->from : segment + 1;
	}
	return 0;
}

/* The last segment of @runs that is less than @segment; 0: none. */
static uint32_t last_before(const struct dw_facts *facts, uint32_t runs, uint32_t segment)
{
	uint32_t last = 0;

	for (; runs && facts->runs[runs].from < segment; runs = facts->runs[runs].next)
		last = facts->runs[runs].to < segment ? facts->runs[runs].to : segment - 1;
	return last;
}

/*
 * Both threads' segments are walked in turns. At a segment s of A, all of B's
 * segments from after(s) on are behind it, so only those below can meet it, and if
 * the last of these happens before s, all do. Then B's next segment is the first
 * that can meet a later segment of A, namely one that does not happen before it.
 */
static bool work_out(struct dw_order *order, struct dw_when a, struct dw_when b)
{
	const struct dw_facts *facts = order->facts;
	uint32_t s = first_after(facts, a.runs, 0);

	for (unsigned turn = 0; s && turn < TURNS_MAX; turn++) {
		uint32_t after = horizon_at(order, a.thread, s, true, b.thread);
		uint32_t t = last_before(facts, b.runs, after);
		uint32_t next, before;

		if (t && horizon_at(order, a.thread, s, false, b.thread) < t)
			return false;
		next = first_after(facts, b.runs, t);
		if (!next)
			return true;
		before = horizon_at(order, b.thread, next, false, a.thread);
		s = before == LAST_SEGMENT ? 0
					   : first_after(facts, a.runs, before > s ? before : s);
	}
	return s == 0;
}

/* Whether @thread was about when @when was. */
static bool has_company(const struct dw_facts *facts, struct dw_when when, uint32_t thread)
{
	const struct dw_company *company = &facts->companies[facts->runs[when.runs].from];

	for (uint32_t i = 0; i < company->n && company->threads[i] <= thread; i++)
		if (company->threads[i] == thread)
			return true;
	return false;
}

bool dw_order_apart(struct dw_order *order, struct dw_when a, struct dw_when b)
{
	uint64_t hash = dw_hash(dw_hash((uint64_t)a.thread << 32 | a.runs, b.thread), b.runs);
	struct answer *answer = &order->answers[(hash >> 16) & (ANSWERS - 1)];

	if (!a.runs || !b.runs)
		return false;
	if (order->facts->companies)
		return !has_company(order->facts, a, b.thread) ||
		       !has_company(order->facts, b, a.thread);
	if (answer->known && answer->a.thread == a.thread && answer->a.runs == a.runs &&
	    answer->b.thread == b.thread && answer->b.runs == b.runs)
		return answer->apart;
	*answer = (struct answer){a, b, true, work_out(order, a, b)};
	return answer->apart;
}
