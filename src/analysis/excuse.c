/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/excuse_parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <string.h>

/*
 * Pairs of witnesses that are compared for one cycle. Cycles that are met have a
 * handful of legs with a handful of ways; a pool of 64 alike threads makes 4096 pairs
 * for two legs.
 */
#define PAIRS_MAX (1U << 16)

/* The same where it only decides which excuse is told. */
#define PAIRS_TOLD_MAX (1U << 13)

/* Room for the gates that were worked out last. */
#define GATES (1U << 14)

/* More kinds of excuses than there are. */
#define MANY_KINDS 32

int dw_judge_new(struct dw_judge **ret, const struct dw_needs *needs, struct dw_order *order,
		 unsigned ignored, struct dw_arena *arena)
{
	struct dw_judge *judge = dw_arena_alloc(arena, sizeof(*judge));

	if (!judge)
		return dw_raise(-ENOMEM);
	judge->needs = needs;
	judge->order = order;
	judge->ignored = ignored;
	judge->gates = dw_arena_alloc(arena, GATES * sizeof(*judge->gates));
	judge->places = dw_arena_alloc(arena, (needs->n_nodes + 1) * sizeof(*judge->places));
	if (!judge->gates || !judge->places)
		return dw_raise(-ENOMEM);

	*ret = judge;
	return 0;
}

/* The first thing that is in both states, and in one of them exclusively; 0: none. */
static uint32_t find_gate(const struct dw_state *a, const struct dw_state *b)
{
	uint32_t i = 0, j = 0;

	while (i < a->n && j < b->n) {
		uint32_t x = a->held[i], y = b->held[j];

		if (x / 2 == y / 2 && ((x | y) & 1))
			return x / 2;
		i += x / 2 <= y / 2;
		j += y / 2 <= x / 2;
	}
	return 0;
}

static uint32_t gate_between(struct dw_judge *judge, uint32_t a, uint32_t b)
{
	uint64_t hash = dw_hash(a, b);
	struct dw_judge_gate *gate = &judge->gates[(hash >> 16) & (GATES - 1)];

	if (!gate->known || gate->a != a || gate->b != b)
		*gate = (struct dw_judge_gate){
		    a, b, true, find_gate(&judge->needs->states[a], &judge->needs->states[b])};
	return gate->thing;
}

/* The excuses by which two moments are not possible at once. */
static unsigned excuses_together(struct dw_judge *judge, const struct dw_moment *a,
				 const struct dw_moment *b)
{
	unsigned excuses = 0;

	if (gate_between(judge, a->state, b->state))
		excuses |= DW_EXCUSE_BIT(DW_EXCUSE_GATED);
	if (a->when.thread == b->when.thread)
		excuses |= DW_EXCUSE_BIT(DW_EXCUSE_SINGLE_THREAD);
	else if (dw_order_apart(judge->order, a->when, b->when))
		excuses |= DW_EXCUSE_BIT(DW_EXCUSE_ORDERED);
	return excuses;
}

/* Whether who goes the way @b gives what @a waits for, be it the same thread. */
static bool is_for_giver(const struct dw_judge *judge, const struct dw_way *a,
			 const struct dw_way *b)
{
	return b->is_given && a->needs == b->holds && !dw_judge_wants_all(judge, b->holds);
}

/* Whether who goes the way @b would give what @a waits for, in the place of a thread itself. */
static bool gives_to_itself(const struct dw_judge *judge, const struct dw_judge_place *a,
			    const struct dw_judge_place *b)
{
	const struct dw_needs *needs = judge->needs;

	return is_for_giver(judge, &needs->ways[a->way], &needs->ways[b->way]) &&
	       needs->witnesses[a->witness].moment.when.thread ==
		   needs->witnesses[b->witness].moment.when.thread;
}

/* The excuses by which the legs at @a and @b cannot be at once. */
static unsigned excuses_apart(struct dw_judge *judge, const struct dw_judge_place *a,
			      const struct dw_judge_place *b)
{
	const struct dw_witness *one = &judge->needs->witnesses[a->witness];
	const struct dw_witness *other = &judge->needs->witnesses[b->witness];
	unsigned excuses;

	if (gives_to_itself(judge, a, b) || gives_to_itself(judge, b, a))
		return 0;
	excuses = excuses_together(judge, &one->moment, &other->moment);
	if ((one->pauses & other->paused) | (other->pauses & one->paused))
		excuses |= DW_EXCUSE_BIT(DW_EXCUSE_PAUSED);
	return excuses;
}

static bool writer_can_queue(struct dw_judge *judge, uint32_t thing, const struct dw_moment *needs,
			     const struct dw_moment *holds)
{
	uint32_t i = judge->needs->writers[thing];

	for (; i != DW_NEED_NONE; i = judge->needs->moments_of_writers[i].next) {
		const struct dw_moment *writer = &judge->needs->moments_of_writers[i].moment;

		if (!excuses_together(judge, writer, needs) &&
		    !excuses_together(judge, writer, holds))
			return true;
	}
	return false;
}

