/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language of Mermaid, which is drawn where Markdown is shown; a part for each process. */
#include "render/grapher.h"

#include <inttypes.h>
#include <string.h>

/* Characters that mean something in there, as entities of its own kind. */
static void write_text(struct dw_telling *telling, const char *text)
{
	fputc('"', telling->out);
	for (; *text; text++) {
		if (strchr("\"#<>&`;\\%", *text))
			fprintf(telling->out, "#%d;", *text);
		else
			fputc(*text, telling->out);
	}
	fputc('"', telling->out);
}

static void write_box(struct dw_telling *telling, size_t number, const struct dw_box *box)
{
	bool is_lock = box->flags & DW_DRAWN_LOCK;
	const char *name = dw_tell_name(telling, box->name);

	if (box->n_things > 1)
		name = dw_tell_text(telling, "%s \xc3\x97%" PRIu32, name, box->n_things);
	fprintf(telling->out, "\t\tp%zut%" PRIu32 "%s", number, box->thing, is_lock ? "[" : "([");
	write_text(telling, name);
	fprintf(telling->out, "%s%s\n", is_lock ? "]" : "])",
		box->flags & DW_DRAWN_FOUND     ? ":::found"
		: box->flags & DW_DRAWN_EXCUSED ? ":::excused"
						: "");
}

static int write_mermaid(struct dw_telling *telling, size_t number, bool all)
{
	struct dw_drawing drawing;
	int r = dw_grapher_draw(telling, all, &drawing);

	if (r < 0)
		return r;
	if (drawing.n_things_left_out)
		fprintf(telling->out, "\t%%%% %s\n", dw_grapher_left_out(telling, &drawing));
	fprintf(telling->out, "\tsubgraph p%zu[", number);
	write_text(telling, dw_tell_process(telling));
	fprintf(telling->out, "]\n");
	for (uint32_t i = 0; i < drawing.n_boxes; i++)
		write_box(telling, number, &drawing.boxes[i]);
	for (uint32_t i = 0; i < drawing.n_lines; i++)
		fprintf(telling->out, "\t\tp%zut%" PRIu32 " %s p%zut%" PRIu32 "\n", number,
			drawing.boxes[drawing.lines[i].from].thing,
			drawing.lines[i].flags & DW_DRAWN_FOUND ? "==>" : "-->", number,
			drawing.boxes[drawing.lines[i].to].thing);
	fprintf(telling->out, "\tend\n");
	return 0;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	fprintf(out, "flowchart TD\n\t%%%% an arrow leads from what is held, or given, to what it "
		     "needs\n\tclassDef found stroke:#b3261e,stroke-width:3px\n"
		     "\tclassDef excused stroke:#8a6d00,stroke-width:2px\n");
	return dw_grapher_write_all(out, report, options, write_mermaid);
}

const struct dw_renderer dw_grapher_mermaid = {.name = "mermaid", .render = render};
