/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of stories and replay share. Internal to them. */
#pragma once

#include "record/story.h"
#include "record/words.h"

#include <stdbool.h>

/* Story things lie this far apart, as real locks do, from an address that none has. */
#define ADDRESS_FIRST 0x1000
#define ADDRESS_STEP 0x40

struct dw_story {
	struct dw_arena *arena;
	struct dw_words threads, things, sites;
	struct dw_words calls; /* that are no calls of the system */
	struct dw_event *events;
	uint32_t n_events, events_room;
	const char **thread_words; /* by thread number, facts.n_threads of them */
	uint32_t *hint_of_site;    /* by site; sites and their stacks have the same numbers */
	struct dw_facts facts;     /* what the events do not say */
};

/* Words of single verbs. */
#define DW_STORY_SLEEPS "sleeps" /* enter: the call does nothing but sleep */
#define DW_STORY_GUEST "guest"   /* idle: it is back from running a guest */

/* The units of time, the largest first. */
#define DW_STORY_UNITS(X)            \
	X("s", UINT64_C(1000000000)) \
	X("ms", UINT64_C(1000000))   \
	X("us", UINT64_C(1000))      \
	X("ns", UINT64_C(1))

/*
 * Reads @text into the events and words of @story; threads have the numbers of their words.
 *
 * Return: 0; 1 if it is not a story, with @ret_error set; or -ENOMEM.
 */
int dw_story_read(struct dw_story *story, const char *text, struct dw_story_error *ret_error);

/* Whether words of threads, things and calls can contain @c. */
bool dw_story_word_char(char c);

/* Whether call @number does nothing but sleep whatever it is given. */
bool dw_story_call_sleeps(uint32_t number);

/*
 * The hint that goes with each stack of @facts, by stack number: that of a chain that has
 * both. From the C library; NULL: no memory.
 */
uint32_t *dw_hints_of_stacks(const struct dw_facts *facts);

/* Pieces of a statement, each with the blank before it, or nothing. */
void dw_story_write_hows(FILE *out, unsigned how);
void dw_story_write_time(FILE *out, uint64_t ns);

/* @usual: the kind that it has if nothing is said. */
void dw_story_write_kind(FILE *out, unsigned kind, unsigned usual);

/*
 * A site is its hint and what tells it from others of that line; or that alone. What a
 * site cannot contain becomes `_`.
 */
void dw_story_write_site(FILE *out, const struct dw_hint *hint, uint32_t number);

/* @name: of a call of the program's own; NULL: not known. */
void dw_story_write_call(FILE *out, uint64_t address, const char *name);

static inline bool dw_story_is_of_thread(unsigned kind)
{
	return kind == DW_ENDING || kind == DW_ANSWER;
}

/* Whether the end of a wait for what is of @kind begins a new activity. */
static inline bool dw_is_idle_point(unsigned kind)
{
	return kind == DW_CONDITION || kind == DW_SEMAPHORE || kind == DW_BARRIER ||
	       kind == DW_FUTEX;
}

/* The number of the thread that @event names beside the one whose it is; 0: it names none. */
static inline uint32_t dw_other_thread(const struct dw_event *event)
{
	if (event->kind == DW_BORN || event->kind == DW_JOIN || event->kind == DW_KICK)
		return (uint32_t)event->other;
	if (dw_story_is_of_thread(event->what))
		return dw_thing_number(event->object);
	return 0;
}

/* dw_replay_new() with the hints that go with the stacks of @known. */
int dw_replay_new_with(struct dw_replay **ret, const struct dw_event *events, size_t n_events,
		       const struct dw_facts *known, const uint32_t *hint_of_stack);
