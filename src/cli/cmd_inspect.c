/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"
#include "cli/cored.h"
#include "cli/dumped.h"
#include "cli/file.h"
#include "cli/inspection.h"
#include "cli/output.h"
#include "cli/profiles.h"
#include "cli/refused.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* So long nobody comes on where something is stuck; who waits less is not called so. */
#define STALL_MS_DEFAULT 1000
#define STALL_MS_MIN 100
#define STALL_MS_MAX 600000

enum { OPTION_FROM = 256 };

const struct dw_option inspect_options[] = {
    {"format", 'f', "text|json", "what the report looks like"},
    {"all", 'a', NULL, "show stacks of threads that have nothing to do, too"},
    {"from", OPTION_FROM, DW_DUMPED_FORMATS, "read what was printed of a process"},
    {"profile", 'p', "FILE", "what else is known about the program"},
    {"stall", 's', "MS", "a wait of so long is a stall; without it, 1000"},
    {"sysroot", 'r', "FOLDER", "where the files of a core's machine are"},
    {.name = NULL},
};

struct wish {
	const struct dw_renderer *renderer;
	struct dw_render_options render;
	const char *profile;
	char *sysroot;    /* absolute; NULL: none */
	const char *from; /* the format of the text to be read; NULL: there is a process */
	uint64_t stall_ns;
};

/* Return: whether @text is a number from @min to @max. */
static bool read_number(const char *text, long min, long max, long *ret)
{
	char *end;

	errno = 0;
	*ret = strtol(text, &end, 10);
	return errno == 0 && end != text && !*end && *ret >= min && *ret <= max;
}

static void forget(struct wish *wish)
{
	free(wish->sysroot);
}

/* Return: whether there is one at @path. */
static bool read_folder(const char *path, char **ret)
{
	struct stat status;

	free(*ret);
	*ret = realpath(path, NULL);
	return *ret && stat(*ret, &status) == 0 && S_ISDIR(status.st_mode);
}

static int inspect(struct dw_process *process, const struct wish *wish,
		   const struct dw_profiles *profiles, const struct dw_process_core_gaps *gaps)
{
	const struct dw_inspection_options options = {
	    .stall_ns = wish->stall_ns, .profiles = profiles, .gaps = gaps, .shows_progress = true};
	dw_auto(inspection) inspection = NULL;
	int r = dw_inspection_new(&inspection, process, &options);

	if (r == 0)
		r = dw_output_write(stdout, dw_inspection_report(inspection), wish->renderer,
				    &wish->render);
	if (r == -ESRCH) {
		fprintf(stderr, "deadwatch: process %d has ended while it was looked at\n",
			(int)process->pid);
		return DW_EXIT_FAILED;
	}
	if (r < 0) {
		fprintf(stderr, "deadwatch: cannot inspect process %d: %s\n", (int)process->pid,
			strerror(-r));
		return DW_EXIT_FAILED;
	}
	return (int)dw_output_exit(dw_inspection_report(inspection));
}

static int inspect_live(pid_t pid, const struct wish *wish)
{
	dw_auto(process) process = NULL;
	dw_auto(profiles) profiles = NULL;
	struct dw_process_refusal refusal;
	int r = dw_profiles_new(&profiles, wish->profile);

	if (r > 0)
		return DW_EXIT_USAGE;
	if (r == 0)
		r = dw_process_live_new(&process, pid, &refusal);
	if (r > 0) {
		dw_refused_say(pid, r, &refusal);
		return DW_EXIT_FAILED;
	}
	if (r < 0) {
		fprintf(stderr, "deadwatch: cannot inspect process %d: %s\n", (int)pid,
			strerror(-r));
		return DW_EXIT_FAILED;
	}
	return inspect(process, wish, profiles, /* gaps= */ NULL);
}

static int inspect_core(const char *path, const struct wish *wish)
{
	dw_auto(process) process = NULL;
	dw_auto(profiles) profiles = NULL;
	struct dw_process_core_gaps gaps;
	int r = dw_profiles_new(&profiles, wish->profile);

	if (r > 0)
		return DW_EXIT_USAGE;
	if (r == 0)
		r = dw_process_core_new(&process, path, wish->sysroot);
	if (r != 0) {
		dw_cored_say(path, r);
		return DW_EXIT_FAILED;
	}
	gaps = dw_process_core_gaps(process);
	return inspect(process, wish, profiles, &gaps);
}

