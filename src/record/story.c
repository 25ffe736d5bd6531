/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/story.h"

#include "base/arena.h"
#include "base/error.h"
#include "record/rows.h"
#include "record/story_parts.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <string.h>

/* A story is written by hand or of a recording; what it becomes is some ten times its text. */
#define MEMORY_MAX ((size_t)1 << 30)

/* Story things lie this far apart, as real locks do, from an address that none has. */
#define ADDRESS_FIRST 0x1000
#define ADDRESS_STEP 0x40

/* A piece of the story's text. */
struct word {
	const char *text; /* ends with NUL once it is in a set */
	size_t n;
	uint32_t number; /* in its set, from 1 */
};

/* Equal words are one. A search tree, so that no choice of words makes it slow. */
struct words {
	void *tree;
	const char **texts; /* by number */
	uint32_t n, room;
};

struct dw_story {
	struct dw_arena *arena;
	struct words threads, things, sites;
	struct dw_event *events;
	uint32_t n_events, events_room;
	const char **thread_words; /* by thread number, facts.n_threads of them */
	uint32_t *hint_of_site;    /* by site; sites and their stacks have the same numbers */
	struct dw_facts facts;     /* what the events do not say */
};

struct parser {
	struct dw_story *story;
	const char *at;
	struct dw_story_error error;
};

static int expected(struct parser *parser, const char *what)
{
	parser->error.expected = what;
	return 1;
}

static int compare(const void *a, const void *b)
{
	const struct word *left = a, *right = b;
	size_t n = left->n < right->n ? left->n : right->n;
	int order = memcmp(left->text, right->text, n);

	return order ? order : (left->n > right->n) - (left->n < right->n);
}

static void keep_node(void *node)
{
	(void)node; /* it is the arena's */
}

/* Return: the number of @word in @words, where it is now; 0: no memory. */
static uint32_t ensure_word(struct dw_story *story, struct words *words, const struct word *word)
{
	struct word *const *found = tfind(word, &words->tree, compare);
	struct word *made;
	void *texts;

	if (found)
		return (*found)->number;
	made = dw_arena_alloc(story->arena, sizeof(*made));
	texts = dw_rows_grown(story->arena, words->texts, &words->room, words->n + 1,
			      sizeof(*words->texts));
	if (!made || !texts)
		return 0;
	words->texts = texts;
	made->text = dw_arena_text(story->arena, word->text, word->n);
	made->n = word->n;
	made->number = words->n + 1;
	if (!made->text || !tsearch(made, &words->tree, compare))
		return 0;
	words->texts[++words->n] = made->text;
	return made->number;
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_.-:", c));
}

static bool is_site_char(char c)
{
	return (unsigned char)c > ' ' && c != ';' && c != '#' && c != 0x7f;
}

/* The piece of text that comes next, blanks skipped; its size is 0 if nothing fits. */
static struct word next(struct parser *parser, bool (*fits)(char c))
{
	struct word word = {0};

	parser->at += strspn(parser->at, " \t\r");
	word.text = parser->at;
	while (fits(parser->at[word.n]))
		word.n++;
	parser->at += word.n;
	return word;
}

static bool is(const struct word *word, const char *text)
{
	return word->n == strlen(text) && memcmp(word->text, text, word->n) == 0;
}

/* Reads a word into *@ret as its number in @words. */
static int read_number(struct parser *parser, struct words *words, const char *what, uint32_t *ret)
{
	struct word word = next(parser, is_word_char);

	if (word.n == 0)
		return expected(parser, what);
	*ret = ensure_word(parser->story, words, &word);
	return *ret ? 0 : dw_raise(-ENOMEM);
}

static int read_thing(struct parser *parser, const char *what, uint64_t *ret)
{
	uint32_t number;
	int r = read_number(parser, &parser->story->things, what, &number);

	if (r == 0)
		*ret = ADDRESS_FIRST + (uint64_t)number * ADDRESS_STEP;
	return r < 0 ? dw_pass(r) : r;
}

static int read_other_thread(struct parser *parser, struct dw_event *event)
{
	uint32_t number;
	int r = read_number(parser, &parser->story->threads, "the other thread", &number);

	if (r == 0)
		event->other = number;
	return r < 0 ? dw_pass(r) : r;
}

static int read_condition(struct parser *parser, struct dw_event *event)
{
	int r = read_thing(parser, "a condition", &event->object);

	event->what = DW_CONDITION;
	if (r == 0 && event->kind != DW_POST)
		r = read_thing(parser, "the condition's mutex", &event->other);
	return r < 0 ? dw_pass(r) : r;
}

static int read_verb(struct parser *parser, struct dw_event *event)
{
	struct word word = next(parser, is_word_char);

#define X(name, value, text) \
	if (is(&word, text)) \
		event->kind = name;
	DW_EVENT_KINDS(X)
#undef X
	return event->kind ? 0 : expected(parser, "a verb");
}

