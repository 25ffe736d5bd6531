/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "now-facts.h"

#include "model/event.h"
#include "model/thread.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS_MAX 4096
#define THINGS_MAX 4096
#define POSTS_MAX 256
#define HELD_MAX 16
#define WORD_MAX 24
#define STALL_NS (UINT64_C(5) * 1000000000)

union slot {
	struct dw_slot slot;
	char room[sizeof(struct dw_slot) + (HELD_MAX + 2) * sizeof(struct dw_held)];
};

static struct dw_chain chains[CHAINS_MAX];
static struct dw_thing things[THINGS_MAX];
static struct dw_post posts[POSTS_MAX];
static struct dw_told_thread threads[NOW_THREADS];
static struct dw_told_slot slots[NOW_THREADS];
static union slot pictures[NOW_THREADS];
static struct dw_now_look looks[NOW_THREADS];
static struct dw_rans rans[NOW_THREADS];
static char words[THINGS_MAX][WORD_MAX];
static struct dw_facts facts;
static struct dw_now now;

const char *now_word(uint32_t thing)
{
	return words[thing];
}

static struct dw_slot *slot_of(uint32_t thread)
{
	threads[thread].slot = thread;
	return &pictures[thread].slot;
}

static uint32_t thing_of(const char *word, uint8_t kind, uint64_t address)
{
	uint32_t i = 1;

	while (i < facts.n_things && strcmp(words[i], word) != 0)
		i++;
	assert(i < THINGS_MAX);
	if (i == facts.n_things) {
		things[i] = (struct dw_thing){
		    .address = address ? address : i * 64, .life = 1, .kind = kind};
		snprintf(words[i], WORD_MAX, "%s", word);
		facts.n_things++;
	}
	return i;
}

static uint32_t chain_of(uint32_t thread, uint32_t below, uint32_t thing, uint8_t how)
{
	assert(facts.n_chains < CHAINS_MAX);
	chains[facts.n_chains] =
	    (struct dw_chain){.below = below, .thing = thing, .thread = thread, .how = how};
	return facts.n_chains++;
}

static uint8_t how_of(const char *rest)
{
	uint8_t how = 0;

#define X(name, value, text) how |= strstr(rest, text) ? value : 0;
	DW_HOWS(X)
#undef X
	return how;
}

static uint8_t kind_of(const char *rest)
{
	uint8_t kind = 0;

#define X(name, value, text) kind = strstr(rest, text) ? value : kind;
	DW_THING_KINDS(X)
#undef X
	return kind;
}

static struct dw_held entry(uint32_t thread, uint32_t thing, uint8_t how)
{
	struct dw_slot *slot = slot_of(thread);
	uint32_t below = slot->top ? slot->held[slot->top].chain : 0;

	return (struct dw_held){
	    .thing = things[thing].address,
	    .chain = chain_of(thread, below == DW_CHAIN_LOST ? 0 : below, thing, how),
	    .manner = dw_manner(how, (uint8_t)things[thing].kind),
	};
}

static void has(uint32_t thread, const char *word, const char *rest)
{
	struct dw_slot *slot = slot_of(thread);
	uint8_t kind = kind_of(rest);
	struct dw_held held =
	    entry(thread, thing_of(word, kind ? kind : DW_MUTEX, 0), how_of(rest));

	assert(slot->top < HELD_MAX);
	slot->held[++slot->top] = held;
}

static void wants(uint32_t thread, const char *word, const char *rest)
{
	struct dw_slot *slot = slot_of(thread);
	uint8_t kind = kind_of(rest);

	slot->held[slot->top + 1] =
	    entry(thread, thing_of(word, kind ? kind : DW_MUTEX, 0), how_of(rest));
	slot->wants = slot->held[slot->top + 1].thing;
}

/* What is waited for without anything being held has no chain. */
static void waits(uint32_t thread, uint32_t thing, uint8_t how)
{
	struct dw_slot *slot = slot_of(thread);

	slot->waits = (struct dw_held){
	    .thing = things[thing].address,
	    .manner = dw_manner(how | DW_WAITS, (uint8_t)things[thing].kind),
	};
	if (slot->top)
		slot->waits = entry(thread, thing, how | DW_WAITS);
}

static void waits_for_number(uint32_t thread, uint8_t kind, const char *prefix, const char *word)
{
	char name[2 * WORD_MAX];

	snprintf(name, sizeof(name), "%s%s", prefix, word);
	waits(thread, thing_of(name, kind, dw_thing_address(kind, (uint32_t)atoi(word))), 0);
}

