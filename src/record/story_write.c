/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"
#include "record/numbering.h"
#include "record/story.h"
#include "record/story_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

static int written(FILE *out)
{
	return ferror(out) ? dw_raise(errno ? -errno : -EIO) : 0;
}

/* The events' addresses and sites have no words, but equal ones must have equal words. */
struct event_writer {
	FILE *out;
	const struct dw_facts *facts;
	uint32_t *hint_of_site;  /* by number; NULL: there are no hints */
	const char **call_names; /* by number in `calls` */
	struct dw_numbering things, sites, calls;
	uint32_t n_call_names;
	uint64_t now_ns; /* time that was written so far */
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

/* What the calls of the program's own are called. */
static int learn_calls(struct event_writer *writer)
{
	const struct dw_facts *facts = writer->facts;

	writer->call_names = calloc((size_t)facts->n_things + 1, sizeof(*writer->call_names));
	if (!writer->call_names)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < facts->n_things; i++) {
		uint32_t number;

		if (facts->things[i].kind != DW_CALL || !facts->things[i].name)
			continue;
		number = dw_numbering_ensure(&writer->calls, facts->things[i].address);
		if (!number)
			return dw_raise(-ENOMEM);
		writer->call_names[number] = facts->things[i].name;
	}
	writer->n_call_names = writer->calls.n;
	return 0;
}

static int write_thing(struct event_writer *writer, uint64_t address)
{
	uint32_t number = dw_numbering_ensure(&writer->things, address);

	if (!number)
		return dw_raise(-ENOMEM);
	fprintf(writer->out, " L%" PRIu32, number);
	return 0;
}

static int write_call(struct event_writer *writer, uint64_t address)
{
	uint32_t number = 0;

	if (writer->n_call_names) {
		number = dw_numbering_ensure(&writer->calls, address);
		if (!number)
			return dw_raise(-ENOMEM);
	}
	dw_story_write_call(writer->out, address,
			    number && number <= writer->n_call_names ? writer->call_names[number]
								     : NULL);
	return 0;
}

static int write_object(struct event_writer *writer, const struct dw_event *event)
{
	int r = 0;

	if (dw_story_is_of_thread(event->what))
		fprintf(writer->out, " %" PRIu32, dw_thing_number(event->object));
	else if (event->what == DW_CALL)
		r = write_call(writer, event->object);
	else
		r = write_thing(writer, event->object);
	return r < 0 ? dw_pass(r) : 0;
}

/* The kind of the event's thing if nothing is said; 0: it has none. */
static unsigned usual_kind(const struct dw_event *event)
{
	switch ((enum dw_event_kind)event->kind) {
	case DW_INIT:
	case DW_DESTROY:
	case DW_WANT:
	case DW_HOLD:
	case DW_FAIL:
	case DW_DROP:
		return DW_MUTEX;
	case DW_PARK:
	case DW_WAKE:
	case DW_POST:
		return DW_CONDITION;
	case DW_ENTER:
	case DW_LEAVE:
		return DW_CALL;
	case DW_IDLE:
		return event->object ? DW_CONDITION : 0;
	case DW_BORN:
	case DW_JOIN:
	case DW_KICK:
	case DW_EXIT:
		break;
	}
	return 0;
}

bool dw_story_has_number(unsigned thing_kind)
{
	return thing_kind != DW_CALL && !dw_story_is_of_thread(thing_kind);
}

int dw_story_number(struct dw_numbering *numbering, const struct dw_event *event)
{
	bool has_mutex = event->other && (event->kind == DW_PARK || event->kind == DW_WAKE);

	if (usual_kind(event) && dw_story_has_number(event->what) &&
	    !dw_numbering_ensure(numbering, event->object))
		return dw_raise(-ENOMEM);
	if (has_mutex && !dw_numbering_ensure(numbering, event->other))
		return dw_raise(-ENOMEM);
	return 0;
}

/* That of these the thing is waited for goes without saying. */
static bool is_wait(const struct dw_event *event)
{
	return event->kind == DW_PARK || event->kind == DW_WAKE || event->kind == DW_ENTER ||
	       event->kind == DW_LEAVE;
}

static int write_objects(struct event_writer *writer, const struct dw_event *event)
{
	unsigned usual = usual_kind(event);
	int r = 0;

	if (event->kind == DW_BORN || event->kind == DW_JOIN || event->kind == DW_KICK)
		fprintf(writer->out, " %" PRIu64, event->other);
	if (usual)
		r = write_object(writer, event);
	if (r == 0 && event->other && (event->kind == DW_PARK || event->kind == DW_WAKE))
		r = write_thing(writer, event->other);
	if (r < 0)
		return dw_pass(r);
	if (usual)
		dw_story_write_kind(writer->out, event->what, usual);
	dw_story_write_hows(writer->out, event->how & ~(is_wait(event) ? DW_WAITS : 0u));
	if (event->other && event->kind == DW_IDLE)
		fputs(" " DW_STORY_GUEST, writer->out);
	if (event->other && event->kind == DW_ENTER &&
	    !dw_story_call_sleeps(dw_thing_number(event->object)))
		fputs(" " DW_STORY_SLEEPS, writer->out);
	return 0;
}

/* Only of waits it matters how long they took. */
static void write_event_time(struct event_writer *writer, const struct dw_event *event)
{
	if (!is_wait(event) || event->time_ns <= writer->now_ns)
		return;
	dw_story_write_time(writer->out, event->time_ns - writer->now_ns);
	writer->now_ns = event->time_ns;
}

static int write_event(struct event_writer *writer, const struct dw_event *event)
{
	const struct dw_hint *hint = NULL;
	uint32_t site = 0;
	int r = dw_story_number(&writer->things, event);

	if (r < 0)
		return dw_pass(r);
	fprintf(writer->out, "%" PRIu32 " %s", event->thread, dw_story_event_word(event->kind));
	r = write_objects(writer, event);
	if (r < 0)
		return dw_pass(r);
	write_event_time(writer, event);
	if (event->site) {
		site = dw_numbering_ensure(&writer->sites, event->site);
		if (!site)
			return dw_raise(-ENOMEM);
	}
	if (writer->hint_of_site)
		hint = &writer->facts->hints[writer->hint_of_site[site]];
	dw_story_write_site(writer->out, hint, site);
	fputc('\n', writer->out);
	return 0;
}

int dw_story_write(FILE *out, const struct dw_event *events, size_t n_events,
		   const struct dw_facts *facts)
{
	struct event_writer writer = {
	    .out = out, .facts = facts, .now_ns = n_events ? events[0].time_ns : 0};
	int r = facts ? learn_calls(&writer) : 0;

	if (r == 0 && facts && facts->n_hints > 0)
		r = learn_hints(&writer, events, n_events);
	for (size_t i = 0; i < n_events && r == 0; i++)
		r = write_event(&writer, &events[i]);
	dw_numbering_done(&writer.things);
	dw_numbering_done(&writer.sites);
	dw_numbering_done(&writer.calls);
	free(writer.hint_of_site);
	free(writer.call_names);
	if (r == 0)
		r = written(out);
	return r < 0 ? dw_pass(r) : 0;
}
