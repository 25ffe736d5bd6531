/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "story-facts.h"

#include "model/event.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS_MAX 200000
#define THREADS_MAX 1100
#define THINGS_MAX 4096
#define POSTS_MAX 4096
#define HELD_MAX 1100
#define WORD_MAX 24

struct told_thread {
	uint32_t held[HELD_MAX]; /* chains */
	uint32_t n_held;
	uint32_t segment;

	/* Of this activity: the chains of locks that were taken, and how many of them it had taken
	 * when it gave `said`. */
	uint32_t taken[HELD_MAX];
	uint32_t n_taken, n_said;
	uint32_t said, woken_by; /* things */
};

static struct dw_chain chains[CHAINS_MAX];
static struct dw_run runs[CHAINS_MAX];
static struct dw_told_thread threads[THREADS_MAX];
static struct dw_thing things[THINGS_MAX];
static struct dw_joined joins[THREADS_MAX];
static struct dw_post posts[POSTS_MAX];
static char words[THINGS_MAX][WORD_MAX];
static struct told_thread told[THREADS_MAX];
static struct dw_facts facts;

const char *story_word(uint32_t thing)
{
	return words[thing];
}

static uint32_t thing_of(const char *word)
{
	uint64_t address = facts.n_things * 64;
	uint32_t life = 1;

	for (uint32_t i = facts.n_things - 1; i; i--) {
		if (strcmp(words[i], word) != 0)
			continue;
		if (!(things[i].flags & DW_THING_ENDED))
			return i;
		address = things[i].address;
		life = things[i].life + 1;
		break;
	}
	assert(facts.n_things < THINGS_MAX);
	things[facts.n_things] =
	    (struct dw_thing){.address = address, .life = life, .kind = DW_MUTEX};
	snprintf(words[facts.n_things], WORD_MAX, "%s", word);
	return facts.n_things++;
}

static void seen_in(struct dw_chain *chain, uint32_t segment)
{
	uint32_t last = chain->run;

	while (last && runs[last].next)
		last = runs[last].next;
	if (last && runs[last].to + 1 >= segment) {
		runs[last].to = segment;
		return;
	}
	runs[facts.n_runs] = (struct dw_run){segment, segment, 0};
	if (last)
		runs[last].next = facts.n_runs;
	else
		chain->run = facts.n_runs;
	facts.n_runs++;
}

/* The chain of @thing on top of @below; only chains of the last story line up are searched. */
static uint32_t chain_of(uint32_t thread, uint32_t below, uint32_t thing, uint32_t how)
{
	uint32_t i = below + 1;

	while (i < facts.n_chains && (chains[i].thread != thread || chains[i].below != below ||
				      chains[i].thing != thing || chains[i].how != how))
		i++;
	assert(i < CHAINS_MAX);
	if (i == facts.n_chains) {
		chains[i] = (struct dw_chain){.below = below,
					      .thing = thing,
					      .thread = thread,
					      .depth = chains[below].depth + 1,
					      .how = how};
		facts.n_chains++;
	}
	seen_in(&chains[i], told[thread].segment);
	return i;
}

static void take(uint32_t thread, uint32_t thing, uint32_t how, bool holds)
{
	struct told_thread *t = &told[thread];
	uint32_t below = t->n_held ? t->held[t->n_held - 1] : 0;
	uint32_t chain = chain_of(thread, below, thing, how);

	if (holds)
		t->held[t->n_held++] = chain;
	t->taken[t->n_taken++] = chain;
}

/* Waits for what is no lock, for a moment or long. */
static void wait_for(uint32_t thread, uint32_t thing, uint32_t how, bool is_long)
{
	struct told_thread *t = &told[thread];
	uint32_t chain;

	things[thing].kind = DW_CONDITION;
	if (!t->n_held)
		return;
	chain = chain_of(thread, t->held[t->n_held - 1], thing, how | DW_WAITS);
	chains[chain].origin.woken_by = t->woken_by;
	chains[chain].n_waits = 1;
	chains[chain].longest_ns = is_long ? UINT64_C(1000000000) : 0;
}

/* What the thread does from now on is a new activity. */
static void idle(uint32_t thread, uint32_t woken_by)
{
	told[thread].n_taken = told[thread].n_said = told[thread].said = 0;
	told[thread].woken_by = woken_by;
}

static void add_post(const struct dw_post *post)
{
	assert(facts.n_posts < POSTS_MAX);
	posts[facts.n_posts++] = *post;
}

