/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of stories, and how the pieces of a statement are written. */
#include "record/story_parts.h"

#include <inttypes.h>
#include <string.h>

#define WORD(name, value, text, ...) \
	case name:                   \
		return text;

const char *dw_story_event_word(unsigned kind)
{
	switch (kind) {
		DW_EVENT_KINDS(WORD)
	}
	return "?";
}

const char *dw_story_kind_word(unsigned thing_kind)
{
	switch (thing_kind) {
		DW_THING_KINDS(WORD)
	}
	return "?";
}

const char *dw_story_misuse_word(unsigned misuse)
{
	switch (misuse) {
		DW_MISUSES(WORD)
	}
	return "?";
}

#define CALL_WORD(value, text) \
	case value:            \
		return text;

const char *dw_story_call_word(uint32_t number)
{
	switch (number) {
		DW_CALLS(CALL_WORD)
	}
	return NULL;
}

bool dw_story_call_sleeps(uint32_t number)
{
	static const char *const sleeping[] = {"nanosleep", "clock_nanosleep", "usleep", "sleep"};
	const char *word = dw_story_call_word(number);

	for (size_t i = 0; word && i < sizeof(sleeping) / sizeof(*sleeping); i++)
		if (strcmp(word, sleeping[i]) == 0)
			return true;
	return false;
}

void dw_story_write_hows(FILE *out, unsigned how)
{
#define X(name, value, text) \
	if (how & name)      \
		fputs(" " text, out);
	DW_HOWS(X)
#undef X
}

/* A mutex is what a thing is if nothing is said. */
void dw_story_write_kind(FILE *out, unsigned kind, unsigned usual)
{
	if (kind && kind != usual)
		fprintf(out, " %s", dw_story_kind_word(kind));
}

void dw_story_write_site(FILE *out, const struct dw_hint *hint, uint32_t number)
{
	if (!hint || !hint->file || !hint->file[0]) {
		if (number)
			fprintf(out, " @s%" PRIu32, number);
		return;
	}
	fputs(" @", out);
	for (const char *c = hint->file; *c; c++)
		fputc((unsigned char)*c <= ' ' || *c == ';' || *c == '#' || *c == 0x7f ? '_' : *c,
		      out);
	if (hint->line)
		fprintf(out, ":%" PRIu32, hint->line);
	fprintf(out, "+%" PRIu32, number);
}

void dw_story_write_time(FILE *out, uint64_t ns)
{
#define X(text, unit)                                         \
	if (ns && ns % (unit) == 0) {                         \
		fprintf(out, " +%" PRIu64 text, ns / (unit)); \
		return;                                       \
	}
	DW_STORY_UNITS(X)
#undef X
}

static uint32_t number_of_word(const char *word)
{
#define X(value, text)               \
	if (strcmp(word, text) == 0) \
		return value;
	DW_CALLS(X)
#undef X
	return 0;
}

/* Whether @name, if a story says it, is that of a call of the program's own. */
static bool can_be_said(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!dw_story_word_char(*c))
			return false;
	return name[0] && !number_of_word(name);
}

void dw_story_write_call(FILE *out, uint64_t address, const char *name)
{
	uint32_t number = dw_thing_number(address);

	if (dw_story_call_word(number))
		fprintf(out, " %s", dw_story_call_word(number));
	else if (name && can_be_said(name))
		fprintf(out, " %s", name);
	else
		fprintf(out, " call%" PRIu32, number);
}
