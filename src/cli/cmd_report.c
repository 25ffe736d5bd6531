/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collection.h"
#include "cli/command.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

const struct dw_option report_options[] = {
    {"format", 'f', DW_FORMATS DW_REPORT_FORMATS, "what the report looks like"},
    {"all", 'a', NULL, "report what has an excuse, too"},
    {"profile", 'p', "FILE", "what else is known about the program"},
    {"contention", 'c', NULL, "show how long locks were waited for, and where"},
    {.name = NULL},
};

/* Whether @collection has what @renderer shows; if not, it is said. */
static bool has_events(const struct dw_collection *collection, const struct dw_renderer *renderer)
{
	const char *path = renderer->of_events ? dw_collection_without_events(collection) : NULL;

	if (path)
		fprintf(stderr,
			"deadwatch: '%s': has no events, which a %s is made of; record them by "
			"'deadwatch run --events', or with events=1 in DEADWATCH_OPTIONS\n",
			path, renderer->name);
	return !path;
}

static int report(char **paths, const char *profile, const struct dw_renderer *renderer,
		  const struct dw_render_options *options)
{
	dw_auto(collection) collection = NULL;
	int r;

	r = dw_collection_new(&collection, profile);
	if (r > 0)
		return DW_EXIT_USAGE;
	for (; r == 0 && *paths; paths++)
		r = dw_collection_add(collection, *paths);
	if (r == 0 && !has_events(collection, renderer))
		return DW_EXIT_FAILED;
	if (r == 0)
		r = dw_collection_write(collection, stdout, renderer, options);
	if (r < 0) {
		fprintf(stderr, "deadwatch: cannot report: %s\n", strerror(-r));
		return DW_EXIT_FAILED;
	}
	return dw_collection_exit(collection);
}

int cmd_report(const struct dw_command *self, int argc, char **argv)
{
	const struct dw_renderer *renderer = &dw_render_text;
	struct dw_render_options options = {0};
	const char *profile = NULL;
	char folder[PATH_MAX];
	int id, status;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		if (id == 'a')
			options.all = true;
		else if (id == 'c')
			options.contention = true;
		else if (id == 'p')
			profile = optarg;
		else
			renderer = dw_renderer_find(optarg);
	}
	if (id == DW_OPTION_STOP)
		return status;
	if (optind == argc)
		return dw_usage(self, "a recording, or a folder with recordings, is missing");
	options.source_root = getcwd(folder, sizeof(folder));
	return report(argv + optind, profile, renderer, &options);
}
