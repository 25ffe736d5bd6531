/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stories: events as text. Tests are written in them, and `deadwatch dump` prints one.
 *
 *   # T1 and T2 take A and B in opposite orders
 *   1 hold A; 1 hold B; 1 drop B; 1 drop A
 *   2 hold B; 2 hold A @b.c:12
 *
 * A line holds statements, separated by `;`. A statement is a thread, a verb (the
 * words of DW_EVENT_KINDS), and what the verb wants: a thing (init, destroy, want,
 * hold, fail, drop, post), a condition and its mutex (park, wake), a thread (born,
 * join), or nothing (exit). Then, in any order: words of DW_HOWS, a thing's kind
 * (words of DW_THING_KINDS; a mutex if none is given), and `@site`. Threads and
 * things are words of letters, digits and `_.-:`; equal words are equal things. A
 * thread whose word is a number up to DW_STORY_THREAD_MAX has that number.
 * `#` begins a comment. A `hold` without a `want` before it is both.
 *
 * A site is any text without blanks, `;` and `#`, such as `b.c:12`; equal texts are equal
 * sites. What follows a last `+` tells sites of one line apart: `b.c:12+7`.
 */
#pragma once

#include "base/cleanup.h"
#include "model/event.h"
#include "model/facts.h"

#include <stddef.h>
#include <stdio.h>

struct dw_story;

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

/* The word by which the story calls the thing at @address or thread @number; NULL if unknown. */
const char *dw_story_thing(const struct dw_story *story, uint64_t address);
const char *dw_story_thread(const struct dw_story *story, uint32_t number);

/* The words of the vocabulary's enums; "?" for a number that is none. Static. */
const char *dw_story_event_word(unsigned kind);
const char *dw_story_kind_word(unsigned thing_kind);
const char *dw_story_misuse_word(unsigned misuse);

/*
 * Writes the events as a story: threads are their numbers, things `L` and a number in the
 * order of appearance. @facts, which may be NULL, tells the hints of stacks.
 *
 * Return: 0, or a negative errno of writing.
 */
int dw_story_write(FILE *out, const struct dw_event *events, size_t n_events,
		   const struct dw_facts *facts);

/*
 * Writes facts as a story that tells the same chains: for every chain that no other
 * builds on, its locks taken in order and let go again, by its thread. Things are `L` and
 * their number.
 */
int dw_story_write_facts(FILE *out, const struct dw_facts *facts);

DW_DEFINE_AUTO(story)
DW_DEFINE_AUTO(replay)
