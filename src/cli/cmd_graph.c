/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collection.h"
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

const struct dw_option graph_options[] = {
    {"format", 'f', "dot|svg|mermaid", "what the graph looks like"},
    {"all", 'a', NULL, "draw every thing, not just those that matter most"},
    {.name = NULL},
};

static const char *reason(int error)
{
	return error == -ENOSYS ? "Graphviz cannot lay it out" : strerror(-error);
}

static int draw(const struct dw_command *self, char **paths, const struct dw_renderer *renderer,
		const struct dw_render_options *options)
{
	dw_auto(collection) collection = NULL;
	int r = dw_collection_new(&collection, /* profile= */ NULL);

	if (r > 0)
		return DW_EXIT_USAGE;
	for (; r == 0 && *paths; paths++)
		r = dw_collection_add(collection, *paths);
	if (r == 0 && renderer == &dw_grapher_svg && dw_collection_n_processes(collection) > 1)
		return dw_usage(self, "an SVG shows one recording, and these are %zu",
				dw_collection_n_processes(collection));
	if (r == 0)
		r = dw_collection_write(collection, stdout, renderer, options);
	if (r < 0) {
		fprintf(stderr, "deadwatch: cannot draw: %s\n", reason(r));
		return DW_EXIT_FAILED;
	}
	if (dw_collection_n_bad(collection) > 0)
		return DW_EXIT_FAILED; /* it was said why */
	if (dw_collection_n_processes(collection) > 0)
		return DW_EXIT_CLEAN;
	fputs("deadwatch: there is no recording to draw\n", stderr);
	return DW_EXIT_BLIND;
}

int cmd_graph(const struct dw_command *self, int argc, char **argv)
{
	const struct dw_renderer *renderer = &dw_grapher_dot;
	struct dw_render_options options = {0};
	int id, status;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		if (id == 'a')
			options.all = true;
		else
			renderer = dw_grapher_find(optarg);
	}
	if (id == DW_OPTION_STOP)
		return status;
	if (optind == argc)
		return dw_usage(self, "a recording, or a folder with recordings, is missing");
	return draw(self, argv + optind, renderer, &options);
}
