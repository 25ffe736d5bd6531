/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "cli/collection.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "render/chain.h"
#include "render/words.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Room for a chain in words. */
#define TEXT_MAX ((size_t)1 << 20)

/* What is enough to tell findings apart when people copy it. */
#define FINGERPRINT_MIN 4

enum { OPTION_SEED = 256, OPTION_DELAY, OPTION_LIMIT };

const struct dw_option confirm_options[] = {
    {"runs", 'n', "N", "run the program so often at most; without it, 20"},
    {"seed", OPTION_SEED, "N", "keep threads in another way; without it, 1"},
    {"delay", OPTION_DELAY, "MS", "keep a thread for so long at most; without it, 200"},
    {"time-limit", OPTION_LIMIT, "SECONDS", "end a run that takes longer; without it, 60"},
    {.name = NULL},
};

/* A number's option, and what it may be. */
struct setting {
	const char *name;
	int id;
	unsigned long value, min, max;
};

/* In the order of use below. */
enum { RUNS, SEED, DELAY, LIMIT, N_SETTINGS };

/* Sets the one of option @id. Return: 0, or DW_EXIT_USAGE, and it was said why. */
static int set(const struct dw_command *self, struct setting *settings, int id, const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);
	struct setting *setting = settings;

	while (setting->id != id)
		setting++;
	if (!dw_word_is_number(text) || value < setting->min || value > setting->max)
		return dw_usage(self, "--%s cannot be '%s': it is a number from %lu to %lu",
				setting->name, text, setting->min, setting->max);
	setting->value = value;
	return 0;
}

/* The finding that is meant. */
struct chosen {
	const struct dw_reported_process *process;
	const struct dw_finding *finding;
	const char *fingerprint;
	bool ambiguous;
};

static struct chosen choose(const struct dw_report *report, const char *fingerprint)
{
	struct chosen chosen = {0};

	for (size_t p = 0; p < report->n_processes; p++) {
		const struct dw_reported_process *process = &report->processes[p];

		for (size_t i = 0; i < process->n_findings; i++) {
			const struct dw_reported *reported = &process->findings[i];

			if (strncasecmp(reported->fingerprint, fingerprint, strlen(fingerprint)))
				continue;
			if (chosen.finding && strcmp(chosen.fingerprint, reported->fingerprint))
				chosen.ambiguous = true;
			if (!chosen.finding)
				chosen = (struct chosen){process, reported->finding,
							 reported->fingerprint, false};
		}
	}
	return chosen;
}

/* Return: 0, or the exit code, and it was said why. */
static int check(const struct dw_command *self, const struct chosen *chosen, const char *path,
		 const char *fingerprint)
{
	if (!chosen->finding)
		return dw_usage(self,
				"'%s' has no finding '%s'; 'deadwatch report --all' lists them",
				path, fingerprint);
	if (chosen->ambiguous)
		return dw_usage(self, "more than one finding begins with '%s'", fingerprint);
	if (chosen->finding->verdict != DW_POTENTIAL)
		return dw_usage(self, "finding %s is no potential: there is nothing to confirm",
				chosen->fingerprint);
	if (chosen->finding->n_legs > DW_CONFIRM_LEGS_MAX)
		return dw_usage(self, "finding %s has more than %d legs", chosen->fingerprint,
				DW_CONFIRM_LEGS_MAX);
	return 0;
}

static void say_chain(const struct chosen *chosen)
{
	dw_auto(arena) arena = NULL;
	const char **words = NULL;
	size_t n = 0;

	if (dw_arena_new(&arena, TEXT_MAX) == 0)
		words = dw_chain_words(chosen->process, chosen->finding, arena, &n);
	for (size_t i = 0; words && i < n; i++)
		fprintf(stderr, "%s%s", i ? " -> " : "", words[i]);
	fputc('\n', stderr);
}

/* That nobody was in a leg says more about the runs than about the cycle. */
static void say_unreached(const struct chosen *chosen, const struct dw_leg_spots *spots)
{
	const char *given = dw_chain_given(chosen->process, chosen->finding, spots->leg);
	const char *needed = dw_chain_needed(chosen->process, chosen->finding, spots->leg);

	if (spots->signal)
		fprintf(stderr,
			"deadwatch: in no run was %s taken both in the handler of %s and outside",
			given ? given : "?", dw_words_signal(spots->signal));
	else
		fprintf(stderr, "deadwatch: in no run did a thread go from %s to %s",
			given ? given : "?", needed ? needed : "?");
	fputs(": is it the same build, and does it do the same?\n", stderr);
}

