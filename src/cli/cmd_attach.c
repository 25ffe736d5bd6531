/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attend.h"
#include "cli/chosen.h"
#include "cli/collection.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/profiles.h"
#include "cli/target.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_ORDER = 256, OPTION_ONLY, OPTION_DURATION, OPTION_COMM, OPTION_FOLLOW };

const struct dw_option attach_options[] = {
    {"output", 'o', "PATH", "keep the recording here, more processes at PATH.PID"},
    {"order", OPTION_ORDER, NULL, "see every lock that is taken, not only if waited for"},
    {"only", OPTION_ONLY, "NAME,...", "of --order: see but these locks, functions or calls"},
    {"duration", OPTION_DURATION, "SECONDS", "detach by itself after so long"},
    {"comm", OPTION_COMM, "NAME", "attach to the processes that are called so"},
    {"follow", OPTION_FOLLOW, NULL, "attach to the processes that they make, too"},
    {"format", 'f', "text|json", "what the report looks like"},
    {"all", 'a', NULL, "report what has an excuse, too"},
    {"profile", 'p', "FILE", "what else is known about the program"},
    {"contention", 'c', NULL, "show how long locks were waited for, and where"},
    {.name = NULL},
};

/* Less would be no time at all, more is longer than any machine runs. */
#define DURATION_S_MIN 1e-3
#define DURATION_S_MAX 1e9

/* Bytes of names; there are some 70 functions, and that would be all. */
#define ONLY_MAX 4096

struct attach_options {
	struct dw_attend attend;
	const char *output;
	const char *profile;
	char only[ONLY_MAX]; /* with commas in between; empty: all */
	const struct dw_renderer *renderer;
	struct dw_render_options render;
};

/* Return: whether @text is a number of seconds, with *@ret_ns set. */
static bool read_seconds(const char *text, uint64_t *ret_ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= DURATION_S_MIN && seconds <= DURATION_S_MAX))
		return false;
	*ret_ns = (uint64_t)(seconds * 1e9);
	return true;
}

/* What --only says again is added. */
static int add_only(const struct dw_command *self, struct attach_options *options)
{
	size_t n = strlen(options->only);

	if (n + 1 + strlen(optarg) >= ONLY_MAX)
		return dw_usage(self, "--only has more than %d letters", ONLY_MAX);
	snprintf(options->only + n, ONLY_MAX - n, "%s%s", n ? "," : "", optarg);
	return 0;
}

/* Return: 0, or DW_EXIT_USAGE, and it was said why. */
static int read_option(const struct dw_command *self, int id, struct attach_options *options)
{
	switch (id) {
	case 'o':
		options->output = optarg;
		return 0;
	case 'p':
		options->profile = optarg;
		return 0;
	case 'a':
		options->render.all = true;
		return 0;
	case 'c':
		options->render.contention = true;
		return 0;
	case 'f':
		options->renderer = dw_renderer_find(optarg);
		return options->renderer ? 0 : dw_usage(self, "there is no format '%s'", optarg);
	case OPTION_ORDER:
		options->attend.collects.every_taking = true;
		return 0;
	case OPTION_FOLLOW:
		options->attend.collects.follows = true;
		return 0;
	case OPTION_ONLY:
		return add_only(self, options);
	case OPTION_COMM:
		options->attend.comm = optarg;
		return 0;
	default:
		if (read_seconds(optarg, &options->attend.duration_ns))
			return 0;
		return dw_usage(self, "--duration cannot be '%s': it is from %g to %g seconds",
				optarg, DURATION_S_MIN, DURATION_S_MAX);
	}
}

