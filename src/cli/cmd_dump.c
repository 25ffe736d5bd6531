/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "base/error.h"
#include "cli/anonymous.h"
#include "cli/command.h"
#include "record/reader.h"
#include "record/story.h"
#include "symbol/names.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

enum { OPTION_ANONYMIZE = 256 };

const struct dw_option dump_options[] = {
    {"anonymize", OPTION_ANONYMIZE, NULL, "replace names and paths by numbered words"},
    {.name = NULL},
};

/* The same bounds as those of a report: a file made to harm must not take the machine down. */
#define MEMORY_MAX ((size_t)2 << 30)

static void write_threads(struct dw_names *names, const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_threads; i++)
		printf("# thread %u: %s\n", i, dw_names_thread(names, i));
}

static void write_things(struct dw_names *names, const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_things; i++)
		printf("# %s %u: %s\n", dw_story_kind_word(facts->things[i].kind), i,
		       dw_names_thing(names, i));
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
			printf("# incomplete: %s (%" PRIu64 " times)\n",
			       words[i] ? words[i] : "another loss", facts->losses[i]);
	if (facts->truncated)
		puts("# incomplete: the file ends before its recording does");
}

/* What the story itself does not say, as comments: whose it is, and what its words mean. */
static int write_legend(const struct dw_facts *facts)
{
	dw_auto(names) names = NULL;
	int r;

	r = dw_names_new(&names, facts);
	if (r < 0)
		return dw_pass(r);
	printf("# %s, process %u\n", facts->program, facts->pid);
	write_losses(facts);
	write_threads(names, facts);
	write_things(names, facts);
	return 0;
}

static int dump(const struct dw_reader *reader, const struct dw_facts *facts)
{
	const struct dw_event *events;
	size_t n_events;
	int r;

	r = write_legend(facts);
	if (r < 0)
		return dw_pass(r);
	events = dw_reader_events(reader, &n_events);
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
		r = dump(reader, &facts);
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
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error to be told */
	return dump_file(argv[optind], anonymize);
}
