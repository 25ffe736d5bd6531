/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From text to events. */
#include "base/error.h"
#include "record/rows.h"
#include "record/story_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct dw_story *story;
	const char *at;
	uint64_t time_ns; /* that has passed so far */
	struct dw_story_error error;
};

/* A piece of the story's text. */
struct word {
	const char *text;
	size_t n;
};

/* What a verb is followed by. */
struct grammar {
	uint8_t words_min, words_max;
	uint8_t what;         /* what the first word is, if nothing is said; 0: a thread */
	const char *expected; /* the first word, in words */
};

#define OF_LOCK                           \
	{                                 \
		1, 1, DW_MUTEX, "a thing" \
	}
#define OF_WAIT                                   \
	{                                         \
		1, 2, DW_CONDITION, "a condition" \
	}
#define OF_THREAD                           \
	{                                   \
		1, 1, 0, "the other thread" \
	}
#define OF_CALL                         \
	{                               \
		1, 1, DW_CALL, "a call" \
	}

static const struct grammar grammars[] = {
    [DW_INIT] = OF_LOCK,
    [DW_DESTROY] = OF_LOCK,
    [DW_WANT] = OF_LOCK,
    [DW_HOLD] = OF_LOCK,
    [DW_FAIL] = OF_LOCK,
    [DW_DROP] = OF_LOCK,
    [DW_PARK] = OF_WAIT,
    [DW_WAKE] = OF_WAIT,
    [DW_POST] = {1, 1, DW_CONDITION, "a condition"},
    [DW_BORN] = OF_THREAD,
    [DW_JOIN] = OF_THREAD,
    [DW_EXIT] = {0},
    [DW_ENTER] = OF_CALL,
    [DW_LEAVE] = OF_CALL,
    [DW_KICK] = OF_THREAD,
    [DW_IDLE] = {0, 1, DW_CONDITION, NULL},
};

static int expected(struct parser *parser, const char *what)
{
	parser->error.expected = what;
	return 1;
}

static uint32_t ensure_word(struct dw_story *story, struct dw_words *words, const struct word *word)
{
	return dw_words_ensure(words, story->arena, word->text, word->n);
}

bool dw_story_word_char(char c)
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

static int read_verb(struct parser *parser, struct dw_event *event)
{
	struct word word = next(parser, dw_story_word_char);

#define X(name, value, text) \
	if (is(&word, text)) \
		event->kind = name;
	DW_EVENT_KINDS(X)
#undef X
	return event->kind ? 0 : expected(parser, "a verb");
}

/* How a thing is taken, what it is, and what else is said of an event: a bit, or a number. */
static bool read_how(const struct word *word, struct dw_event *event)
{
#define X(name, value, text)        \
	if (is(word, text)) {       \
		event->how |= name; \
		return true;        \
	}
	DW_HOWS(X)
#undef X
	return false;
}

static bool read_what(const struct word *word, struct dw_event *event)
{
#define X(name, value, text)        \
	if (is(word, text)) {       \
		event->what = name; \
		return true;        \
	}
	DW_THING_KINDS(X)
#undef X
	return false;
}

static bool read_flag(const struct word *word, struct dw_event *event)
{
	if ((event->kind == DW_ENTER && is(word, DW_STORY_SLEEPS)) ||
	    (event->kind == DW_IDLE && is(word, DW_STORY_GUEST))) {
		event->other = 1;
		return true;
	}
	return false;
}

static bool read_attribute_word(const struct word *word, struct dw_event *event)
{
	return read_how(word, event) || read_what(word, event) || read_flag(word, event);
}

