/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/story.h"

#include "base/error.h"
#include "record/story_parts.h"

#include <errno.h>
#include <string.h>

/* A story is written by hand or of a recording; what it becomes is some ten times its text. */
#define MEMORY_MAX ((size_t)1 << 30)

/* The number that a thread's word is; 0: it is none. */
static uint32_t number_in(const char *word)
{
	uint32_t number = 0;

	for (; *word >= '0' && *word <= '9' && number <= DW_STORY_THREAD_MAX; word++) {
		if (number == 0 && *word == '0')
			return 0;
		number = number * 10 + (uint32_t)(*word - '0');
	}
	return *word == '\0' && number <= DW_STORY_THREAD_MAX ? number : 0;
}

/*
 * Words that are numbers keep them; the others get those that are left, in the order of
 * their appearance.
 */
static uint32_t number_threads(struct dw_story *story, uint32_t *numbers, uint8_t *taken)
{
	uint32_t top = 0, free_number = 1;

	for (uint32_t i = 1; i <= story->threads.n; i++) {
		numbers[i] = number_in(story->threads.texts[i]);
		taken[numbers[i]] = 1;
	}
	for (uint32_t i = 1; i <= story->threads.n; i++) {
		while (!numbers[i] && taken[free_number])
			free_number++;
		if (!numbers[i])
			numbers[i] = free_number++;
		top = numbers[i] > top ? numbers[i] : top;
	}
	return top;
}

static bool names_a_thread(const struct dw_event *event)
{
	return event->kind == DW_BORN || event->kind == DW_JOIN || event->kind == DW_KICK;
}

static void number_events(struct dw_story *story, const uint32_t *numbers)
{
	for (uint32_t i = 0; i < story->n_events; i++) {
		struct dw_event *event = &story->events[i];
		uint32_t other = numbers[dw_other_thread(event)];

		event->thread = numbers[event->thread];
		if (other && names_a_thread(event))
			event->other = other;
		else if (other)
			event->object = dw_thing_address(event->what, other);
	}
}

static int name_threads(struct dw_story *story)
{
	uint32_t n = story->threads.n;
	uint32_t *numbers = dw_arena_alloc(story->arena, (n + 1) * sizeof(*numbers));
	uint8_t *taken = dw_arena_alloc(story->arena, (size_t)n + DW_STORY_THREAD_MAX + 2);
	uint32_t top = numbers && taken ? number_threads(story, numbers, taken) : 0;
	struct dw_told_thread *threads = dw_arena_alloc(story->arena, (top + 1) * sizeof(*threads));

	story->thread_words =
	    dw_arena_alloc(story->arena, (top + 1) * sizeof(*story->thread_words));
	if (!numbers || !taken || !threads || !story->thread_words)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i <= n; i++) {
		const char *word = story->threads.texts[i];

		story->thread_words[numbers[i]] = word;
		threads[numbers[i]].name = number_in(word) ? NULL : word;
	}
	number_events(story, numbers);
	story->facts.threads = threads;
	story->facts.n_threads = top + 1;
	return 0;
}

/* FILE:LINE+WHICH, where only FILE must be. */
static int hint_of(struct dw_story *story, const char *site, struct dw_hint *ret)
{
	const char *plus = strrchr(site, '+');
	size_t n = plus && plus > site ? (size_t)(plus - site) : strlen(site), digits = n;
	uint32_t line = 0;

	while (digits > 1 && site[digits - 1] >= '0' && site[digits - 1] <= '9')
		digits--;
	if (digits > 1 && digits < n && site[digits - 1] == ':') {
		for (size_t i = digits; i < n; i++)
			line = line * 10 + (uint32_t)(site[i] - '0');
		n = digits - 1;
	}
	ret->file = dw_arena_text(story->arena, site, n);
	ret->line = line;
	return ret->file ? 0 : dw_raise(-ENOMEM);
}

