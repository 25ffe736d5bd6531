/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/grapher.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

/* Names, boxes and lines of one process: some hundred bytes for each thing. */
#define GRAPH_MEMORY_MAX ((size_t)1 << 30)

int dw_grapher_draw(struct dw_telling *telling, bool all, struct dw_drawing *ret)
{
	struct dw_net_need *needs;
	uint32_t n_needs;
	int r = dw_net(telling->process->facts, telling->arena, &needs, &n_needs);

	if (r == 0)
		r = dw_drawing(telling->process, needs, n_needs,
			       all ? UINT32_MAX : DW_DRAWING_BOXES_MAX, telling->arena, ret);
	return r < 0 ? dw_pass(r) : 0;
}

const char *dw_grapher_left_out(struct dw_telling *telling, const struct dw_drawing *drawing)
{
	if (!drawing->n_things_left_out)
		return "";
	return dw_tell_text(telling,
			    "%" PRIu32 " of %" PRIu32 " things and %" PRIu32 " of %" PRIu32
			    " needs are left out; --all draws them",
			    drawing->n_things_left_out, drawing->n_things,
			    drawing->n_needs_left_out, drawing->n_needs);
}

/* @telling is a copy: its arena is this process's alone. */
static int write_one(struct dw_telling telling, size_t number, bool all, dw_grapher_write *write)
{
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, GRAPH_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	telling.arena = arena;
	r = write(&telling, number, all);
	if (r == 0 && telling.full)
		r = dw_raise(-ENOMEM);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_grapher_write_all(FILE *out, const struct dw_report *report,
			 const struct dw_render_options *options, dw_grapher_write *write)
{
	struct dw_telling telling = {.out = out, .doing = options->doing};

	for (size_t i = 0; i < report->n_processes; i++) {
		int r;

		telling.process = &report->processes[i];
		dw_tell_doing(&telling, "graph", i + 1, report->n_processes);
		r = write_one(telling, i, options->all, write);
		if (r < 0)
			return dw_pass(r);
	}
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}
