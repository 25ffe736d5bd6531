/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attend.h"
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

enum { OPTION_ORDER = 256, OPTION_DURATION, OPTION_COMM };

const struct dw_option attach_options[] = {
    {"output", 'o', "PATH", "keep the recording here, more processes at PATH.PID"},
    {"order", OPTION_ORDER, NULL, "see every lock that is taken, not only if waited for"},
    {"duration", OPTION_DURATION, "SECONDS", "detach by itself after so long"},
    {"comm", OPTION_COMM, "NAME", "attach to the processes that are called so"},
    {"format", 'f', "text|json", "what the report looks like"},
    {"all", 'a', NULL, "report what has an excuse, too"},
    {"profile", 'p', "FILE", "what else is known about the program"},
    {"contention", 'c', NULL, "show how long locks were waited for, and where"},
    {.name = NULL},
};

struct attach_options {
	struct dw_attend attend;
	const char *output;
	const char *profile;
	const struct dw_renderer *renderer;
	struct dw_render_options render;
};

/* Return: whether @text is a number of seconds, with *@ret_ns set. */
static bool read_seconds(const char *text, uint64_t *ret_ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds > 0) || seconds > 1e9)
		return false;
	*ret_ns = (uint64_t)(seconds * 1e9);
	return true;
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
	case OPTION_COMM:
		options->attend.comm = optarg;
		return 0;
	default:
		if (read_seconds(optarg, &options->attend.duration_ns))
			return 0;
		return dw_usage(self, "'%s' is no number of seconds", optarg);
	}
}

/* Return: 0, or DW_EXIT_USAGE, and it was said why. */
static int read_pids(const struct dw_command *self, char **words, struct attach_options *options)
{
	for (; *words; words++) {
		char *end;
		long pid = strtol(*words, &end, 10);

		if (*end || pid <= 0 || pid > INT32_MAX)
			return dw_usage(self, "'%s' is no number of a process", *words);
		if (options->attend.n_pids == DW_ATTEND_MAX)
			return dw_usage(self, "more than %d processes", DW_ATTEND_MAX);
		options->attend.pids[options->attend.n_pids++] = (pid_t)pid;
	}
	if (options->attend.n_pids == 0 && !options->attend.comm)
		return dw_usage(self, "the number of the process is missing");
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
	return r < 0 ? fail("report", r) : dw_collection_exit(collection);
}

/* Attends with the calls of the profiles, which have to be there all the time. */
static int attend(struct attach_options *options)
{
	dw_auto(profiles) profiles = NULL;
	const char *const *calls;
	char path[PATH_MAX];
	bool own = !options->profile && dw_environment_option("profile", path, sizeof(path));
	int status, r = dw_profiles_new(&profiles, own ? path : options->profile);

	if (r == 0)
		r = dw_profiles_all_calls(profiles, &calls, &options->attend.collects.n_calls);
	if (r != 0)
		return r > 0 ? DW_EXIT_USAGE : fail("attach", r);
	options->attend.collects.calls = calls;
	status = dw_attend(&options->attend);
	free((void *)calls);
	return status;
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
	status = attend(&options);
	if (status == 0)
		return report(target, &options);
	dw_target_collect(target); /* what was begun goes away with it */
	return status;
}
