/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collection.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/launch.h"
#include "cli/library.h"
#include "cli/profiles.h"
#include "cli/program.h"
#include "cli/target.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { OPTION_EVENTS = 256, OPTION_HEARTBEAT };

const struct dw_option run_options[] = {
    {"output", 'o', "PATH", "keep the recording here, more processes at PATH.PID"},
    {"format", 'f', "text|json", "what the report looks like"},
    {"all", 'a', NULL, "report what has an excuse, too"},
    {"events", OPTION_EVENTS, NULL, "record every event, not just what is new"},
    {"heartbeat", OPTION_HEARTBEAT, "FUNCTION=TIME",
     "say when the function has not run for so long"},
    {.name = NULL},
};

struct run_options {
	const char *output;
	const struct dw_renderer *renderer;
	bool all;
	bool events;
	char calls[1024]; /* of the user's profile */
};

/* Return: DW_OPTION_STOP with *@ret_exit set, or -1 at the end. */
static int read_options(const struct dw_command *self, int argc, char **argv,
			struct run_options *ret, int *ret_exit)
{
	struct run_options options = {.renderer = &dw_render_text};
	int id;

	while ((id = dw_option_next(self, argc, argv, ret_exit)) >= 0) {
		switch (id) {
		case 'o':
			options.output = optarg;
			break;
		case 'f':
			options.renderer = dw_renderer_find(optarg);
			break;
		case 'a':
			options.all = true;
			break;
		case OPTION_EVENTS:
			options.events = true;
			break;
		case OPTION_HEARTBEAT:
			if (dw_environment_add_heartbeat(optarg) != 0) {
				*ret_exit = dw_usage(
				    self, "'%s' is no FUNCTION=TIME, or one too many", optarg);
				return DW_OPTION_STOP;
			}
			break;
		}
	}
	*ret = options;
	return id;
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "deadwatch: cannot %s: %s\n", what, strerror(-r));
	return DW_EXIT_FAILED;
}

/* As shells do it. */
static int refuse_program(const char *name, int error)
{
	if (error == ENOENT) {
		fprintf(stderr, "deadwatch: cannot run '%s': there is no such program\n", name);
		return DW_EXIT_NOT_FOUND;
	}
	fprintf(stderr, "deadwatch: cannot run '%s': %s\n", name, strerror(error));
	return DW_EXIT_NOT_EXECUTABLE;
}

/* The program's stdout stays its own: what we have to say goes to stderr. */
static int report(struct dw_target *target, const char *program, const struct run_options *options)
{
	dw_auto(collection) collection = NULL;
	struct dw_blind blind;
	int r;

	r = dw_collection_new(&collection, /* profile= */ NULL);
	if (r == 0)
		r = dw_target_collect(target);
	for (size_t i = 0; r == 0 && dw_target_recording(target, i); i++)
		r = dw_collection_add(collection, dw_target_recording(target, i));
	if (r == 0 && !dw_target_recording(target, 0)) {
		blind = dw_program_judge(program);
		r = dw_collection_add_blind(collection, blind.reason, blind.text);
	}
	if (r == 0)
		r = dw_collection_write(collection, stderr, options->renderer,
					&(struct dw_render_options){.all = options->all});
	return r;
}

static int run_and_report(char **argv, const char *library, struct dw_target *target,
			  const struct run_options *options)
{
	struct dw_launch launch = {
	    .argv = argv,
	    .library = library,
	    .record_path = dw_target_path(target),
	    .calls = options->calls,
	    .events = options->events,
	};
	int status, r;

	r = dw_launch(&launch, &status);
	if (r < 0)
		return fail("start the program", r);
	if (r > 0)
		return refuse_program(argv[0], r);
	signal(SIGPIPE, SIG_IGN);
	r = report(target, argv[0], options);
	if (r < 0)
		fail("report", r);
	return WIFSIGNALED(status) ? DW_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Return: 0, or the exit code, and it was said why. */
static int read_profile(struct run_options *options)
{
	dw_auto(profiles) profiles = NULL;
	char path[PATH_MAX];
	bool own = dw_environment_option("profile", path, sizeof(path));
	int r = dw_profiles_new(&profiles, own ? path : NULL);

	if (r == 0)
		r = dw_profiles_calls(profiles, options->calls, sizeof(options->calls));
	if (r > 0)
		return DW_EXIT_USAGE;
	return r < 0 ? fail("read profiles", r) : 0;
}

static void freep(char **p)
{
	free(*p);
}

int cmd_run(const struct dw_command *self, int argc, char **argv)
{
	dw_auto(target) target = NULL;
	dw_cleanup(freep) char *library = NULL;
	struct run_options options;
	int r, status;

	if (read_options(self, argc, argv, &options, &status) == DW_OPTION_STOP)
		return status;
	if (optind == argc)
		return dw_usage(self, "the program to run is missing");
	if (dw_environment_check() != 0)
		return DW_EXIT_USAGE;
	r = read_profile(&options);
	if (r != 0)
		return r;
	r = dw_library_find(&library);
	if (r != 0)
		return r < 0 ? fail("look for libdeadwatch.so", r) : DW_EXIT_FAILED;
	r = dw_target_new(&target, options.output);
	if (r < 0)
		return fail("record", r);
	if (r > 0)
		return r == DW_TARGET_WRONG ? DW_EXIT_USAGE : DW_EXIT_FAILED;
	return run_and_report(argv + optind, library, target, &options);
}