static int place_sites(struct dw_story *story)
{
	uint32_t n = story->sites.n + 1;
	struct dw_hint *hints = dw_arena_alloc(story->arena, n * sizeof(*hints));
	struct dw_stack *stacks = dw_arena_alloc(story->arena, n * sizeof(*stacks));
	dw_place *frames = dw_arena_alloc(story->arena, n * sizeof(*frames));

	story->hint_of_site = dw_arena_alloc(story->arena, n * sizeof(*story->hint_of_site));
	if (!hints || !stacks || !frames || !story->hint_of_site)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n; i++) {
		int r = hint_of(story, story->sites.texts[i], &hints[i]);

		if (r < 0)
			return dw_pass(r);
		frames[i] = i;
		stacks[i] = (struct dw_stack){.frames = &frames[i], .n_frames = 1};
		story->hint_of_site[i] = i;
	}
	story->facts.hints = hints;
	story->facts.stacks = stacks;
	story->facts.n_hints = n;
	story->facts.n_stacks = n;
	return 0;
}

/* Calls of the program's own have no other name than the story's. */
static int name_calls(struct dw_story *story)
{
	struct dw_thing *things =
	    dw_arena_alloc(story->arena, (story->calls.n + 1) * sizeof(*things));

	if (!things)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i <= story->calls.n; i++)
		things[i] = (struct dw_thing){
		    .address = dw_thing_address(DW_CALL, DW_CALL_NAMED + i - 1),
		    .life = 1,
		    .kind = DW_CALL,
		    .name = story->calls.texts[i],
		};
	story->facts.things = things;
	story->facts.n_things = story->calls.n + 1;
	return 0;
}

static int story_new(struct dw_story **ret)
{
	struct dw_arena *arena;
	struct dw_story *story = dw_arena_new_owner(&arena, MEMORY_MAX, sizeof(*story));

	if (!story)
		return dw_raise(-ENOMEM);
	story->arena = arena;
	story->facts.program = "story";
	*ret = story;
	return 0;
}

int dw_story_parse(struct dw_story **ret, const char *text, struct dw_story_error *ret_error)
{
	dw_auto(story) story = NULL;
	int r = story_new(&story);

	if (r == 0)
		r = dw_story_read(story, text, ret_error);
	if (r == 0)
		r = name_threads(story);
	if (r == 0)
		r = name_calls(story);
	if (r == 0)
		r = place_sites(story);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(story);
	return 0;
}

struct dw_story *dw_story_free(struct dw_story *story)
{
	if (!story)
		return NULL;
	dw_words_done(&story->threads);
	dw_words_done(&story->things);
	dw_words_done(&story->sites);
	dw_words_done(&story->calls);
	dw_arena_free(story->arena);
	return NULL;
}

const struct dw_event *dw_story_events(const struct dw_story *story, size_t *ret_n)
{
	*ret_n = story->n_events;
	return story->events;
}

int dw_story_replay(struct dw_replay **ret, const struct dw_story *story)
{
	int r = dw_replay_new_with(ret, story->events, story->n_events, &story->facts,
				   story->hint_of_site);

	return r < 0 ? dw_pass(r) : 0;
}

static const char *call_word(const struct dw_story *story, uint32_t number)
{
	if (number < DW_CALL_NAMED)
		return dw_story_call_word(number);
	number -= DW_CALL_NAMED - 1;
	return number <= story->calls.n ? story->calls.texts[number] : NULL;
}

const char *dw_story_thing(const struct dw_story *story, uint64_t address)
{
	uint64_t number = (address - ADDRESS_FIRST) / ADDRESS_STEP;
	uint32_t thread = dw_thing_number(address);

	if (address == dw_thing_address(DW_CALL, thread))
		return call_word(story, thread);
	if (address & DW_NO_MEMORY)
		return dw_story_thread(story, thread);
	if (address % ADDRESS_STEP != 0 || number == 0 || number > story->things.n)
		return NULL;
	return story->things.texts[number];
}

const char *dw_story_thread(const struct dw_story *story, uint32_t number)
{
	return number < story->facts.n_threads ? story->thread_words[number] : NULL;
}
