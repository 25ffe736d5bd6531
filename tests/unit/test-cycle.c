/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for deadlocks against brute force: all choices of needs that meet in a
 * ring, on random stories, with excuses worked out in the plainest way from the chains.
 */
#include "analysis/finding.h"
#include "model/event.h"
#include "story-facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY_MAX ((size_t)1 << 30)
#define N_STORIES 6000
#define N_THREADS 4
#define N_LOCKS 5
#define N_THINGS (N_LOCKS + 1) /* and the condition that is waited for */
#define SEGMENTS_MAX 12
#define LEGS_MAX N_THREADS
#define PAIRS_MAX 4096

struct pair {
	uint32_t holds, needs;
};

static const struct dw_facts *facts;
static struct pair pairs[PAIRS_MAX];
static uint32_t n_pairs;

/* before[a][s][b][t]: segment s of thread a happens before segment t of thread b. */
static bool before[N_THREADS + 1][SEGMENTS_MAX][N_THREADS + 1][SEGMENTS_MAX];

static const struct dw_chain *chain(uint32_t i)
{
	return &facts->chains[i];
}

static bool happens_directly(uint32_t a, uint32_t s, uint32_t b, uint32_t t)
{
	if (a == b)
		return s < t;
	if (facts->threads[b].parent == a && s <= facts->threads[b].parent_run)
		return true;
	for (uint32_t i = 1; i < facts->n_joins; i++) {
		if (facts->joins[i].thread == b && facts->joins[i].other == a &&
		    t >= facts->joins[i].segment)
			return true;
	}
	return false;
}

#define EACH_SEGMENT(a, s)                        \
	for (uint32_t a = 1; a <= N_THREADS; a++) \
		for (uint32_t s = 1; s < SEGMENTS_MAX; s++)

static void work_out_before(void)
{
	EACH_SEGMENT(a, s)
	EACH_SEGMENT(b, t)
	before[a][s][b][t] = happens_directly(a, s, b, t);
	EACH_SEGMENT(k, u)
	EACH_SEGMENT(a, s)
	EACH_SEGMENT(b, t)
	before[a][s][b][t] |= before[a][s][k][u] && before[k][u][b][t];
}

static bool happened_in(uint32_t c, uint32_t segment)
{
	for (uint32_t run = chain(c)->run; run; run = facts->runs[run].next) {
		if (facts->runs[run].from <= segment && segment <= facts->runs[run].to)
			return true;
	}
	return false;
}

static bool can_overlap(uint32_t c, uint32_t d)
{
	for (uint32_t s = 1; s < SEGMENTS_MAX; s++) {
		for (uint32_t t = 1; t < SEGMENTS_MAX; t++) {
			uint32_t a = chain(c)->thread, b = chain(d)->thread;

			if (happened_in(c, s) && happened_in(d, t) && !before[a][s][b][t] &&
			    !before[b][t][a][s])
				return true;
		}
	}
	return false;
}

static bool gated(uint32_t c, uint32_t d)
{
	for (uint32_t a = chain(c)->below; a; a = chain(a)->below) {
		for (uint32_t b = chain(d)->below; b; b = chain(b)->below) {
			if (chain(a)->thing == chain(b)->thing &&
			    !(chain(a)->how & chain(b)->how & DW_SHARED))
				return true;
		}
	}
	return false;
}

static bool together(uint32_t c, uint32_t d)
{
	return chain(c)->thread != chain(d)->thread && !gated(c, d) && can_overlap(c, d);
}

static bool gives_up(uint32_t c)
{
	return (chain(c)->how & (DW_TRY | DW_TIMED)) && !(chain(c)->how & DW_RETAKEN);
}

static bool meets(const struct pair *a, const struct pair *b)
{
	const struct dw_chain *needs = chain(a->needs), *holds = chain(b->holds);

	if (needs->thing != holds->thing)
		return false;
	if (!(needs->how & holds->how & DW_SHARED))
		return true;
	for (uint32_t w = 1; w < facts->n_chains; w++) {
		if (chain(w)->thing == needs->thing &&
		    !(chain(w)->how & (DW_SHARED | DW_REMAINS)) && !gives_up(w) &&
		    (facts->things[needs->thing].flags & DW_THING_WRITERS) &&
		    together(w, a->needs) && together(w, b->needs))
			return true;
	}
	return false;
}

static void list_pairs(void)
{
	n_pairs = 0;
	for (uint32_t c = 1; c < facts->n_chains; c++) {
		bool again = chain(c)->how & DW_REMAINS;

		for (uint32_t a = chain(c)->below; a; a = chain(a)->below)
			again |= chain(a)->thing == chain(c)->thing;
		for (uint32_t a = chain(c)->below; a && !again && !gives_up(c);
		     a = chain(a)->below) {
			assert_true(n_pairs < PAIRS_MAX);
			pairs[n_pairs++] = (struct pair){a, c};
		}
	}
}

/* Whether pair @p can follow @legs, of which each is possible together with all others. */
static bool fits(const struct pair **legs, uint32_t n, const struct pair *p)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!together(legs[i]->needs, p->needs) ||
		    chain(legs[i]->holds)->thing == chain(p->holds)->thing)
			return false;
	}
	return !n || meets(legs[n - 1], p);
}