static int conclude(const struct dw_confirm *confirm, unsigned runs, const struct chosen *chosen)
{
	int status = DW_EXIT_CLEAN;

	fprintf(stderr, "deadwatch: not reached in %u run%s: ", runs, dw_words_plural(runs));
	say_chain(chosen);
	for (uint32_t i = 0; i < confirm->n_legs; i++) {
		if (confirm->reached[i])
			continue;
		say_unreached(chosen, &confirm->legs[i]);
		status = DW_EXIT_BLIND;
	}
	return status;
}

static int run_all(struct dw_confirm *confirm, unsigned runs, const struct chosen *chosen)
{
	int status;

	for (unsigned run = 1; run <= runs; run++) {
		int r;

		if (isatty(STDERR_FILENO))
			fprintf(stderr, "deadwatch: run %u of %u\n", run, runs);
		r = dw_confirm_run(confirm, run, &status);
		if (r < 0)
			return dw_tracing_fail("run the program", r);
		if (r == DW_CONFIRM_STOPPED)
			return status;
		if (r == DW_CONFIRM_OTHER)
			fprintf(stderr, "deadwatch: run %u ended in another deadlock\n", run);
		if (r != DW_CONFIRM_CLOSED)
			continue;
		fprintf(stderr, "deadwatch: confirmed in run %u of %u: ", run, runs);
		say_chain(chosen);
		return DW_EXIT_FINDINGS;
	}
	return conclude(confirm, runs, chosen);
}

static int confirm_finding(const struct dw_command *self, struct dw_collection *collection,
			   char **argv, const struct setting *settings)
{
	dw_cleanup(dw_tracing_done) struct dw_tracing tracing = {0};
	struct dw_confirm confirm = {
	    .tracing = &tracing,
	    .argv = argv + 2,
	    .seed = settings[SEED].value,
	    .delay_ms = (unsigned)settings[DELAY].value,
	    .limit_s = (unsigned)settings[LIMIT].value,
	};
	struct dw_report report;
	struct chosen chosen;
	int r = dw_collection_finish(collection, &report);

	if (r < 0)
		return dw_tracing_fail("read findings", r);
	chosen = choose(&report, argv[1]);
	if (!chosen.finding && dw_collection_n_bad(collection) > 0)
		return DW_EXIT_FAILED; /* it was said why */
	r = check(self, &chosen, argv[0], argv[1]);
	if (r == 0)
		r = dw_tracing_init(&tracing, argv[2]);
	if (r != 0)
		return r;
	confirm.n_legs = dw_spots_of_finding(chosen.process->facts, chosen.finding, confirm.legs);
	return run_all(&confirm, (unsigned)settings[RUNS].value, &chosen);
}

/* Return: 0, or the exit code, and it was said what is missing. */
static int check_words(const struct dw_command *self, char **argv)
{
	if (!argv[0])
		return dw_usage(self, "a recording is missing");
	if (!argv[1] || !strcmp(argv[1], "--"))
		return dw_usage(self, "a finding's fingerprint is missing");
	if (!argv[2])
		return dw_usage(self, "the program to run is missing");
	if (strlen(argv[1]) < FINGERPRINT_MIN)
		return dw_usage(
		    self, "'%s' is too short for a fingerprint: give %d characters of it at least",
		    argv[1], FINGERPRINT_MIN);
	return 0;
}

int cmd_confirm(const struct dw_command *self, int argc, char **argv)
{
	struct setting settings[] = {
	    [RUNS] = {"runs", 'n', 20, 1, 100000},
	    [SEED] = {"seed", OPTION_SEED, 1, 0, ULONG_MAX - 1},
	    [DELAY] = {"delay", OPTION_DELAY, 200, 1, 10000},
	    [LIMIT] = {"time-limit", OPTION_LIMIT, 60, 1, 86400},
	};
	dw_auto(collection) collection = NULL;
	int id, status, r;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		status = set(self, settings, id, optarg);
		if (status != 0)
			return status;
	}
	if (id == DW_OPTION_STOP)
		return status;
	argv += optind;
	if (argc - optind > 2 && !strcmp(argv[2], "--"))
		memmove(&argv[2], &argv[3], (size_t)(argc - optind - 2) * sizeof(*argv));
	status = check_words(self, argv);
	if (status != 0)
		return status;
	r = dw_collection_new(&collection, /* profile= */ NULL);
	if (r == 0)
		r = dw_collection_add(collection, argv[0]);
	if (r < 0)
		return dw_tracing_fail("read findings", r);
	return r > 0 ? DW_EXIT_USAGE : confirm_finding(self, collection, argv, settings);
}
