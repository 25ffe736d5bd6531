/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hunt for a real cycle: a path is extended leg by leg, by ways only that no excuse keeps apart
 * from those on it, and given up where it cannot come back to the root in time.
 */
#include "analysis/cycle_parts.h"

#define NONE DW_NEED_NONE

static void step_begin(const struct dw_cycle_search *s, const struct dw_cycle_hunt *h, uint32_t leg)
{
	struct dw_cycle_step *step = &s->path_steps[leg];
	uint32_t node = leg ? dw_cycle_need(s, s->path_needs[leg - 1])->to : NONE;

	step->way = NONE;
	step->at = h->needs || !leg ? 0 : s->needs->out_starts[node];
	step->end = h->needs || !leg ? 1 : s->needs->out_starts[node + 1];
}

/* Whether @need can be leg @leg: it does not come back too early, or too late. */
static bool leads_on(const struct dw_cycle_search *s, struct dw_cycle_hunt *h, uint32_t leg,
		     uint32_t need)
{
	uint32_t to = dw_cycle_need(s, need)->to;
	uint32_t distance;

	if (h->needs)
		return true;
	if (to == s->root)
		return leg + 1 == h->n;
	if (s->on_path[to])
		return false;
	distance = dw_cycle_distance(s, to);
	if (distance == NONE)
		return false;
	if (leg + 1 + (uint64_t)distance <= h->n)
		return true;
	h->longer = true;
	return false;
}

static uint32_t need_of_step(const struct dw_cycle_search *s, const struct dw_cycle_hunt *h,
			     uint32_t leg)
{
	if (h->needs)
		return h->needs[leg];
	return leg ? s->needs->out[s->path_steps[leg].at] : h->need;
}

/* The next way for leg @leg that agrees with those before it. Return: whether there is one. */
static bool step_next(const struct dw_cycle_search *s, struct dw_cycle_hunt *h, uint32_t leg)
{
	struct dw_cycle_step *step = &s->path_steps[leg];

	for (; step->at < step->end; step->at++, step->way = NONE) {
		uint32_t need = need_of_step(s, h, leg);

		h->steps++;
		if (step->way == NONE && !leads_on(s, h, leg, need))
			continue;
		step->way = step->way == NONE ? dw_cycle_need(s, need)->first
					      : s->needs->ways[step->way].next;
		for (; step->way != NONE; step->way = s->needs->ways[step->way].next) {
			h->steps += leg + 1;
			if (dw_judge_excuses_way(s->judge, s->path_ways, leg, step->way,
						 leg + 1 == h->n ? &s->path_ways[0] : NULL))
				continue;
			s->path_needs[leg] = need;
			s->path_ways[leg] = step->way;
			return true;
		}
	}
	return false;
}

/* All legs have a way: now they want witnesses. */
static void complete(struct dw_cycle_search *s, struct dw_cycle_hunt *h)
{
	enum dw_choosing answer;

	h->choice.witnesses = s->witnesses;
	answer = dw_judge_choose(s->judge, s->path_ways, h->n, &h->choice);
	h->found = answer == DW_CHOSEN;
	if (answer == DW_CHOICES_LEFT)
		s->cycles->limits.choices_not_tried++;
}

void dw_cycle_hunt(struct dw_cycle_search *s, struct dw_cycle_hunt *h)
{
	uint32_t leg = 0;

	step_begin(s, h, 0);
	while (!h->found) {
		if (h->steps > h->steps_max) {
			h->gave_up = true;
			break;
		}
		if (!step_next(s, h, leg)) {
			if (!leg)
				break;
			leg--;
			s->on_path[dw_cycle_need(s, s->path_needs[leg])->to] = false;
			continue;
		}
		if (leg + 1 == h->n) {
			complete(s, h);
			continue;
		}
		s->on_path[dw_cycle_need(s, s->path_needs[leg])->to] = true;
		step_begin(s, h, ++leg);
	}
	while (leg--)
		s->on_path[dw_cycle_need(s, s->path_needs[leg])->to] = false;
}
