/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"
#include "record/numbering.h"
#include "record/story.h"
#include "record/story_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

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

uint32_t *dw_hints_of_stacks(const struct dw_facts *facts)
{
	uint32_t *hints = calloc((size_t)facts->n_stacks + 1, sizeof(*hints));

	for (uint32_t i = 1; hints && i < facts->n_chains; i++) {
		const struct dw_chain *chain = &facts->chains[i];

		if (chain->stack && !hints[chain->stack])
			hints[chain->stack] = chain->hint;
	}
	return hints;
}

static void write_hows(FILE *out, unsigned how)
{
#define X(name, value, text) \
	if (how & name)      \
		fputs(" " text, out);
	DW_HOWS(X)
#undef X
}

/* A mutex is what a thing is if nothing is said. */
static void write_kind(FILE *out, unsigned kind, unsigned usual)
{
	if (kind && kind != usual)
		fprintf(out, " %s", dw_story_kind_word(kind));
}

/*
 * A site is its hint and what tells it from others of that line; or that alone. What a
 * site cannot contain becomes `_`.
 */
static void write_site(FILE *out, const struct dw_hint *hint, uint32_t number)
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

static int written(FILE *out)
{
	return ferror(out) ? dw_raise(-EIO) : 0;
}

/* The events' addresses and sites have no words, but equal ones must have equal words. */
struct event_writer {
	FILE *out;
	const struct dw_facts *facts;
	uint32_t *hint_of_site; /* by number; NULL: there are no hints */
	struct dw_numbering things, sites;
};

/*
 * Only news have a stack, and by it a hint, but a site has one name whether it was news or
 * not: so all sites are numbered first, and what is known of any of their events is theirs.
 */
static int learn_hints(struct event_writer *writer, const struct dw_event *events, size_t n_events)
{
	uint32_t *hint_of_stack = dw_hints_of_stacks(writer->facts);
	int r = hint_of_stack ? 0 : dw_raise(-ENOMEM);

	for (size_t i = 0; i < n_events && r == 0; i++)
		if (events[i].site && !dw_numbering_ensure(&writer->sites, events[i].site))
			r = dw_raise(-ENOMEM);
	writer->hint_of_site = calloc((size_t)writer->sites.n + 1, sizeof(uint32_t));
	if (r == 0 && !writer->hint_of_site)
		r = dw_raise(-ENOMEM);
	for (size_t i = 0; i < n_events && r == 0; i++) {
		uint32_t stack = events[i].stack < writer->facts->n_stacks ? events[i].stack : 0;
		uint32_t site = 0;

		if (events[i].site)
			site = dw_numbering_ensure(&writer->sites, events[i].site);
		if (site && !writer->hint_of_site[site])
			writer->hint_of_site[site] = hint_of_stack[stack];
	}
	free(hint_of_stack);
	return r;
}

static int write_thing(struct event_writer *writer, uint64_t address)
{
	uint32_t number = dw_numbering_ensure(&writer->things, address);

	if (!number)
		return dw_raise(-ENOMEM);
	fprintf(writer->out, " L%" PRIu32, number);
	return 0;
}

/* Return: the kind that the event's thing has if nothing is said, or -ENOMEM. */
static int write_objects(struct event_writer *writer, const struct dw_event *event)
{
	int r;

	if (event->kind == DW_BORN || event->kind == DW_JOIN)
		fprintf(writer->out, " %" PRIu64, event->other);
	if (event->kind == DW_BORN || event->kind == DW_JOIN || event->kind == DW_EXIT)
		return 0;
	r = write_thing(writer, event->object);
	if (r == 0 && (event->kind == DW_PARK || event->kind == DW_WAKE))
		r = write_thing(writer, event->other);
	if (r < 0)
		return dw_pass(r);
	return event->kind >= DW_PARK ? DW_CONDITION : DW_MUTEX;
}

static int write_event(struct event_writer *writer, const struct dw_event *event)
{
	const struct dw_hint *hint = NULL;
	uint32_t site = 0;
	int r;

	fprintf(writer->out, "%" PRIu32 " %s", event->thread, dw_story_event_word(event->kind));
	r = write_objects(writer, event);
	if (r < 0)
		return dw_pass(r);
	if (r > 0)
		write_kind(writer->out, event->what, (unsigned)r);
	write_hows(writer->out, event->how);
	if (event->site) {
		site = dw_numbering_ensure(&writer->sites, event->site);
		if (!site)
			return dw_raise(-ENOMEM);
	}
	if (writer->hint_of_site)
		hint = &writer->facts->hints[writer->hint_of_site[site]];
	write_site(writer->out, hint, site);
	fputc('\n', writer->out);
	return 0;
}

int dw_story_write(FILE *out, const struct dw_event *events, size_t n_events,
		   const struct dw_facts *facts)
{
	struct event_writer writer = {.out = out, .facts = facts};
	int r = 0;

	if (facts && facts->n_hints > 0)
		r = learn_hints(&writer, events, n_events);
	for (size_t i = 0; i < n_events && r == 0; i++)
		r = write_event(&writer, &events[i]);
	dw_numbering_done(&writer.things);
	dw_numbering_done(&writer.sites);
	free(writer.hint_of_site);
	if (r == 0)
		r = written(out);
	return r < 0 ? dw_pass(r) : 0;
}

static void write_hold(FILE *out, const struct dw_facts *facts, const struct dw_chain *chain)
{
	const struct dw_hint *hint = chain->hint ? &facts->hints[chain->hint] : NULL;

	fprintf(out, "%" PRIu32 " hold L%" PRIu32, chain->thread, chain->thing);
	write_kind(out, facts->things[chain->thing].kind, DW_MUTEX);
	write_hows(out, chain->how);
	write_site(out, hint, chain->stack);
}

/* @path has room for the chains below @top. */
static void write_path(FILE *out, const struct dw_facts *facts, uint32_t top, uint32_t *path)
{
	uint32_t n = 0;

	for (uint32_t chain = top; chain; chain = facts->chains[chain].below)
		path[n++] = chain;
	for (uint32_t i = n; i > 0; i--) {
		write_hold(out, facts, &facts->chains[path[i - 1]]);
		fputs("; ", out);
	}
	for (uint32_t i = 0; i < n; i++)
		fprintf(out, "%s%" PRIu32 " drop L%" PRIu32, i ? "; " : "",
			facts->chains[path[i]].thread, facts->chains[path[i]].thing);
	fputc('\n', out);
}

int dw_story_write_facts(FILE *out, const struct dw_facts *facts)
{
	uint8_t *built_on = calloc((size_t)facts->n_chains + 1, 1);
	uint32_t *path = calloc((size_t)facts->n_chains + 1, sizeof(*path));
	int r = built_on && path ? 0 : dw_raise(-ENOMEM);

	for (uint32_t i = 1; r == 0 && i < facts->n_chains; i++)
		built_on[facts->chains[i].below] = 1;
	for (uint32_t i = 1; r == 0 && i < facts->n_chains; i++)
		if (!built_on[i])
			write_path(out, facts, i, path);
	free(built_on);
	free(path);
	if (r == 0)
		r = written(out);
	return r < 0 ? dw_pass(r) : 0;
}