static int say_no_dump(const char *path, const struct wish *wish, int answer)
{
	if (answer == DW_DUMPED_NOTHING)
		fprintf(stderr, "deadwatch: there is no stack in '%s' as %s prints them\n", path,
			wish->from);
	else if (answer == DW_DUMPED_TOO_LARGE)
		fprintf(stderr, "deadwatch: '%s' is too large to be what %s printed\n", path,
			wish->from);
	else
		fprintf(stderr, "deadwatch: cannot read '%s': %s\n", path, dw_file_reason(answer));
	return DW_EXIT_FAILED;
}

static int inspect_text(const char *path, const struct wish *wish)
{
	dw_auto(profiles) profiles = NULL;
	dw_auto(dumped) dumped = NULL;
	struct dw_inspection_options options = {.stall_ns = wish->stall_ns};
	struct dw_render_options render = wish->render;
	int r = dw_profiles_new(&profiles, wish->profile);

	if (r > 0)
		return DW_EXIT_USAGE;
	options.profiles = profiles;
	if (r == 0)
		r = dw_dumped_new(&dumped, path, wish->from, &options);
	if (r != 0)
		return say_no_dump(path, wish, r);
	/* Samples tell more of contention than of what is stuck. */
	render.contention = dw_dumped_is_sampled(dumped);
	r = dw_output_write(stdout, dw_dumped_report(dumped), wish->renderer, &render);
	if (r < 0) {
		fprintf(stderr, "deadwatch: cannot write: %s\n", strerror(-r));
		return DW_EXIT_FAILED;
	}
	return (int)dw_output_exit(dw_dumped_report(dumped));
}

/* Return: DW_OPTION_STOP with @ret_exit if there is nothing to do, else 0. */
static int read_options(const struct dw_command *self, int argc, char **argv, struct wish *ret,
			int *ret_exit)
{
	long stall_ms = STALL_MS_DEFAULT;
	int id;

	while ((id = dw_option_next(self, argc, argv, ret_exit)) >= 0) {
		if (id == 'a')
			ret->render.all = true;
		else if (id == 'p')
			ret->profile = optarg;
		else if (id == 'r' && !read_folder(optarg, &ret->sysroot))
			return *ret_exit = dw_usage(self, "there is no folder '%s'", optarg),
			       DW_OPTION_STOP;
		else if (id == 'r')
			continue;
		else if (id == OPTION_FROM)
			ret->from = optarg;
		else if (id == 'f')
			ret->renderer = dw_renderer_find(optarg);
		else if (!read_number(optarg, STALL_MS_MIN, STALL_MS_MAX, &stall_ms))
			return *ret_exit = dw_usage(self, "'%s' is no time from %d to %d ms",
						    optarg, STALL_MS_MIN, STALL_MS_MAX),
			       DW_OPTION_STOP;
		if (!ret->renderer)
			return *ret_exit = dw_usage(self, "there is no format '%s'", optarg),
			       DW_OPTION_STOP;
	}
	ret->stall_ns = (uint64_t)stall_ms * 1000000;
	return id == DW_OPTION_STOP ? id : 0;
}

int cmd_inspect(const struct dw_command *self, int argc, char **argv)
{
	dw_cleanup(forget) struct wish wish = {.renderer = &dw_render_text};
	int status;
	pid_t pid;

	if (read_options(self, argc, argv, &wish, &status) == DW_OPTION_STOP)
		return status;
	if (optind + 1 != argc)
		return dw_usage(self, optind == argc ? "a process or core file is missing"
						     : "there is more than one process");
	if (wish.from)
		return inspect_text(argv[optind], &wish);
	if (!dw_word_is_number(argv[optind]))
		return inspect_core(argv[optind], &wish);
	if (!dw_word_is_pid(argv[optind], &pid))
		return dw_usage(self, "'%s' is no number of a process", argv[optind]);
	if (wish.sysroot)
		return dw_usage(self, "--sysroot is for core files");
	return inspect_live(pid, &wish);
}
