/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stories: events as text. Tests are written in them, and `deadwatch dump` prints one.
 *
 *   # T1 and T2 take A and B in opposite orders
 *   1 hold A; 1 hold B; 1 drop B; 1 drop A
 *   2 hold B; 2 hold A @b.c:12
 *
 * A line holds statements, separated by `;`. A statement is a thread, a verb (the words of
 * DW_EVENT_KINDS), and what the verb wants:
 *
 *   init destroy want hold fail drop   a thing: a mutex, if its kind is not given
 *   park wake     what is waited for: a condition, if its kind is not given; and the mutex that
 *                 is let go of meanwhile, if there is one. `1 park c m`, `1 wake sem semaphore`
 *   post          what is given: a condition, if its kind is not given
 *   enter leave   a call: a word of DW_CALLS, or any other, which is one of the program's own
 *   born join     a thread
 *   kick          a thread
 *   idle          what had been waited for (a condition, if its kind is not given), or nothing
 *   exit          nothing
 *
 * Then, in any order: words of DW_HOWS; a thing's kind (a word of DW_THING_KINDS); `@site`;
 * `+time`, such as `+20ms`, the time that has passed since the statement before (s, ms, us,
 * ns); `sleeps` of an enter: the call does nothing but sleep, as nanosleep and its kin do
 * anyway; `guest` of an idle: the thread is back from running a guest.
 *
 * Threads and things are words of letters, digits and `_.-:`; equal words are equal things. A
 * thread whose word is a number up to DW_STORY_THREAD_MAX has that number. What is an `ending`
 * or an `answer` is called by its thread: `1 park 2 ending`. A mutex behind a condition is not
 * called by a word that means something there, such as `timed`.
 * `#` begins a comment. A `hold` without a `want` before it is both. A `wake` and an `exit`
 * say all that event.h says of them.
 *
 * A site is any text without blanks, `;` and `#`, such as `b.c:12`; equal texts are equal
 * sites. What follows a last `+` tells sites of one line apart: `b.c:12+7`.
 */
#pragma once

#include "base/cleanup.h"
#include "model/event.h"
#include "model/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct dw_story;
struct dw_numbering;

/* Larger numbers are words like others. */
#define DW_STORY_THREAD_MAX 65535

/* Where a story is wrong. */
struct dw_story_error {
	unsigned line;        /* from 1 */
	const char *expected; /* in words; static */
};

/*
 * Reads @text.
 *
 * Return: 0; 1 if it is not a story, with @ret_error set; or -ENOMEM.
 */
int dw_story_parse(struct dw_story **ret, const char *text, struct dw_story_error *ret_error);

struct dw_story *dw_story_free(struct dw_story *story);

const struct dw_event *dw_story_events(const struct dw_story *story, size_t *ret_n);

/*
 * Replays events, given in the order of their `seq`, through the tracker: the facts that a
 * probe would have told.
 *
 * @known gives what events do not say: the stacks that their `stack` refers to, the hints
 * that its chains have with these stacks, and the threads' names. It must outlive the
 * replay. Without it (NULL), a site is a stack of one frame, at no place in particular.
 *
 * Return: 0, or -ENOMEM.
 */
struct dw_replay;
int dw_replay_new(struct dw_replay **ret, const struct dw_event *events, size_t n_events,
		  const struct dw_facts *known);

/*
 * Replays @story, which must outlive the replay: its sites become hints, and stacks of one
 * frame; its threads have the names that it calls them by.
 */
int dw_story_replay(struct dw_replay **ret, const struct dw_story *story);

struct dw_replay *dw_replay_free(struct dw_replay *replay);
const struct dw_facts *dw_replay_facts(const struct dw_replay *replay);

/*
 * The word by which the story calls the thing at @address, be that a thread's or a call's, or
 * thread @number; NULL if unknown.
 */
const char *dw_story_thing(const struct dw_story *story, uint64_t address);
const char *dw_story_thread(const struct dw_story *story, uint32_t number);

/* The words of the vocabulary's enums; "?" for a number that is none. Static. */
const char *dw_story_event_word(unsigned kind);
const char *dw_story_kind_word(unsigned thing_kind);
const char *dw_story_misuse_word(unsigned misuse);

/* The name of a call of DW_CALLS; NULL: there is none of that number. Static. */
const char *dw_story_call_word(uint32_t number);

/*
 * Writes the events as a story: threads are their numbers, things `L` and a number in the
 * order of appearance. @facts, which may be NULL, tells the hints of stacks, and what calls of
 * the program's own are called.
 *
 * Return: 0, or a negative errno of writing.
 */
int dw_story_write(FILE *out, const struct dw_event *events, size_t n_events,
		   const struct dw_facts *facts);

/* Whether a written story calls a thing of @thing_kind `L` and a number. */
bool dw_story_has_number(unsigned thing_kind);

/*
 * Gives those of @event's things the numbers that dw_story_write() gives them, after those of
 * all events before.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_story_number(struct dw_numbering *numbering, const struct dw_event *event);

/*
 * Writes facts as a story that tells the same chains and posts: for every chain that no other
 * builds on, what it took and waited for, in order, and let go again, by its thread; for every
 * post, an activity with its chain. Things are `L` and their number, threads their numbers,
 * calls what they are called.
 */
int dw_story_write_facts(FILE *out, const struct dw_facts *facts);

DW_DEFINE_AUTO(story)
DW_DEFINE_AUTO(replay)
