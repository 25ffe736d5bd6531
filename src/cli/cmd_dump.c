/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "base/error.h"
#include "cli/anonymous.h"
#include "cli/command.h"
#include "record/numbering.h"
#include "record/reader.h"
#include "record/story.h"
#include "render/escape.h"
#include "render/words.h"
#include "symbol/names.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

enum { OPTION_ANONYMIZE = 256 };

const struct dw_option dump_options[] = {
    {"anonymize", OPTION_ANONYMIZE, NULL, "replace names and paths by numbered words"},
    {.name = NULL},
};

/* The same bounds as those of a report: a file made to harm must not take the machine down. */
#define MEMORY_MAX ((size_t)2 << 30)

struct legend {
	const struct dw_facts *facts;
	struct dw_names *names;
	struct dw_arena *arena;
};

/* A name as it may be shown: it could hold the end of a line, or what a terminal obeys. */
static const char *clean(const struct legend *legend, const char *name)
{
	const char *text = dw_escape_terminal(legend->arena, name);

	return text ? text : "?";
}

static void write_threads(const struct legend *legend)
{
	for (uint32_t i = 1; i < legend->facts->n_threads; i++)
		printf("# thread %u: %s\n", i, clean(legend, dw_names_thread(legend->names, i)));
}

static void write_thing(const struct legend *legend, uint32_t thing, uint32_t number)
{
	printf("# L%u: %s\n", number, clean(legend, dw_names_thing(legend->names, thing)));
}

/* A story of events tells addresses apart, not their lives: an address can have several names. */
static int write_things_of_events(const struct legend *legend, const struct dw_event *events,
				  size_t n_events)
{
	const struct dw_facts *facts = legend->facts;
	dw_cleanup(dw_numbering_done) struct dw_numbering numbering = {0};
	uint32_t n_told;

	for (size_t i = 0; i < n_events; i++) {
		int r = dw_story_number(&numbering, &events[i]);

		if (r < 0)
			return dw_pass(r);
	}
	n_told = numbering.n;
	for (uint32_t i = 1; i < facts->n_things; i++) {
		uint32_t number;

		if (!dw_story_has_number(facts->things[i].kind))
			continue;
		number = dw_numbering_ensure(&numbering, facts->things[i].address);
		if (number == 0)
			return dw_raise(-ENOMEM);
		if (number <= n_told)
			write_thing(legend, i, number);
	}
	return 0;
}

static void write_losses(const struct dw_facts *facts)
{
	static const char *const words[DW_LOSS_MAX] = {
#define X(name, value, text, sentence) [name] = sentence,
	    DW_LOSSES(X)
#undef X
	};

	for (unsigned i = 0; i < DW_LOSS_MAX; i++)
		if (facts->losses[i] > 0)
			printf("# incomplete: %s (%" PRIu64 " time%s)\n",
			       words[i] ? words[i] : "another loss", facts->losses[i],
			       dw_words_plural(facts->losses[i]));
	if (facts->truncated)
		puts("# incomplete: the file ends before its recording does");
}

/* What the story itself does not say, as comments: whose it is, and what its words mean. */
static int write_legend(struct dw_arena *arena, const struct dw_facts *facts,
			const struct dw_event *events, size_t n_events)
{
	dw_auto(names) names = NULL;
	struct legend legend = {.facts = facts, .arena = arena};
	int r;

	r = dw_names_new(&names, facts);
	if (r < 0)
		return dw_pass(r);
	legend.names = names;
	printf("# %s, process %u\n", clean(&legend, facts->program), facts->pid);
	write_losses(facts);
	write_threads(&legend);
	if (n_events > 0) {
		r = write_things_of_events(&legend, events, n_events);
		return r < 0 ? dw_pass(r) : 0;
	}
	for (uint32_t i = 1; i < facts->n_things; i++)
		if (dw_story_has_number(facts->things[i].kind))
			write_thing(&legend, i, i);
	return 0;
}

static int dump(const struct dw_reader *reader, const struct dw_facts *facts,
		struct dw_arena *arena)
{
	const struct dw_event *events;
	size_t n_events;
	int r;

	events = dw_reader_events(reader, &n_events);
	r = write_legend(arena, facts, events, n_events);
	if (r < 0)
		return dw_pass(r);
	if (fflush(stdout) != 0)
		return dw_raise(-errno);
	if (n_events > 0)
		r = dw_story_write(stdout, events, n_events, facts);
	else
		r = dw_story_write_facts(stdout, facts);
	return r < 0 ? dw_pass(r) : 0;
}

static int dump_file(const char *path, bool anonymize)
{
	dw_auto(reader) reader = NULL;
	dw_auto(arena) arena = NULL;
	struct dw_facts facts;
	int r;

	r = dw_reader_open(&reader, path, MEMORY_MAX);
	if (r > 0) {
		fprintf(stderr, "deadwatch: '%s': %s\n", path, dw_reader_answer_text(r));
		return DW_EXIT_FAILED;
	}
	if (r == 0)
		r = dw_arena_new(&arena, MEMORY_MAX);
	if (r == 0) {
		facts = *dw_reader_facts(reader);
		if (anonymize)
			r = dw_anonymize(&facts, arena, &facts);
	}
	if (r == 0)
		r = dump(reader, &facts, arena);
	if (r < 0)
		fprintf(stderr, "deadwatch: cannot dump '%s': %s\n", path, strerror(-r));
	return r < 0 ? DW_EXIT_FAILED : DW_EXIT_CLEAN;
}

int cmd_dump(const struct dw_command *self, int argc, char **argv)
{
	bool anonymize = false;
	int id, status;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0)
		anonymize = true;
	if (id == DW_OPTION_STOP)
		return status;
	if (argc - optind != 1)
		return dw_usage(self, "it takes one recording");
	return dump_file(argv[optind], anonymize);
}
