/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/error.h"

#include <getopt.h>
#include <string.h>

const struct dw_command dw_commands[] = {
    {
	.name = "run",
	.run = cmd_run,
	.synopsis = "[OPTION]... -- PROGRAM [ARGUMENT]...",
	.help = "Run a program, watch its locks, and report when it has ended.",
	.options = run_options,
	.wraps = true,
    },
    {
	.name = "inspect",
	.run = cmd_inspect,
	.synopsis = "[OPTION]... PID | CORE | --from=FORMAT FILE",
	.help = "Say what a process is stuck on that nobody has watched.",
	.options = inspect_options,
    },
    {
	.name = "attach",
	.run = cmd_attach,
	.synopsis = "[OPTION]... PID...",
	.help = "Watch processes that run already, and report when they end, or you do.",
	.options = attach_options,
    },
    {
	.name = "report",
	.run = cmd_report,
	.synopsis = "[OPTION]... RECORDING...",
	.help = "Say what recordings prove; a folder stands for the recordings in it.",
	.options = report_options,
    },
    {
	.name = "gate",
	.run = cmd_gate,
	.synopsis = "[OPTION]... RECORDING...",
	.help = "Fail on what recordings prove and a baseline does not know.",
	.options = gate_options,
    },
    {
	.name = "graph",
	.run = cmd_graph,
	.synopsis = "[OPTION]... RECORDING...",
	.help = "Draw which locks need which.",
	.options = graph_options,
    },
    {
	.name = "confirm",
	.run = cmd_confirm,
	.synopsis = "[OPTION]... RECORDING FINDING -- PROGRAM [ARGUMENT]...",
	.help = "Run a program again until what a finding says happens.",
	.options = confirm_options,
	.wraps = true,
    },
    {
	.name = "top",
	.run = cmd_top,
	.synopsis = "[OPTION]... PID | RECORDING",
	.help = "Show live which locks are waited for, by whom, and who has them.",
	.options = top_options,
    },
    {
	.name = "dump",
	.run = cmd_dump,
	.synopsis = "[OPTION]... RECORDING",
	.help = "Print a recording as text: a story.",
	.options = dump_options,
    },
    {
	.name = "doctor",
	.run = cmd_doctor,
	.synopsis = "[OPTION]... [PID | PROGRAM]",
	.help = "Say what works here and for a program, and what to do about the rest.",
	.options = doctor_options,
    },
    {
	.name = "monitor",
	.run = cmd_monitor,
	.synopsis = "[OPTION]... RECORDING PID",
	.help = "Watch a process by its recording; libdeadwatch.so starts it.",
	.options = monitor_options,
    },
    {.name = NULL},
};

enum { OPTION_VERSION = 256, OPTION_DEBUG };

static const struct dw_option main_options[] = {
    {"version", OPTION_VERSION, NULL, "show the version"},
    {"debug", OPTION_DEBUG, NULL, "show the way that an error took"},
    {.name = NULL},
};

static void write_commands(FILE *out)
{
	fputs("\nCommands ('deadwatch COMMAND --help' shows a command's options):\n", out);
	for (const struct dw_command *command = dw_commands; command->name; command++)
		fprintf(out, "  %-8s%s\n", command->name, command->help);
	fputs("\nExit codes: 0 nothing found, 1 findings, 2 wrong usage, 3 could not see all,\n"
	      "4 deadwatch itself failed. 'deadwatch run' exits as the program did.\n",
	      out);
}

static const struct dw_command *find_command(const char *name)
{
	for (const struct dw_command *command = dw_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static void show_step(const struct dw_error_step *step)
{
	fprintf(stderr, "  %s  %-28s %s:%d: %s\n", step->born ? "raised" : "passed", step->function,
		step->file, step->line, strerror(-step->error));
}

/* The options before the command's name, and then the command. */
static int run_main(const struct dw_command *self, int argc, char **argv)
{
	const struct dw_command *command;
	int id, status;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		if (id == OPTION_VERSION) {
			puts("deadwatch " DW_VERSION);
			return DW_EXIT_CLEAN;
		}
		dw_error_hook = show_step;
	}
	if (id == DW_OPTION_STOP)
		return status;
	if (optind == argc)
		return dw_usage(self, "a command is missing; 'deadwatch --help' lists them");
	command = find_command(argv[optind]);
	if (!command)
		return dw_usage(self, "there is no command '%s'; 'deadwatch --help' lists them",
				argv[optind]);
	argc -= optind;
	argv += optind;
	optind = 0; /* glibc's way to start over with another argv */
	return command->run(command, argc, argv);
}

const struct dw_command dw_program = {
    .run = run_main,
    .synopsis = "[--debug] COMMAND ...",
    .help = "Finds deadlocks that can happen and that have, in programs that nobody rebuilt.",
    .options = main_options,
    .wraps = true,
    .write_more = write_commands,
};
