/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"
#include "cli/command.h"
#include "cli/profiles.h"
#include "cli/refused.h"
#include "cli/screen.h"
#include "cli/view.h"
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
	pid_t pid;          /* the number; 0: it is a recording */
	const char *profile;
	double delay_s;
	bool once;
};

static int fail(const struct wish *wish, const char *reason)
{
	fprintf(stderr, "deadwatch: cannot show '%s': %s\n", wish->target, reason);
	return DW_EXIT_FAILED;
}

/* @r: what the look came to. */
static int fail_to_look(const struct dw_view *view, const struct wish *wish, int r)
{
	const struct dw_process_refusal *refusal = dw_view_refusal(view);

	if (r < 0 || !refusal)
		return fail(wish, dw_view_reason(view, r));
	dw_refused_say(wish->pid, r, refusal);
	return DW_EXIT_FAILED;
}

static int show_once(struct dw_view *view, const struct wish *wish)
{
	int r = dw_view_look(view);

	if (r != 0)
		return fail_to_look(view, wish, r);
	r = dw_board_write(stdout, dw_view_board(view), ONCE_WIDTH);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	return r == 0 ? DW_EXIT_CLEAN : fail(wish, strerror(-r));
}

static int show(struct dw_view *view, const struct wish *wish)
{
	/* What cannot be read at all is said before the terminal is taken over. */
	int r = dw_view_look(view);

	if (r != 0)
		return fail_to_look(view, wish, r);
	r = dw_screen_show(view, (unsigned)(wish->delay_s * 1000));
	if (r == DW_SCREEN_NONE) {
		fprintf(stderr, "deadwatch: there is no terminal that 'top' could use; --once "
				"writes the table as text\n");
		return DW_EXIT_USAGE;
	}
	return r < 0 ? fail(wish, strerror(-r)) : DW_EXIT_CLEAN;
}

/* Of a process: of its recording, where it writes one that can be seen. */
static int open_view(struct dw_view **ret, const struct wish *wish,
		     const struct dw_profiles *profiles)
{
	char *path = NULL;
	int r;

	if (!wish->pid)
		return dw_view_new(ret, wish->target, profiles);
	r = dw_view_find(wish->pid, &path);
	r = r == 0 ? dw_view_new(ret, path, profiles)
		   : dw_view_new_of_process(ret, wish->pid, profiles);
	free(path);
	return dw_pass(r);
}

static int top(const struct wish *wish)
{
	dw_auto(profiles) profiles = NULL;
	dw_auto(view) view = NULL;
	int r = dw_profiles_new(&profiles, wish->profile);

	if (r > 0)
		return DW_EXIT_USAGE;
	if (r == 0)
		r = open_view(&view, wish, profiles);
	if (r < 0)
		return fail(wish, strerror(-r));
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
	if (dw_word_is_number(wish.target) && !dw_word_is_pid(wish.target, &wish.pid))
		return dw_usage(self, "'%s' is no number of a process", wish.target);
	return top(&wish);
}