static void give(uint32_t thread, uint32_t thing)
{
	struct told_thread *t = &told[thread];

	things[thing].kind = DW_CONDITION;
	if (!t->n_taken)
		add_post(&(struct dw_post){.thing = thing, .thread = thread});
	for (uint32_t i = 0; i < t->n_taken; i++)
		add_post(&(struct dw_post){.thing = thing,
					   .thread = thread,
					   .chain = t->taken[i],
					   .said = i < t->n_said ? t->said : 0});
	t->said = thing;
	t->n_said = t->n_taken;
}

static void drop(uint32_t thread, uint32_t thing)
{
	struct told_thread *t = &told[thread];
	uint32_t i = t->n_held;

	while (i && chains[t->held[i - 1]].thing != thing)
		i--;
	assert(i);
	t->n_held--;
	for (i--; i < t->n_held; i++) {
		const struct dw_chain *above = &chains[t->held[i + 1]];

		t->held[i] = chain_of(thread, i ? t->held[i - 1] : 0, above->thing,
				      (above->how & DW_SHARED) | DW_REMAINS);
	}
}

static uint32_t how_of(const char *rest)
{
	uint32_t how = 0;

#define X(name, value, text) how |= strstr(rest, text) ? value : 0U;
	DW_HOWS(X)
#undef X
	return how;
}

static void born(uint32_t thread, uint32_t child)
{
	threads[child].parent = thread;
	threads[child].parent_run = told[thread].segment++;
}

static void join(uint32_t thread, uint32_t other)
{
	joins[facts.n_joins++] =
	    (struct dw_joined){.thread = thread, .segment = ++told[thread].segment, .other = other};
}

static void lock_statement(uint32_t thread, const char *verb, const char *word, const char *rest)
{
	uint32_t thing = thing_of(word);

	if (!strcmp(verb, "init"))
		things[thing].flags |= strstr(rest, "writers") ? DW_THING_WRITERS : 0;
	else if (!strcmp(verb, "destroy"))
		things[thing].flags |= DW_THING_ENDED;
	else if (!strcmp(verb, "drop"))
		drop(thread, thing);
	else if (!strcmp(verb, "wait"))
		wait_for(thread, thing, how_of(rest), strstr(rest, "long"));
	else if (!strcmp(verb, "post"))
		give(thread, thing);
	else if (!strcmp(verb, "idle"))
		idle(thread, thing);
	else if (!strcmp(verb, "hold") || !strcmp(verb, "fail"))
		take(thread, thing, how_of(rest), verb[0] == 'h');
	else
		assert(!"a verb that is known here");
}

/* A wait on condition @word with the mutex @mutex. */
static void park(uint32_t thread, const char *word, const char *mutex)
{
	drop(thread, thing_of(mutex));
	wait_for(thread, thing_of(word), 0, false);
}

static void wake(uint32_t thread, const char *word, const char *mutex)
{
	idle(thread, thing_of(word));
	take(thread, thing_of(mutex), DW_RETAKEN, true);
}

static void statement(const char *text)
{
	char verb[WORD_MAX], word[WORD_MAX], rest[64] = "";
	unsigned thread;
	int n = sscanf(text, " %u %23s %23s %63[^;]", &thread, verb, word, rest);

	assert(n >= 3 && thread && thread < THREADS_MAX);
	if (!strcmp(verb, "born"))
		born(thread, (uint32_t)atoi(word));
	else if (!strcmp(verb, "join"))
		join(thread, (uint32_t)atoi(word));
	else if (!strcmp(verb, "park"))
		park(thread, word, strtok(rest, " "));
	else if (!strcmp(verb, "wake"))
		wake(thread, word, strtok(rest, " "));
	else
		lock_statement(thread, verb, word, rest);
}

static void start_over(void)
{
	memset(threads, 0, sizeof(threads));
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		told[i].n_held = 0;
		told[i].segment = 1;
		idle(i, 0);
	}
	facts = (struct dw_facts){
	    .runs = runs,
	    .threads = threads,
	    .things = things,
	    .chains = chains,
	    .joins = joins,
	    .posts = posts,
	    .n_runs = 1,
	    .n_threads = THREADS_MAX,
	    .n_things = 1,
	    .n_chains = 1,
	    .n_joins = 1,
	    .n_misuses = 1,
	    .n_posts = 1,
	    .n_founds = 1,
	};
}

const struct dw_facts *facts_of_story(const char *story)
{
	char *copy = strdup(story), *rest = copy;

	start_over();
	for (char *text = strsep(&rest, ";"); text; text = strsep(&rest, ";")) {
		if (text[strspn(text, " \n")])
			statement(text);
	}
	free(copy);
	return &facts;
}