static void parks(uint32_t thread, const char *condition, const char *mutex)
{
	struct dw_slot *slot = slot_of(thread);

	waits(thread, thing_of(condition, DW_CONDITION, 0), how_of(mutex));
	slot->held[slot->top + 1] =
	    entry(thread, thing_of(strtok(strdupa(mutex), " "), DW_MUTEX, 0), DW_RETAKEN);
}

static void post(uint32_t thread, const char *word, const char *lock)
{
	uint32_t chain =
	    *lock ? chain_of(thread, 0, thing_of(strtok(strdupa(lock), " "), DW_MUTEX, 0), 0) : 0;

	posts[facts.n_posts++] = (struct dw_post){
	    .thing = thing_of(word, DW_CONDITION, 0), .thread = thread, .chain = chain};
	assert(facts.n_posts < POSTS_MAX);
}

/* It was looked at each second for a minute, and ran as much as @word says. */
static const struct dw_rans *rans_of(uint32_t thread, const char *word)
{
	struct dw_rans *given = &rans[thread];
	uint64_t share = *word ? (uint64_t)atoi(word) : 100;

	given->n = 0;
	for (uint64_t s = 0; s <= 60; s++)
		dw_rans_note(given, NOW_NS - (60 - s) * 1000000000, s * share * 10000000);
	return given;
}

/* Verbs that set more than a wait. */
static void set(uint32_t thread, const char *verb, const char *word)
{
	struct dw_slot *slot = slot_of(thread);

	if (!strcmp(verb, "polls")) {
		slot->held[slot->top].polled = 1;
		looks[thread] = (struct dw_now_look){.polls = true};
	} else if (!strcmp(verb, "runs")) {
		looks[thread] = (struct dw_now_look){.rans = rans_of(thread, word)};
	} else if (!strcmp(verb, "locks")) {
		looks[thread].at_lock = true;
	} else if (!strcmp(verb, "handles")) {
		looks[thread].still_ns = 0;
	} else if (!strcmp(verb, "ends")) {
		threads[thread].flags |= DW_THREAD_EXITED;
	} else if (!strcmp(verb, "since")) {
		uint64_t ns = (uint64_t)atoi(word) * 1000000;

		looks[thread].same_ns = ns;
		looks[thread].still_ns = looks[thread].still_ns ? ns : 0;
		slot->polling_ns = NOW_NS - ns;
	} else {
		assert(!"a verb that is known here");
	}
}

static void statement(const char *text)
{
	char verb[WORD_MAX], word[WORD_MAX] = "", rest[64] = "";
	unsigned thread;
	int n = sscanf(text, " %u %23s %23s %63[^;]", &thread, verb, word, rest);

	assert(n >= 2 && thread && thread < NOW_THREADS);
	if (!strcmp(verb, "has") || !strcmp(verb, "lost"))
		has(thread, word, rest);
	else if (!strcmp(verb, "wants"))
		wants(thread, word, rest);
	else if (!strcmp(verb, "waits"))
		waits(thread, thing_of(word, kind_of(rest), 0), how_of(rest));
	else if (!strcmp(verb, "parks"))
		parks(thread, word, rest);
	else if (!strcmp(verb, "joins"))
		waits_for_number(thread, DW_ENDING, "end-", word);
	else if (!strcmp(verb, "asks"))
		waits_for_number(thread, DW_ANSWER, "answer-", word);
	else if (!strcmp(verb, "calls"))
		waits_for_number(thread, DW_CALL, "call-", word);
	else if (!strcmp(verb, "posts"))
		post(thread, word, rest);
	else
		set(thread, verb, word);
	if (!strcmp(verb, "lost"))
		slot_of(thread)->held[slot_of(thread)->top].chain = DW_CHAIN_LOST;
}

static void start_over(void)
{
	memset(threads, 0, sizeof(threads));
	memset(pictures, 0, sizeof(pictures));
	for (uint32_t i = 0; i < NOW_THREADS; i++) {
		slots[i].slot = &pictures[i].slot;
		looks[i] = (struct dw_now_look){.same_ns = NOW_NS, .still_ns = NOW_NS};
	}
	facts = (struct dw_facts){
	    .threads = threads,
	    .things = things,
	    .chains = chains,
	    .slots = slots,
	    .posts = posts,
	    .n_threads = NOW_THREADS,
	    .n_things = 1,
	    .n_chains = 1,
	    .n_slots = NOW_THREADS,
	    .n_posts = 1,
	};
	now = (struct dw_now){&facts, looks, NOW_NS, STALL_NS};
}

const struct dw_now *now_picture(const char *text)
{
	char *copy = strdup(text), *rest = copy;

	start_over();
	for (char *part = strsep(&rest, ";"); part; part = strsep(&rest, ";")) {
		if (part[strspn(part, " \n")])
			statement(part);
	}
	free(copy);
	return &now;
}
