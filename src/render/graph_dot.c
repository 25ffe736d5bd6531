/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language of Graphviz, and of all that reads it; one graph a process. */
#include "render/grapher.h"

#include <inttypes.h>

/* As a quoted string: there, a backslash begins what means something, and so does an ampersand. */
static void write_text(struct dw_telling *telling, const char *text)
{
	fputc('"', telling->out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', telling->out);
		fputs(*text == '&' ? "&amp;" : (char[]){*text, 0}, telling->out);
	}
	fputc('"', telling->out);
}

static const char *colour_of(uint32_t flags)
{
	return flags & DW_DRAWN_FOUND     ? "#b3261e"
	       : flags & DW_DRAWN_EXCUSED ? "#8a6d00"
					  : "#5b6470";
}

static void write_box(struct dw_telling *telling, const struct dw_box *box)
{
	const char *name = dw_tell_name(telling, box->name);

	if (box->n_things > 1)
		name = dw_tell_text(telling, "%s \xc3\x97%" PRIu32, name, box->n_things);
	fprintf(telling->out, "\tt%" PRIu32 " [label=", box->thing);
	write_text(telling, name);
	fprintf(telling->out, ", color=\"%s\"%s%s];\n", colour_of(box->flags),
		box->flags & DW_DRAWN_LOCK ? "" : ", style=rounded",
		box->flags & DW_DRAWN_BQL ? ", peripheries=2" : "");
}

static void write_line(struct dw_telling *telling, const struct dw_drawing *drawing,
		       const struct dw_line *line)
{
	fprintf(telling->out, "\tt%" PRIu32 " -> t%" PRIu32 " [color=\"%s\"%s];\n",
		drawing->boxes[line->from].thing, drawing->boxes[line->to].thing,
		colour_of(line->flags), line->flags & DW_DRAWN_FOUND ? ", penwidth=2" : "");
}

static int write_dot(struct dw_telling *telling, size_t number, bool all)
{
	struct dw_drawing drawing;
	int r = dw_grapher_draw(telling, all, &drawing);

	(void)number;
	if (r < 0)
		return r;
	fprintf(telling->out, "// an arrow leads from what is held, or given, to what it needs\n");
	if (drawing.n_things_left_out)
		fprintf(telling->out, "// %s\n", dw_grapher_left_out(telling, &drawing));
	fprintf(telling->out, "digraph ");
	write_text(telling, dw_tell_process(telling));
	fprintf(telling->out, " {\n\tnode [shape=box, fontname=monospace];\n");
	for (uint32_t i = 0; i < drawing.n_boxes; i++)
		write_box(telling, &drawing.boxes[i]);
	for (uint32_t i = 0; i < drawing.n_lines; i++)
		write_line(telling, &drawing, &drawing.lines[i]);
	fprintf(telling->out, "}\n");
	return 0;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	return dw_grapher_write_all(out, report, options, write_dot);
}

const struct dw_renderer dw_grapher_dot = {.name = "dot", .render = render};
