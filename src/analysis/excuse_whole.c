/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Excuses that no two legs have for themselves: who else could give what is waited for, and whether
 * there are writers enough. All legs of the cycle are placed.
 */
#include "analysis/excuse_parts.h"

#include "analysis/order.h"

/* Whether one of the legs that are placed is by @thread, or holds or gives @thing. */
static bool is_in_cycle(const struct dw_judge *judge, uint32_t n, uint32_t thread, uint32_t thing)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct dw_judge_place *place = &judge->places[i];

		if (judge->needs->witnesses[place->witness].moment.when.thread == thread ||
		    (thing && judge->needs->ways[place->way].holds == thing))
			return true;
	}
	return false;
}

/* Whether @thread was ever seen giving @thing after it had taken a lock of the cycle. */
static bool needs_cycle(const struct dw_judge *judge, uint32_t n, uint32_t thing, uint32_t thread)
{
	const struct dw_facts *facts = judge->needs->facts;

	for (uint32_t i = judge->needs->posts[thing]; i; i = judge->needs->posts_next[i]) {
		const struct dw_post *post = &facts->posts[i];

		if (post->thread == thread && post->chain &&
		    is_in_cycle(judge, n, 0, facts->chains[post->chain].thing))
			return true;
	}
	return false;
}

/* Whether it was over with the giver @post when the leg at @place happened, or not begun. */
static bool is_apart(struct dw_judge *judge, const struct dw_post *post,
		     const struct dw_judge_place *place)
{
	const struct dw_when when = {post->thread, judge->needs->facts->chains[post->chain].run};

	return post->chain && dw_order_apart(judge->order, when,
					     judge->needs->witnesses[place->witness].moment.when);
}

bool dw_judge_has_other_poster(struct dw_judge *judge, uint32_t n, uint32_t leg)
{
	uint32_t thing = judge->needs->ways[judge->places[leg].way].holds;

	for (uint32_t i = judge->needs->posts[thing]; i; i = judge->needs->posts_next[i]) {
		const struct dw_post *post = &judge->needs->facts->posts[i];

		judge->pairs++;
		if (!dw_judge_wants_all(judge, thing) && !is_in_cycle(judge, n, post->thread, 0) &&
		    !needs_cycle(judge, n, thing, post->thread) &&
		    !is_apart(judge, post, &judge->places[leg]))
			return true;
	}
	return false;
}

static unsigned excuses_of_posters(struct dw_judge *judge, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (judge->needs->ways[judge->places[i].way].is_given &&
		    dw_judge_has_other_poster(judge, n, i))
			return DW_EXCUSE_BIT(DW_EXCUSE_POSTERS);
	}
	return 0;
}

/* The thread that alone queues for what leg @leg and the next one read; 0: none or several do. */
static uint32_t only_writer(const struct dw_judge *judge, uint32_t n, uint32_t leg)
{
	const struct dw_needs *needs = judge->needs;
	const struct dw_way *a = &needs->ways[judge->places[leg].way];
	const struct dw_way *b = &needs->ways[judge->places[(leg + 1) % n].way];
	uint32_t i = a->needs_shared && b->holds_shared ? needs->writers[a->needs] : DW_NEED_NONE;
	uint32_t only = 0;

	for (; i != DW_NEED_NONE; i = needs->moments_of_writers[i].next) {
		uint32_t thread = needs->moments_of_writers[i].moment.when.thread;

		if (only && only != thread)
			return 0;
		only = thread;
	}
	return only;
}

bool dw_judge_lacks_writer(const struct dw_judge *judge, uint32_t n, uint32_t leg)
{
	uint32_t writer = only_writer(judge, n, leg);

	for (uint32_t i = 0; i < n && writer; i++)
		if (i != leg && only_writer(judge, n, i) == writer)
			return true;
	return false;
}

static unsigned excuses_of_writers(const struct dw_judge *judge, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (dw_judge_lacks_writer(judge, n, i))
			return DW_EXCUSE_BIT(DW_EXCUSE_READERS);
	return 0;
}

unsigned dw_judge_excuses_whole(struct dw_judge *judge, uint32_t n)
{
	return excuses_of_posters(judge, n) | excuses_of_writers(judge, n);
}