/* The excuses where the leg @needs meets the next one, @holds. */
static unsigned excuses_meeting(struct dw_judge *judge, const struct dw_judge_place *needs,
				const struct dw_judge_place *holds)
{
	const struct dw_way *a = &judge->needs->ways[needs->way];
	const struct dw_way *b = &judge->needs->ways[holds->way];
	uint32_t woken_by = judge->needs->witnesses[needs->witness].said;
	unsigned excuses = a->needs == b->holds ? 0 : DW_EXCUSE_BIT(DW_EXCUSE_REUSED);

	if (b->is_given && woken_by && woken_by == judge->needs->witnesses[holds->witness].said)
		excuses |= DW_EXCUSE_BIT(DW_EXCUSE_ORDERED);
	if (a->needs_shared && b->holds_shared &&
	    !writer_can_queue(judge, a->needs, &judge->needs->witnesses[needs->witness].moment,
			      &judge->needs->witnesses[holds->witness].moment))
		excuses |= DW_EXCUSE_BIT(DW_EXCUSE_READERS);
	return excuses;
}

static unsigned excuses_alone(const struct dw_judge *judge, uint32_t way)
{
	return judge->needs->ways[way].gives_up ? DW_EXCUSE_BIT(DW_EXCUSE_TRY) : 0;
}

/* Shared on both sides, and nobody ever queues to write. */
static bool only_readers(const struct dw_judge *judge, uint32_t needs, uint32_t holds)
{
	const struct dw_way *a = &judge->needs->ways[needs], *b = &judge->needs->ways[holds];

	return a->needs_shared && b->holds_shared &&
	       judge->needs->writers[a->needs] == DW_NEED_NONE;
}

/* Whether one thread would have to go both ways, which are none that it can be stuck in at once. */
static bool wants_one_thread(const struct dw_judge *judge, const struct dw_way *a,
			     const struct dw_way *b)
{
	if (!a->only_thread || a->only_thread != b->only_thread)
		return false;
	return !is_for_giver(judge, a, b) && !is_for_giver(judge, b, a);
}

bool dw_judge_excuses_way(struct dw_judge *judge, const uint32_t *before, uint32_t n, uint32_t way,
			  const uint32_t *next)
{
	const struct dw_way *ways = judge->needs->ways;

	if (excuses_alone(judge, way) || (n && only_readers(judge, before[n - 1], way)) ||
	    (next && only_readers(judge, way, *next)))
		return true;
	for (uint32_t i = 0; i < n; i++) {
		const struct dw_way *other = &ways[before[i]];

		if (wants_one_thread(judge, other, &ways[way]))
			return true;
		/* Where something is given, it may be by the thread itself, which no gate stops. */
		if (!other->is_given && !ways[way].is_given &&
		    gate_between(judge, other->state, ways[way].state))
			return true;
	}
	return false;
}

/* A search for a choice: of any ways of `needs`, or of just `ways`. */
struct choosing {
	struct dw_judge *judge;
	const uint32_t *needs; /* NULL: `ways` are given */
	const uint32_t *ways;
	uint32_t n;
	unsigned kinds, excuses; /* a choice must be better than this to be of interest */
	uint32_t pairs_max;
	struct dw_choice *ret;
};

static void place_before_first(const struct choosing *c, struct dw_judge_place *place, uint32_t leg)
{
	place->way = c->needs ? c->judge->needs->needs[c->needs[leg]].first : c->ways[leg];
	place->witness = DW_NEED_NONE;
}

static bool place_next(const struct choosing *c, struct dw_judge_place *place)
{
	const struct dw_needs *needs = c->judge->needs;

	if (place->witness == DW_NEED_NONE) {
		place->witness = needs->ways[place->way].first;
		return true;
	}
	place->witness = needs->witnesses[place->witness].next;
	if (place->witness != DW_NEED_NONE)
		return true;
	if (!c->needs || needs->ways[place->way].next == DW_NEED_NONE)
		return false;
	place->way = needs->ways[place->way].next;
	place->witness = needs->ways[place->way].first;
	return true;
}

static unsigned excuses_so_far(const struct choosing *c, uint32_t leg)
{
	const struct dw_judge_place *places = c->judge->places;
	unsigned excuses = excuses_alone(c->judge, places[leg].way);

	for (uint32_t i = 0; i < leg; i++)
		excuses |= excuses_apart(c->judge, &places[i], &places[leg]);
	if (leg)
		excuses |= places[leg - 1].excuses |
			   excuses_meeting(c->judge, &places[leg - 1], &places[leg]);
	if (leg + 1 == c->n)
		excuses |= excuses_meeting(c->judge, &places[leg], &places[0]) |
			   dw_judge_excuses_whole(c->judge, c->n);
	return excuses;
}

