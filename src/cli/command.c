/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 32 /* options of one command; more would not fit a screen's help either */
#define HELP_COLUMN 26 /* where an option's explanation begins */
#define HELP_WIDTH 80  /* of a terminal */

const struct dw_option dw_help_option = {"help", 'h', NULL, "show this help"};

/* getopt's two forms of the same table. */
struct getopt_tables {
	struct option long_options[OPTIONS_MAX + 2];
	char short_options[2 * OPTIONS_MAX + 5];
};

static void add_option(struct getopt_tables *tables, unsigned n, const struct dw_option *option)
{
	char *end = tables->short_options + strlen(tables->short_options);

	tables->long_options[n] = (struct option){
	    .name = option->name,
	    .has_arg = option->argument ? required_argument : no_argument,
	    .val = option->id,
	};
	if (option->id >= 256)
		return;
	*end++ = (char)option->id;
	if (option->argument)
		*end = ':';
}

static void fill_tables(struct getopt_tables *tables, const struct dw_command *command)
{
	unsigned n = 0;

	*tables = (struct getopt_tables){0};
	/* The colon: an argument that is missing has an answer of its own. */
	strcpy(tables->short_options, command->wraps ? "+:" : ":");
	for (; command->options[n].name && n < OPTIONS_MAX; n++)
		add_option(tables, n, &command->options[n]);
	add_option(tables, n, &dw_help_option);
}

/* Return: the column of the new line, which is @indent. */
static int end_line(FILE *out, int indent)
{
	fprintf(out, "\n%*s", indent, "");
	return indent;
}

/* From @column on, and on as many lines as it takes. Return: the column that it ends in. */
static int write_argument(FILE *out, const char *argument, int column)
{
	int indent;

	fputc('=', out);
	indent = ++column;
	while (*argument) {
		size_t size = strcspn(argument, "|");

		size += argument[size] == '|';
		if (column + (int)size > HELP_WIDTH)
			column = end_line(out, indent);
		column += fprintf(out, "%.*s", (int)size, argument);
		argument += size;
	}
	return column;
}

static void write_option(FILE *out, const struct dw_option *option)
{
	int column = fprintf(out, option->id < 256 ? "  -%c, " : "      ", option->id);

	column += fprintf(out, "--%s", option->name);
	if (option->argument)
		column = write_argument(out, option->argument, column);
	/* One that reaches into the column of the help has a line of its own. */
	if (column >= HELP_COLUMN)
		column = end_line(out, 0);
	fprintf(out, "%*s%s\n", HELP_COLUMN - column, "", option->help);
}

/* The command as the user writes it. The program itself is a command without a name. */
static void write_usage(FILE *out, const struct dw_command *command)
{
	fprintf(out, "usage: deadwatch%s%s %s\n", command->name ? " " : "",
		command->name ? command->name : "", command->synopsis);
}

static void write_help(FILE *out, const struct dw_command *command)
{
	write_usage(out, command);
	fprintf(out, "\n%s\n\n", command->help);
	for (const struct dw_option *option = command->options; option->name; option++)
		write_option(out, option);
	write_option(out, &dw_help_option);
	if (command->write_more)
		command->write_more(out);
}

int dw_usage(const struct dw_command *command, const char *format, ...)
{
	va_list args;

	fputs("deadwatch: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	write_usage(stderr, command);
	return DW_EXIT_USAGE;
}

static const struct dw_option *find_option(const struct dw_command *command, int id)
{
	for (const struct dw_option *option = command->options; option->name; option++)
		if (option->id == id)
			return option;
	return NULL;
}

bool dw_word_is_among(const char *words, const char *word, size_t n)
{
	while (*words) {
		size_t size = strcspn(words, "|");

		if (size == n && !memcmp(words, word, n))
			return true;
		words += size + (words[size] == '|');
	}
	return false;
}

static int refuse_missing(const struct dw_command *command, const struct dw_option *option)
{
	return dw_usage(command, "--%s wants an argument: --%s=%s", option->name, option->name,
			option->argument);
}

/*
 * What getopt did not take: @answer is its answer, and @word what it looked at last. Return:
 * DW_EXIT_USAGE.
 */
static int refuse(const struct dw_command *command, int answer, const char *word)
{
	const struct dw_option *option = find_option(command, optopt);

	if (answer == ':')
		return refuse_missing(command, option);
	if (optopt == 0)
		return dw_usage(command, "option '%s' is unknown, or short for several", word);
	if (!option && optopt == dw_help_option.id)
		option = &dw_help_option;
	if (option)
		return dw_usage(command, "--%s takes no argument, and has one: '%s'", option->name,
				word);
	return dw_usage(command, "option '-%c' is unknown", optopt);
}

/* Return: @id, or DW_OPTION_STOP: its argument is none that it can have, and that was said. */
static int check_argument(const struct dw_command *command, int id, int *ret_exit)
{
	const struct dw_option *option = find_option(command, id);

	if (!option || !option->argument)
		return id;
	if (!*optarg)
		*ret_exit = refuse_missing(command, option);
	else if (strchr(option->argument, '|') &&
		 !dw_word_is_among(option->argument, optarg, strlen(optarg)))
		*ret_exit = dw_usage(command, "--%s cannot be '%s': it is one of %s", option->name,
				     optarg, option->argument);
	else
		return id;
	return DW_OPTION_STOP;
}

bool dw_word_is_number(const char *word)
{
	return *word && strspn(word, "0123456789") == strlen(word);
}

bool dw_word_is_pid(const char *word, pid_t *ret)
{
	long number = strtol(word, NULL, 10);

	if (!dw_word_is_number(word) || number <= 0 || number > INT32_MAX)
		return false;
	*ret = (pid_t)number;
	return true;
}

int dw_option_next(const struct dw_command *command, int argc, char **argv, int *ret_exit)
{
	struct getopt_tables tables;
	int id;

	fill_tables(&tables, command);
	opterr = 0;
	id = getopt_long(argc, argv, tables.short_options, tables.long_options, NULL);
	if (id == '?' || id == ':') {
		*ret_exit = refuse(command, id, argv[optind - 1]);
		return DW_OPTION_STOP;
	}
	if (id == dw_help_option.id) {
		write_help(stdout, command);
		*ret_exit = DW_EXIT_CLEAN;
		return DW_OPTION_STOP;
	}
	return id < 0 ? id : check_argument(command, id, ret_exit);
}
