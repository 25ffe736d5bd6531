/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands and their options: one row a command, one row an option.
 *
 * The rows are the only list of what there is: dispatch, getopt and every --help
 * are made from them, and a test compares them with the manual pages.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* What `deadwatch` exits with; `run` gives the program's own status instead. */
enum dw_exit {
	DW_EXIT_CLEAN = 0,    /* looked, found nothing */
	DW_EXIT_FINDINGS = 1, /* found something that has no excuse */
	DW_EXIT_USAGE = 2,
	DW_EXIT_BLIND = 3,  /* found nothing, but could not have seen everything */
	DW_EXIT_FAILED = 4, /* deadwatch itself could not do its work */
	/* Of `run`, where there is no program whose status could be given; as shells do it. */
	DW_EXIT_NOT_EXECUTABLE = 126,
	DW_EXIT_NOT_FOUND = 127,
	DW_EXIT_SIGNAL = 128, /* plus the signal's number */
};

/* An option of a command. A table of them ends with a row whose name is NULL. */
struct dw_option {
	const char *name;     /* --name */
	int id;               /* what dw_option_next() returns; below 256: its short form too */
	const char *argument; /* what the help calls its argument, or all that it can be, with bars
				 in between: text|json; NULL: it has none */
	const char *help;     /* one line */
};

/* What --format can be; the first is the default. */
#define DW_FORMATS "text|json|sarif|junit|github|gitlab"

/* And those of reports alone: neither a gate nor a run has a use for them. */
#define DW_REPORT_FORMATS "|html|timeline|openmetrics|ndjson"

/* --help, which every command has. */
extern const struct dw_option dw_help_option;

struct dw_command {
	const char *name;
	/* mandatory. argv[0] is the command's name. Return: an exit code. */
	int (*run)(const struct dw_command *command, int argc, char **argv);
	const char *synopsis;
	const char *help;                /* one line */
	const struct dw_option *options; /* --help, which every command has, is not among them */
	bool wraps; /* the first word that is no option ends the options: it names a program */
	void (*write_more)(FILE *out); /* optional: what the help says behind the options */
};

/*
 * The next option of getopt's argc and argv; its argument is in optarg.
 *
 * Return: the option's id; -1 at the end, then optind is the first operand;
 * DW_OPTION_STOP if there is nothing left to do, because the help was asked for and shown
 * (then *@ret_exit is DW_EXIT_CLEAN), or what was asked for was wrong and that was said.
 */
int dw_option_next(const struct dw_command *command, int argc, char **argv, int *ret_exit);
#define DW_OPTION_STOP (-2)

/* Whether the @n bytes at @word are one of @words, which have bars between them. */
bool dw_word_is_among(const char *words, const char *word, size_t n);

/* Whether @word has digits and nothing else: it is meant as a process, and not as a file. */
bool dw_word_is_number(const char *word);
/* Whether @word is the number that a process can have, with *@ret set. */
bool dw_word_is_pid(const char *word, pid_t *ret);

/* Says why the command line is wrong. Return: DW_EXIT_USAGE. */
int dw_usage(const struct dw_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int cmd_run(const struct dw_command *command, int argc, char **argv);
int cmd_report(const struct dw_command *command, int argc, char **argv);
int cmd_gate(const struct dw_command *command, int argc, char **argv);
int cmd_graph(const struct dw_command *command, int argc, char **argv);
int cmd_inspect(const struct dw_command *command, int argc, char **argv);
int cmd_confirm(const struct dw_command *command, int argc, char **argv);
int cmd_monitor(const struct dw_command *command, int argc, char **argv);
int cmd_attach(const struct dw_command *command, int argc, char **argv);
int cmd_dump(const struct dw_command *command, int argc, char **argv);
int cmd_top(const struct dw_command *command, int argc, char **argv);
int cmd_doctor(const struct dw_command *command, int argc, char **argv);

extern const struct dw_option run_options[];
extern const struct dw_option report_options[];
extern const struct dw_option gate_options[];
extern const struct dw_option graph_options[];
extern const struct dw_option inspect_options[];
extern const struct dw_option confirm_options[];
extern const struct dw_option monitor_options[];
extern const struct dw_option attach_options[];
extern const struct dw_option dump_options[];
extern const struct dw_option top_options[];
extern const struct dw_option doctor_options[];