/* Marks the needs that are on a deadlock. Recursive, for it is never deeper than LEGS_MAX. */
static void enumerate(const struct pair **legs, uint32_t n, bool real[][N_THINGS + 1])
{
	if (n > 1 && meets(legs[n - 1], legs[0])) {
		for (uint32_t i = 0; i < n; i++)
			real[chain(legs[i]->holds)->thing][chain(legs[i]->needs)->thing] = true;
	}
	for (uint32_t p = 0; p < n_pairs && n < LEGS_MAX; p++) {
		if (!fits(legs, n, &pairs[p]))
			continue;
		legs[n] = &pairs[p];
		enumerate(legs, n + 1, real);
	}
}

/* One thread's doings: takes and lets go of locks at random, now and then in other ways. */
static size_t random_turn(char *to, size_t room, int thread)
{
	int held[3], n = 1 + rand() % 3;
	size_t length = 0;

	for (int i = 0; i < n; i++) {
		static const char *const hows[] = {"",       "",       "",    "",
						   "shared", "shared", "try", "timed"};
		bool twice = false;

		held[i] = rand() % N_LOCKS;
		for (int j = 0; j < i; j++)
			twice |= held[j] == held[i];
		if (twice) {
			n = i;
			break;
		}
		length += (size_t)snprintf(to + length, room - length, "%d hold %c %s;", thread,
					   'A' + held[i], hows[rand() % 8]);
	}
	if (n > 1 && rand() % 6 == 0)
		length += (size_t)snprintf(to + length, room - length, "%d park c %c;%d wake c %c;",
					   thread, 'A' + held[0], thread, 'A' + held[0]);
	for (int i = n - 1; i >= 0; i--)
		length += (size_t)snprintf(to + length, room - length, "%d drop %c;", thread,
					   'A' + held[i]);
	return length;
}

/* Thread 1 makes the others, at some time, and may join them; each has some turns. */
static void random_story(char *to, size_t room)
{
	bool born[N_THREADS + 1] = {false, true}, joined[N_THREADS + 1] = {false};
	size_t n = 0;

	if (rand() % 2)
		n += (size_t)snprintf(to + n, room - n, "1 init A writers; 1 init B writers;");
	for (int turns = 3 + rand() % 10; turns; turns--) {
		int thread = 1 + rand() % N_THREADS;

		if (joined[thread])
			continue;
		if (!born[thread])
			n += (size_t)snprintf(to + n, room - n, "1 born %d;", thread);
		born[thread] = true;
		n += random_turn(to + n, room - n, thread);
		if (thread == 1 || rand() % 4)
			continue;
		n += (size_t)snprintf(to + n, room - n, "1 join %d;", thread);
		joined[thread] = true;
	}
}

static void mark_found(const struct dw_finding *finding, bool found[][N_THINGS + 1])
{
	for (uint32_t i = 0; i < finding->n_legs && !finding->excuse; i++)
		found[chain(finding->legs[i].holds)->thing][chain(finding->legs[i].needs)->thing] =
		    true;
}

/* A finding without an excuse must be a deadlock by the plain rules too. */
static void check_finding(const struct dw_finding *finding)
{
	const struct pair *legs[LEGS_MAX];
	struct pair own[LEGS_MAX];

	if (finding->excuse)
		return;
	assert_in_range(finding->n_legs, 2, LEGS_MAX);
	for (uint32_t i = 0; i < finding->n_legs; i++) {
		own[i] = (struct pair){finding->legs[i].holds, finding->legs[i].needs};
		assert_false(gives_up(own[i].needs));
		assert_true(fits(legs, i, &own[i]));
		legs[i] = &own[i];
	}
	assert_true(meets(legs[finding->n_legs - 1], legs[0]));
}

/* Return: how many needs of this story are on a deadlock. */
static unsigned check_story(const char *story)
{
	dw_auto(analysis) analysis = NULL;
	bool real[N_THINGS + 1][N_THINGS + 1] = {0}, found[N_THINGS + 1][N_THINGS + 1] = {0};
	const struct pair *legs[LEGS_MAX];
	const struct dw_finding *findings;
	size_t n_findings;
	unsigned n = 0;

	facts = facts_of_story(story);
	work_out_before();
	list_pairs();
	enumerate(legs, 0, real);
	assert_int_equal(dw_analysis_new(&analysis, facts, MEMORY_MAX), 0);
	assert_int_equal(dw_analysis_run(analysis), 0);
	findings = dw_analysis_findings(analysis, &n_findings);
	for (size_t i = 0; i < n_findings; i++) {
		check_finding(&findings[i]);
		mark_found(&findings[i], found);
	}
	for (uint32_t i = 0; i <= N_LOCKS; i++) {
		for (uint32_t j = 0; j <= N_LOCKS; j++) {
			if (real[i][j] != found[i][j])
				print_message("%s\n", story);
			assert_int_equal(real[i][j], found[i][j]);
			n += real[i][j];
		}
	}
	return n;
}

static void every_need_on_a_deadlock_is_found_on_one_and_no_other(void **state)
{
	static char story[16384];
	unsigned n_with = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < N_STORIES; i++) {
		random_story(story, sizeof(story));
		n_with += check_story(story) > 0;
	}
	/* The stories are worth their while: some have a deadlock, many have none. */
	assert_in_range(n_with, N_STORIES / 20, N_STORIES - N_STORIES / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_need_on_a_deadlock_is_found_on_one_and_no_other),
	};

	return cmocka_run_group_tests_name("cycle", tests, NULL, NULL);
}
