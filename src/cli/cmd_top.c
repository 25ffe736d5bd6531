/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"
#include "cli/profiles.h"
#include "cli/screen.h"
#include "cli/view.h"
#include "record/reader.h"
#include "render/board.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* People read a table in this time, and reading a recording takes a small part of it. */
#define DELAY_S 2
#define DELAY_S_MAX 3600

/* What a pipe is taken to be as wide as; lines for scripts need not be short. */
#define ONCE_WIDTH 132

enum { OPTION_ONCE = 256 };

const struct dw_option top_options[] = {
    {"delay", 'd', "SECONDS", "how often it is looked at; without it, 2"},
    {"once", OPTION_ONCE, NULL, "write the table once, as text, and end"},
    {"profile", 'p', "FILE", "what else is known about the program"},
    {.name = NULL},
};

struct wish {
	const char *target; /* what the user wrote: a recording, or a process's number */
	const char *profile;
	double delay_s;
	bool once;
};

static int fail(const struct wish *wish, int answer)
{
	fprintf(stderr, "deadwatch: cannot show '%s': %s\n", wish->target,
		answer > 0 ? dw_reader_answer_text(answer) : strerror(-answer));
	return DW_EXIT_FAILED;
}

static int show_once(struct dw_view *view, const struct wish *wish)
{
	int r = dw_view_look(view);

	if (r == 0)
		r = dw_board_write(stdout, dw_view_board(view), ONCE_WIDTH);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	return r == 0 ? DW_EXIT_CLEAN : fail(wish, r);
}

static int show(struct dw_view *view, const struct wish *wish)
{
	/* What cannot be read at all is said before the terminal is taken over. */
	int r = dw_view_look(view);

	if (r == 0)
		r = dw_screen_show(view, (unsigned)(wish->delay_s * 1000));
	else
		return fail(wish, r);
	if (r == DW_SCREEN_NONE) {
		fprintf(stderr, "deadwatch: there is no terminal that 'top' could use; --once "
				"writes the table as text\n");
		return DW_EXIT_USAGE;
	}
	return r < 0 ? fail(wish, r) : DW_EXIT_CLEAN;
}

/* Return: whether @text is a number of a process. */
static bool is_number(const char *text, pid_t *ret)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || *end || number <= 0 || number > INT32_MAX)
		return false;
	*ret = (pid_t)number;
	return true;
}

/* Return: an exit code; DW_EXIT_CLEAN with the path of the recording, to be freed. */
static int find_recording(const struct wish *wish, char **ret)
{
	pid_t pid;
	int r = 0;

	if (!is_number(wish->target, &pid)) {
		*ret = strdup(wish->target);
		return *ret ? DW_EXIT_CLEAN : fail(wish, -ENOMEM);
	}
	r = dw_view_find(pid, ret);
	if (r == 0)
		return DW_EXIT_CLEAN;
	if (r == -ENOENT)
		fprintf(stderr,
			"deadwatch: process %d writes no recording that can be seen; one does that "
			"runs under 'deadwatch run'\n",
			(int)pid);
	else
		fail(wish, r);
	return DW_EXIT_FAILED;
}

static int top(const struct wish *wish)
{
	dw_auto(profiles) profiles = NULL;
	dw_auto(view) view = NULL;
	char *path = NULL;
	int status = find_recording(wish, &path);
	int r;

	if (status != DW_EXIT_CLEAN)
		return status;
	r = dw_profiles_new(&profiles, wish->profile);
	if (r == 0)
		r = dw_view_new(&view, path, profiles);
	free(path);
	if (r > 0)
		return DW_EXIT_USAGE;
	if (r < 0)
		return fail(wish, r);
	return wish->once ? show_once(view, wish) : show(view, wish);
}

/* Return: whether @text is a time. */
static bool read_delay(const char *text, double *ret)
{
	char *end;
	double delay_s = strtod(text, &end);

	if (end == text || *end || !(delay_s >= 0.1 && delay_s <= DELAY_S_MAX))
		return false;
	*ret = delay_s;
	return true;
}

int cmd_top(const struct dw_command *self, int argc, char **argv)
{
	struct wish wish = {.delay_s = DELAY_S};
	int id, status;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		if (id == OPTION_ONCE)
			wish.once = true;
		else if (id == 'p')
			wish.profile = optarg;
		else if (!read_delay(optarg, &wish.delay_s))
			return dw_usage(self, "'%s' is no time from 0.1 to %d seconds", optarg,
					DELAY_S_MAX);
	}
	if (id == DW_OPTION_STOP)
		return status;
	if (optind + 1 != argc)
		return dw_usage(self, optind == argc ? "a process or a recording is missing"
						     : "there is more than one to be shown");
	wish.target = argv[optind];
	return top(&wish);
}