/* Return: 0, or DW_EXIT_USAGE, and it was said why. */
static int read_pids(const struct dw_command *self, char **words, struct attach_options *options)
{
	for (; *words; words++) {
		pid_t pid;

		if (!dw_word_is_pid(*words, &pid))
			return dw_usage(self, "'%s' is no number of a process", *words);
		if (dw_attend_add(&options->attend, pid) != 0)
			return dw_usage(self, "more than %d processes", DW_COLLECTOR_MAX);
	}
	if (options->attend.n_pids == 0 && !options->attend.comm)
		return dw_usage(self, "the number of the process is missing");
	if (*options->only && !options->attend.collects.every_taking)
		return dw_usage(self, "--only narrows --order, and needs it");
	return 0;
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "deadwatch: cannot %s: %s\n", what, strerror(-r));
	return DW_EXIT_FAILED;
}

static int report(struct dw_target *target, const struct attach_options *options)
{
	dw_auto(collection) collection = NULL;
	int r = dw_collection_new(&collection, options->profile);

	if (r > 0)
		return DW_EXIT_USAGE;
	if (r == 0)
		r = dw_target_collect(target);
	for (size_t i = 0; r == 0 && dw_target_recording(target, i); i++)
		r = dw_collection_add(collection, dw_target_recording(target, i));
	if (r == 0)
		r = dw_collection_write(collection, stdout, options->renderer, &options->render);
	/* As one whom the signal ends, only that the recording goes away first. */
	if (r == -EPIPE)
		return DW_EXIT_SIGNAL + SIGPIPE;
	return r < 0 ? fail("report", r) : dw_collection_exit(collection);
}

/* Attends with all calls of the profiles. */
static int attend_all(struct attach_options *options, const struct dw_profiles *profiles)
{
	struct dw_collector_options *collects = &options->attend.collects;
	struct dw_collector_call *calls;
	int status, r = dw_profiles_all_calls(profiles, &calls, &collects->n_calls);

	if (r < 0)
		return fail("attach", r);
	collects->calls = calls;
	status = dw_attend(&options->attend);
	free(calls);
	return status;
}

/* Attends with what the user has chosen. */
static int attend_only(const struct dw_command *self, struct attach_options *options,
		       const struct dw_profiles *profiles)
{
	struct dw_collector_options *collects = &options->attend.collects;
	dw_auto(chosen) chosen = NULL;
	int r = dw_chosen_new(&chosen, self, options->only, profiles);

	if (r != 0)
		return r > 0 ? r : fail("attach", r);
	collects->only = dw_chosen_only(chosen);
	collects->calls = dw_chosen_calls(chosen, &collects->n_calls);
	return dw_attend(&options->attend);
}

/* The profiles have to be there all the time. */
static int attend(const struct dw_command *self, struct attach_options *options)
{
	dw_auto(profiles) profiles = NULL;
	char path[PATH_MAX];
	bool own = !options->profile && dw_environment_option("profile", path, sizeof(path));
	int r = dw_profiles_new(&profiles, own ? path : options->profile);

	if (r != 0)
		return r > 0 ? DW_EXIT_USAGE : fail("attach", r);
	return *options->only ? attend_only(self, options, profiles)
			      : attend_all(options, profiles);
}

int cmd_attach(const struct dw_command *self, int argc, char **argv)
{
	struct attach_options options = {.renderer = &dw_render_text};
	dw_auto(target) target = NULL;
	int id, status, r;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		status = read_option(self, id, &options);
		if (status != 0)
			return status;
	}
	if (id == DW_OPTION_STOP)
		return status;
	status = read_pids(self, argv + optind, &options);
	if (status != 0)
		return status;
	if (dw_environment_check() != 0)
		return DW_EXIT_USAGE;
	r = dw_target_new(&target, options.output);
	if (r != 0)
		return r == DW_TARGET_WRONG ? DW_EXIT_USAGE
		       : r > 0              ? DW_EXIT_FAILED
					    : fail("record", r);
	signal(SIGPIPE, SIG_IGN);
	options.attend.path = dw_target_path(target);
	status = attend(self, &options);
	if (status == 0)
		return report(target, &options);
	dw_target_collect(target); /* what was begun goes away with it */
	return status;
}
