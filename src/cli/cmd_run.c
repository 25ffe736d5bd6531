/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collection.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/gate.h"
#include "cli/launch.h"
#include "cli/program.h"
#include "cli/target.h"
#include "cli/tracing.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a gate that fails makes of the status: the sanitizers' habit. */
#define GATE_EXIT 66

enum { OPTION_EVENTS = 256, OPTION_HEARTBEAT, OPTION_GATE, OPTION_GATE_EXIT };

const struct dw_option run_options[] = {
    {"output", 'o', "PATH", "keep the recording here, more processes at PATH.PID"},
    {"format", 'f', DW_FORMATS, "what the report looks like"},
    {"all", 'a', NULL, "report what has an excuse, too"},
    {"events", OPTION_EVENTS, NULL, "record every event, not just what is new"},
    {"heartbeat", OPTION_HEARTBEAT, "FUNCTION=TIME",
     "say when the function has not run for so long"},
    {"gate", OPTION_GATE, NULL, "fail on what is found and is not known"},
    {"gate-exit", OPTION_GATE_EXIT, "STATUS", "what to exit with then; without it, 66"},
    DW_GATE_OPTION_ROWS,
    {.name = NULL},
};

struct run_options {
	const char *output;
	const struct dw_renderer *renderer;
	bool all;
	bool events;
	bool has_gate, wants_gate; /* --gate is there; an option is that makes sense with it only */
	int gate_exit;
	struct dw_gate_options gate;
};

/* An exit status of a program's own, and one that does not say that all is well. */
static int read_status(const struct dw_command *self, struct run_options *options, int *ret_exit)
{
	char *end;
	long status = strtol(optarg, &end, 10);

	if (*end || end == optarg || status < 1 || status > 125) {
		*ret_exit = dw_usage(self, "'%s' is no status from 1 to 125", optarg);
		return DW_OPTION_STOP;
	}
	options->gate_exit = (int)status;
	options->wants_gate = true;
	return 0;
}

static int read_gate_option(const struct dw_command *self, struct run_options *options, int id,
			    int *ret_exit)
{
	if (id == OPTION_GATE_EXIT)
		return read_status(self, options, ret_exit);
	options->wants_gate = true;
	return dw_gate_option(self, &options->gate, id, ret_exit);
}

/* Return: DW_OPTION_STOP with *@ret_exit set, or -1 at the end. */
static int read_options(const struct dw_command *self, int argc, char **argv,
			struct run_options *ret, int *ret_exit)
{
	struct run_options options = {.renderer = &dw_render_text, .gate_exit = GATE_EXIT};
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
			*ret_exit = dw_environment_take_heartbeat(self, optarg);
			if (*ret_exit != 0)
				return DW_OPTION_STOP;
			break;
		case OPTION_GATE:
			options.has_gate = true;
			break;
		default:
			if (read_gate_option(self, &options, id, ret_exit) == DW_OPTION_STOP)
				return DW_OPTION_STOP;
		}
	}
	*ret = options;
	if (id != DW_OPTION_STOP && options.wants_gate && !options.has_gate) {
		*ret_exit = dw_usage(self, "what concerns a gate wants --gate");
		return DW_OPTION_STOP;
	}
	return id;
}

/* What there is to report about. */
struct reported_run {
	struct dw_target *target;
	const char *program;
	int signal; /* that ended it, for a report; 0: none. A gate judges each process's end. */
};

/* A program that crashed would have gone on: what was seen of it until then is not all. */
static int add_end(struct dw_collection *collection, const struct reported_run *run)
{
	char text[128];

	if (!run->signal)
		return 0;
	snprintf(
	    text, sizeof(text),
	    "the program was ended by signal %d (%s); what else it would have done is not known",
	    run->signal, strsignal(run->signal));
	return dw_collection_add_blind(collection, "killed", text);
}

/* Return: 0, or a negative errno. */
static int add_recordings(struct dw_collection *collection, void *context)
{
	const struct reported_run *run = context;
	struct dw_blind blind;
	int r = dw_target_collect(run->target);

	for (size_t i = 0; r == 0 && dw_target_recording(run->target, i); i++)
		r = dw_collection_add(collection, dw_target_recording(run->target, i));
	if (r == 0 && !dw_target_recording(run->target, 0)) {
		blind = dw_program_judge(run->program);
		r = dw_collection_add_blind(collection, blind.reason, blind.text);
	}
	return r < 0 ? r : add_end(collection, run);
}

/* The program's stdout stays its own: what we have to say goes to stderr. */
static int report(struct reported_run *run, const struct run_options *options)
{
	dw_auto(collection) collection = NULL;
	int r;

	r = dw_collection_new(&collection, /* profile= */ NULL);
	if (r == 0)
		r = add_recordings(collection, run);
	if (r == 0)
		r = dw_collection_write(collection, stderr, options->renderer,
					&(struct dw_render_options){.all = options->all});
	return r;
}

/* A program that failed is known to have, so only what was found is worth more than its status. */
static int judge(struct reported_run *run, const struct run_options *options, int status)
{
	const struct dw_gate_input input = {add_recordings, run};
	int verdict;

	verdict = dw_gate(&options->gate, &input, stderr, options->renderer);
	if (verdict == DW_EXIT_FINDINGS || (verdict != DW_EXIT_CLEAN && status == 0))
		return options->gate_exit;
	return status;
}

static int run_and_report(char **argv, const struct dw_tracing *tracing, struct dw_target *target,
			  const struct run_options *options)
{
	struct dw_launch launch = {
	    .argv = argv,
	    .library = tracing->library,
	    .record_path = dw_target_path(target),
	    .calls = tracing->calls,
	    .events = options->events,
	};
	struct reported_run run = {target, argv[0], .signal = 0};
	int status, ended_by, r;

	r = dw_launch(&launch, &status);
	if (r < 0)
		return dw_tracing_fail("start the program", r);
	if (r > 0)
		return dw_tracing_refuse(argv[0], r);
	signal(SIGPIPE, SIG_IGN);
	ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	status = ended_by ? DW_EXIT_SIGNAL + ended_by : WEXITSTATUS(status);
	if (options->has_gate)
		return judge(&run, options, status);
	run.signal = ended_by;
	r = report(&run, options);
	if (r < 0)
		dw_tracing_fail("report", r);
	return status;
}

int cmd_run(const struct dw_command *self, int argc, char **argv)
{
	dw_auto(target) target = NULL;
	dw_cleanup(dw_tracing_done) struct dw_tracing tracing = {0};
	struct run_options options;
	char folder[PATH_MAX];
	int r, status;

	if (read_options(self, argc, argv, &options, &status) == DW_OPTION_STOP)
		return status;
	if (optind == argc)
		return dw_usage(self, "the program to run is missing");
	r = dw_tracing_init(&tracing, argv[optind]);
	if (r == 0 && options.has_gate)
		r = dw_gate_check(&options.gate);
	if (r != 0)
		return r;
	options.gate.render.all = options.all;
	options.gate.render.source_root = getcwd(folder, sizeof(folder));
	r = dw_target_new(&target, options.output);
	if (r < 0)
		return dw_tracing_fail("record", r);
	if (r > 0)
		return r == DW_TARGET_WRONG ? DW_EXIT_USAGE : DW_EXIT_FAILED;
	return run_and_report(argv + optind, &tracing, target, &options);
}