/* The words that come first; of those that need not be there, none is an attribute. */
static int read_objects(struct parser *parser, struct dw_event *event, struct word words[2])
{
	const struct grammar *grammar = &grammars[event->kind];
	uint32_t n = 0;

	while (n < grammar->words_max) {
		const char *at = parser->at;
		struct dw_event unused = {.kind = event->kind};
		struct word word = next(parser, dw_story_word_char);

		if (word.n == 0 ||
		    (n >= grammar->words_min && read_attribute_word(&word, &unused))) {
			parser->at = at;
			break;
		}
		words[n++] = word;
	}
	if (n > 0)
		event->what = grammar->what;
	return n >= grammar->words_min ? 0 : expected(parser, grammar->expected);
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

/* How much time has passed since the statement before. */
static int read_time(struct parser *parser)
{
	char *end;
	uint64_t n = 0;
	struct word unit;

	parser->at++;
	if (*parser->at >= '0' && *parser->at <= '9') {
		n = strtoull(parser->at, &end, 10);
		parser->at = end;
	}
	unit = next(parser, dw_story_word_char);
#define X(text, ns)                          \
	if (is(&unit, text)) {               \
		parser->time_ns += n * (ns); \
		return 0;                    \
	}
	DW_STORY_UNITS(X)
#undef X
	return expected(parser, "a time behind the +, such as 20ms");
}

static int read_attribute(struct parser *parser, struct dw_event *event)
{
	struct word word = next(parser, dw_story_word_char);

	if (word.n == 0 && *parser->at == '@')
		return read_site(parser, event);
	if (word.n == 0 && *parser->at == '+')
		return read_time(parser);
	if (read_attribute_word(&word, event))
		return 0;
	return expected(parser,
			"how it is taken, a kind of thing, @site, +time, or the statement's end");
}

static int thing_of(struct dw_story *story, const struct word *word, uint64_t *ret)
{
	uint32_t number = ensure_word(story, &story->things, word);

	if (!number)
		return dw_raise(-ENOMEM);
	*ret = ADDRESS_FIRST + (uint64_t)number * ADDRESS_STEP;
	return 0;
}

static int call_of(struct dw_story *story, const struct word *word, uint64_t *ret)
{
	uint32_t number = 0;

#define X(value, text)      \
	if (is(word, text)) \
		number = value;
	DW_CALLS(X)
#undef X
	if (!number) {
		number = ensure_word(story, &story->calls, word);
		if (!number)
			return dw_raise(-ENOMEM);
		number += DW_CALL_NAMED - 1;
	}
	*ret = dw_thing_address(DW_CALL, number);
	return 0;
}

/* For now as the number of the thread's word; see number_events(). */
static int thread_of(struct dw_story *story, const struct word *word, uint32_t *ret)
{
	*ret = ensure_word(story, &story->threads, word);
	return *ret ? 0 : dw_raise(-ENOMEM);
}

/* What the words mean depends on the kind of thing, which is said behind them. */
static int resolve_object(struct dw_story *story, struct dw_event *event, const struct word *word)
{
	uint32_t thread = 0;
	int r;

	if (event->what == DW_CALL) {
		r = call_of(story, word, &event->object);
		if (event->kind == DW_ENTER)
			event->other |= dw_story_call_sleeps(dw_thing_number(event->object));
		return r < 0 ? dw_pass(r) : 0;
	}
	if (event->what != DW_ENDING && event->what != DW_ANSWER) {
		r = thing_of(story, word, &event->object);
		return r < 0 ? dw_pass(r) : 0;
	}
	r = thread_of(story, word, &thread);
	event->object = dw_thing_address(event->what, thread);
	return r < 0 ? dw_pass(r) : 0;
}

static int resolve(struct dw_story *story, struct dw_event *event, const struct word words[2])
{
	uint32_t thread = 0;
	int r = 0;

	if (words[0].n > 0 && grammars[event->kind].what == 0) {
		r = thread_of(story, &words[0], &thread);
		event->other = thread;
	} else if (words[0].n > 0) {
		r = resolve_object(story, event, &words[0]);
	}
	if (r == 0 && words[1].n > 0)
		r = thing_of(story, &words[1], &event->other);
	return r < 0 ? dw_pass(r) : 0;
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
	struct word actor = next(parser, dw_story_word_char), words[2] = {0};
	struct dw_event event = {0};
	int r = 0;

	if (actor.n == 0)
		return expected(parser, "a thread");
	r = thread_of(parser->story, &actor, &event.thread);
	if (r == 0)
		r = read_verb(parser, &event);
	if (r == 0)
		r = read_objects(parser, &event, words);
	while (r == 0 && !at_statement_end(parser))
		r = read_attribute(parser, &event);
	event.time_ns = parser->time_ns;
	if (r == 0)
		r = resolve(parser->story, &event, words);
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

int dw_story_read(struct dw_story *story, const char *text, struct dw_story_error *ret_error)
{
	struct parser parser = {.story = story, .at = text, .error = {.line = 1}};
	int r = read_statements(&parser);

	if (r > 0)
		*ret_error = parser.error;
	return r < 0 ? dw_pass(r) : r;
}
