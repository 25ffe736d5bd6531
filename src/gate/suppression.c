/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/suppression.h"

#include "analysis/array.h"
#include "analysis/leg.h"
#include "base/arena.h"
#include "gate/lines.h"
#include "symbol/names.h"

#include <stdlib.h>

#define MEMORY_MAX ((size_t)64 << 20)

#define BIT(verdict) (1U << (verdict))

static const struct {
	const char *word;
	unsigned kinds;
} kinds[] = {
    {"deadlock", BIT(DW_DEADLOCK) | BIT(DW_POTENTIAL)},
    {"potential", BIT(DW_POTENTIAL)},
    {"stall", BIT(DW_STALL)},
    {"misuse", BIT(DW_MISUSE)},
    {"hazard", BIT(DW_HAZARD)},
    {"undeclared", BIT(DW_UNDECLARED)},
    /* ThreadSanitizer's: one file may serve both. */
    {"race", 0},
    {"race_top", 0},
    {"thread", 0},
    {"mutex", 0},
    {"signal", 0},
    {"called_from_lib", 0},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct dw_suppressions {
	struct dw_arena *arena;
	struct dw_suppression *entries;
	uint32_t n, room;
};

int dw_suppressions_new(struct dw_suppressions **ret)
{
	dw_auto(suppressions) suppressions = calloc(1, sizeof(*suppressions));
	int r;

	if (!suppressions)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&suppressions->arena, MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(suppressions);
	return 0;
}

struct dw_suppressions *dw_suppressions_free(struct dw_suppressions *suppressions)
{
	if (suppressions)
		dw_arena_free(suppressions->arena);
	free(suppressions);
	return NULL;
}

const struct dw_suppression *dw_suppressions_entries(const struct dw_suppressions *suppressions,
						     size_t *ret_n)
{
	*ret_n = suppressions->n;
	return suppressions->entries;
}

/* `*` takes as little as it can, and more where what follows does not fit: no recursion. */
static bool matches_from(const char *pattern, const char *end, const char *name, bool to_end)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (pattern == end && (!to_end || !*name)) {
			return true;
		} else if (pattern < end && *name && *pattern == *name) {
			pattern++;
			name++;
		} else if (star && *retry) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
}

bool dw_suppression_matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);
	bool from_begin = n && pattern[0] == '^';
	bool to_end = n > from_begin && pattern[n - 1] == '$';
	const char *first = pattern + from_begin, *end = pattern + n - to_end;

	do {
		if (matches_from(first, end, name, to_end))
			return true;
	} while (!from_begin && *name++);
	return false;
}

static int add(struct dw_suppressions *suppressions, const char *path, struct dw_line line,
	       size_t colon, unsigned bits)
{
	struct dw_suppression entry = {.kinds = bits, .path = path, .line = line.number};
	int r = dw_array_room(suppressions->arena, (void **)&suppressions->entries, suppressions->n,
			      &suppressions->room, sizeof(entry));

	if (r < 0)
		return dw_pass(r);
	entry.text = dw_arena_text(suppressions->arena, line.text, line.n);
	if (!entry.text)
		return dw_raise(-ENOMEM);
	entry.pattern = entry.text + colon + 1;
	suppressions->entries[suppressions->n++] = entry;
	return 0;
}

static int parse_line(struct dw_suppressions *suppressions, const char *path, struct dw_line line,
		      struct dw_wrong *wrong)
{
	const char *colon = memchr(line.text, ':', line.n);
	struct dw_line word = {line.text, colon ? (size_t)(colon - line.text) : 0, line.number};

	if (!colon)
		return dw_wrong(wrong, line.number, "it is no KIND:PATTERN");
	for (size_t i = 0; i < N_KINDS; i++) {
		if (!dw_line_is(&word, kinds[i].word))
			continue;
		if (word.n + 1 == line.n)
			return dw_wrong(wrong, line.number, "the pattern is empty");
		return kinds[i].kinds ? add(suppressions, path, line, word.n, kinds[i].kinds) : 0;
	}
	return dw_wrong(wrong, line.number,
			"'%.*s' is none of deadlock, potential, stall, misuse, hazard, undeclared",
			(int)word.n, word.text);
}

int dw_suppressions_parse(struct dw_suppressions *suppressions, const char *path, const char *text,
			  size_t size, struct dw_wrong *ret_wrong)
{
	struct dw_lines lines = {text, size, 0};
	struct dw_line line;
	int r = dw_lines_check(text, size, ret_wrong);

	while (r == 0 && dw_lines_next(&lines, &line))
		if (!dw_line_is_empty(&line))
			r = parse_line(suppressions, path, line, ret_wrong);
	return r < 0 ? dw_pass(r) : r;
}

/* What is being looked for, and where. */
struct search {
	const char *pattern;
	const struct dw_facts *facts;
	struct dw_names *names;
};

static bool is_in_name(const struct search *s, const char *name)
{
	return name && dw_suppression_matches(s->pattern, name);
}

static bool is_in_stack(const struct search *s, uint32_t stack, uint32_t hint)
{
	const struct dw_named_stack *named = dw_names_stack(s->names, stack, hint);

	for (uint32_t i = 0; i < named->n_frames; i++) {
		const struct dw_frame *frame = &named->frames[i];

		if (is_in_name(s, frame->function) || is_in_name(s, frame->file) ||
		    is_in_name(s, frame->module))
			return true;
	}
	return false;
}

static bool is_in_chain(const struct search *s, uint32_t number)
{
	const struct dw_chain *chain = &s->facts->chains[number];

	return number && (is_in_name(s, dw_names_taken(s->names, number)) ||
			  is_in_stack(s, chain->stack, chain->hint));
}

static bool is_in_thing(const struct search *s, uint32_t thing)
{
	return thing && is_in_name(s, dw_names_thing(s->names, thing));
}

static bool is_in_leg(const struct search *s, const struct dw_finding *finding, uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];
	const struct dw_post *post = &s->facts->posts[leg->post];

	return is_in_chain(s, leg->holds) || is_in_chain(s, leg->needs) ||
	       (leg->post && is_in_stack(s, post->stack, post->hint)) ||
	       is_in_stack(s, leg->stack, /* hint= */ 0) ||
	       is_in_thing(s, dw_leg_given(s->facts, finding, number)) ||
	       is_in_thing(s, dw_leg_needed(s->facts, finding, number));
}

static bool is_in_finding(const struct search *s, const struct dw_finding *finding)
{
	const struct dw_misuse *misuse = &s->facts->misuses[finding->misuse];

	if (finding->misuse)
		return is_in_thing(s, misuse->thing) ||
		       is_in_stack(s, misuse->stack, misuse->hint) || is_in_chain(s, misuse->chain);
	for (uint32_t i = 0; i < finding->n_legs; i++)
		if (is_in_leg(s, finding, i))
			return true;
	return false;
}

struct dw_suppression *dw_suppressions_find(struct dw_suppressions *suppressions,
					    const struct dw_finding *finding,
					    const struct dw_facts *facts, struct dw_names *names)
{
	for (uint32_t i = 0; i < suppressions->n; i++) {
		struct dw_suppression *entry = &suppressions->entries[i];
		const struct search s = {entry->pattern, facts, names};

		if ((entry->kinds & BIT(finding->verdict)) && is_in_finding(&s, finding))
			return entry;
	}
	return NULL;
}

bool dw_suppression_is_broad(const struct dw_suppression *suppression)
{
	return suppression->pattern[strspn(suppression->pattern, "*^$")] == '\0' ||
	       suppression->n_different > DW_SUPPRESSION_BROAD_MIN;
}
