/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collection.h"
#include "cli/command.h"
#include "cli/gate.h"

#include <getopt.h>
#include <limits.h>
#include <unistd.h>

const struct dw_option gate_options[] = {
    {"format", 'f', DW_FORMATS, "what is printed"},
    {"all", 'a', NULL, "show known findings whole, too"},
    {"profile", 'p', "FILE", "what else is known about the program"},
    DW_GATE_OPTION_ROWS,
    {.name = NULL},
};

static int add_paths(struct dw_collection *collection, void *context)
{
	int r = 0;

	for (char **path = context; r == 0 && *path; path++)
		r = dw_collection_add(collection, *path);
	return r;
}

int cmd_gate(const struct dw_command *self, int argc, char **argv)
{
	const struct dw_renderer *renderer = &dw_render_text;
	struct dw_gate_options options = {0};
	struct dw_gate_input input = {add_paths, NULL};
	char folder[PATH_MAX];
	int id, status;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0) {
		if (id == 'a')
			options.render.all = true;
		else if (id == 'p')
			options.profile = optarg;
		else if (id == 'f')
			renderer = dw_renderer_find(optarg);
		else if (dw_gate_option(self, &options, id, &status) == DW_OPTION_STOP)
			return status;
	}
	if (id == DW_OPTION_STOP)
		return status;
	if (optind == argc)
		return dw_usage(self, "a recording, or a folder with recordings, is missing");
	options.render.source_root = getcwd(folder, sizeof(folder));
	input.context = argv + optind;
	return dw_gate(&options, &input, stdout, renderer);
}