static int read_objects(struct parser *parser, struct dw_event *event)
{
	switch ((enum dw_event_kind)event->kind) {
	case DW_INIT:
	case DW_DESTROY:
	case DW_WANT:
	case DW_HOLD:
	case DW_FAIL:
	case DW_DROP:
		event->what = DW_MUTEX;
		return read_thing(parser, "a thing", &event->object);
	case DW_PARK:
	case DW_WAKE:
	case DW_POST:
		return read_condition(parser, event);
	case DW_BORN:
	case DW_JOIN:
	case DW_KICK:
		return read_other_thread(parser, event);
	case DW_EXIT:
	case DW_IDLE:
		return 0;
	case DW_ENTER:
	case DW_LEAVE:
		break;
	}
	return expected(parser, "a verb");
}

static int read_site(struct parser *parser, struct dw_event *event)
{
	struct word word;

	parser->at++;
	if (!is_site_char(*parser->at))
		return expected(parser, "a site behind the @");
	word = next(parser, is_site_char);
	event->stack = ensure_word(parser->story, &parser->story->sites, &word);
	event->site = event->stack;
	return event->stack ? 0 : dw_raise(-ENOMEM);
}

static int read_attribute(struct parser *parser, struct dw_event *event)
{
	struct word word = next(parser, is_word_char);

	if (word.n == 0 && *parser->at == '@')
		return read_site(parser, event);
#define X(name, value, text)        \
	if (is(&word, text)) {      \
		event->how |= name; \
		return 0;           \
	}
	DW_HOWS(X)
#undef X
#define X(name, value, text)        \
	if (is(&word, text)) {      \
		event->what = name; \
		return 0;           \
	}
	DW_THING_KINDS(X)
#undef X
	return expected(parser, "how it is taken, a kind of thing, @site, or the statement's end");
}

static bool at_statement_end(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t\r");
	return *parser->at == '\0' || strchr(";\n#", *parser->at);
}

static int add_event(struct dw_story *story, const struct dw_event *event)
{
	struct dw_event *events = dw_rows_grown(story->arena, story->events, &story->events_room,
						story->n_events, sizeof(*events));

	if (!events)
		return dw_raise(-ENOMEM);
	story->events = events;
	events[story->n_events] = *event;
	events[story->n_events].seq = story->n_events + 1;
	story->n_events++;
	return 0;
}

static int read_statement(struct parser *parser)
{
	struct dw_event event = {0};
	int r = read_number(parser, &parser->story->threads, "a thread", &event.thread);

	if (r == 0)
		r = read_verb(parser, &event);
	if (r == 0)
		r = read_objects(parser, &event);
	while (r == 0 && !at_statement_end(parser))
		r = read_attribute(parser, &event);
	if (r == 0)
		r = add_event(parser->story, &event);
	return r < 0 ? dw_pass(r) : r;
}

static int read_statements(struct parser *parser)
{
	while (*parser->at) {
		if (!at_statement_end(parser)) {
			int r = read_statement(parser);

			if (r != 0)
				return r < 0 ? dw_pass(r) : r;
		}
		if (*parser->at == '#')
			parser->at += strcspn(parser->at, "\n");
		parser->error.line += *parser->at == '\n';
		parser->at += *parser->at != '\0';
	}
	return 0;
}

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
	for (uint32_t i = 0; i < story->n_events; i++) {
		struct dw_event *event = &story->events[i];

		event->thread = numbers[event->thread];
		if (dw_other_thread(event))
			event->other = numbers[event->other];
	}
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

static int story_new(struct dw_story **ret)
{
	struct dw_arena *arena;
	int r = dw_arena_new(&arena, MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	*ret = dw_arena_alloc(arena, sizeof(**ret));
	if (!*ret) {
		dw_arena_free(arena);
		return dw_raise(-ENOMEM);
	}
	(*ret)->arena = arena;
	(*ret)->facts.program = "story";
	return 0;
}

int dw_story_parse(struct dw_story **ret, const char *text, struct dw_story_error *ret_error)
{
	dw_auto(story) story = NULL;
	struct parser parser = {.at = text, .error = {.line = 1}};
	int r = story_new(&story);

	if (r < 0)
		return dw_pass(r);
	parser.story = story;
	r = read_statements(&parser);
	if (r == 0)
		r = name_threads(story);
	if (r == 0)
		r = place_sites(story);
	if (r < 0)
		return dw_pass(r);
	if (r > 0) {
		*ret_error = parser.error;
		return 1;
	}
	*ret = dw_take(story);
	return 0;
}

struct dw_story *dw_story_free(struct dw_story *story)
{
	if (!story)
		return NULL;
	tdestroy(story->threads.tree, keep_node);
	tdestroy(story->things.tree, keep_node);
	tdestroy(story->sites.tree, keep_node);
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

const char *dw_story_thing(const struct dw_story *story, uint64_t address)
{
	uint64_t number = (address - ADDRESS_FIRST) / ADDRESS_STEP;

	if (address % ADDRESS_STEP != 0 || number == 0 || number > story->things.n)
		return NULL;
	return story->things.texts[number];
}

const char *dw_story_thread(const struct dw_story *story, uint32_t number)
{
	return number < story->facts.n_threads ? story->thread_words[number] : NULL;
}