static bool is_better(const struct choosing *c, unsigned excuses)
{
	unsigned counted = excuses & ~c->judge->ignored;
	unsigned kinds = (unsigned)__builtin_popcount(counted);

	return kinds < c->kinds || (kinds == c->kinds && counted > c->excuses);
}

static void keep_choice(struct choosing *c, unsigned excuses)
{
	for (uint32_t i = 0; i < c->n; i++)
		c->ret->witnesses[i] = c->judge->places[i].witness;
	c->ret->excuses = excuses;
	c->excuses = excuses & ~c->judge->ignored;
	c->kinds = (unsigned)__builtin_popcount(c->excuses);
}

/* Goes through the choices leg by leg; gives a beginning up that is not better any more. */
static enum dw_choosing choose(struct choosing *c)
{
	enum dw_choosing answer = DW_NO_CHOICE;
	struct dw_judge_place *places = c->judge->places;
	uint32_t n = 1, pairs = 0; /* legs placed, the one being tried included */

	place_before_first(c, &places[0], 0);
	while (n) {
		struct dw_judge_place *place = &places[n - 1];

		if (!place_next(c, place)) {
			n--;
			continue;
		}
		pairs += n;
		c->judge->pairs += n;
		/* A first choice there always is, if there are witnesses at all. */
		if (pairs > c->pairs_max + c->n * c->n)
			return answer == DW_CHOSEN ? answer : DW_CHOICES_LEFT;
		place->excuses = excuses_so_far(c, n - 1);
		if (!is_better(c, place->excuses))
			continue;
		if (n < c->n) {
			place_before_first(c, &places[n], n);
			n++;
			continue;
		}
		keep_choice(c, place->excuses);
		answer = DW_CHOSEN;
		if (!c->kinds)
			break;
	}
	return answer;
}

enum dw_choosing dw_judge_choose(struct dw_judge *judge, const uint32_t *ways, uint32_t n,
				 struct dw_choice *ret)
{
	struct choosing c = {judge, NULL, ways, n, 1, UINT32_MAX, PAIRS_MAX, ret};

	return choose(&c);
}

void dw_judge_choose_excused(struct dw_judge *judge, const uint32_t *needs, uint32_t n,
			     struct dw_choice *ret)
{
	struct choosing c = {judge, needs, NULL, n, MANY_KINDS, 0, PAIRS_TOLD_MAX, ret};

	choose(&c);
}

/* Whether @excuse applies to the legs @a and @b of those that are placed. */
static bool applies(struct dw_judge *judge, enum dw_excuse excuse, uint32_t a, uint32_t b,
		    uint32_t n)
{
	const struct dw_judge_place *places = judge->places;
	unsigned excuses = 0;

	if (excuse == DW_EXCUSE_TRY && a == b)
		excuses = excuses_alone(judge, places[a].way);
	if (excuse == DW_EXCUSE_POSTERS && a == b && judge->needs->ways[places[a].way].is_given &&
	    dw_judge_has_other_poster(judge, n, a))
		excuses = DW_EXCUSE_BIT(excuse);
	if (b == (a + 1) % n)
		excuses |= excuses_meeting(judge, &places[a], &places[b]);
	if (excuse == DW_EXCUSE_READERS && b == (a + 1) % n && dw_judge_lacks_writer(judge, n, a))
		excuses = DW_EXCUSE_BIT(excuse);
	if (a < b)
		excuses |= excuses_apart(judge, &places[a], &places[b]);
	return excuses & DW_EXCUSE_BIT(excuse);
}

uint64_t dw_judge_pairs(const struct dw_judge *judge)
{
	return judge->pairs;
}

void dw_judge_explain(struct dw_judge *judge, const struct dw_choice *choice, uint32_t n,
		      struct dw_finding *ret)
{
	enum dw_excuse told =
	    choice->excuses ? (enum dw_excuse)__builtin_ctz(choice->excuses) : DW_NO_EXCUSE;

	ret->excuse = told;
	for (uint32_t i = 0; i < n; i++)
		judge->places[i] = (struct dw_judge_place){
		    judge->needs->witnesses[choice->witnesses[i]].way, choice->witnesses[i], 0};
	for (uint32_t i = 0; i < n * n && told != DW_NO_EXCUSE; i++) {
		if (!applies(judge, told, i / n, i % n, n))
			continue;
		ret->excused[0] = i / n;
		ret->excused[1] = i % n;
		break;
	}
	if (told == DW_EXCUSE_GATED) {
		const struct dw_witness *w = judge->needs->witnesses;

		ret->gate = gate_between(judge, w[choice->witnesses[ret->excused[0]]].moment.state,
					 w[choice->witnesses[ret->excused[1]]].moment.state);
	}
}
