/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One finding: its chain, its drawing, its legs in a table and side by side with their stacks. */
#include "analysis/leg.h"
#include "base/error.h"
#include "render/block.h"
#include "render/html.h"
#include "render/markup.h"
#include "render/say.h"
#include "render/svg.h"
#include "symbol/names.h"

#include <inttypes.h>

static void write_frame(struct dw_telling *telling, const struct dw_named_stack *stack,
			uint32_t number)
{
	const struct dw_frame *frame = &stack->frames[number];
	bool aside = frame->flags & (DW_FRAME_WRAPPER | DW_FRAME_RUNTIME);
	const char *line = dw_tell_line(telling, frame);

	dw_markup(telling, "<li value=\"%" PRIu32 "\"%s>", number,
		  number == stack->site ? " class=\"site\""
		  : aside               ? " class=\"aside\""
					: "");
	dw_markup_element(telling, "code", NULL, dw_tell_function(telling, frame));
	if (line[0])
		dw_html_where(telling, line);
	if (frame->function && frame->module) {
		dw_markup(telling, " <span class=\"module\">");
		dw_markup_text(telling, dw_tell_name(telling, frame->module));
		dw_markup(telling, "%s</span>", frame->flags & DW_FRAME_INLINED ? ", inlined" : "");
	}
	dw_markup(telling, "</li>\n");
}

static void write_frames(struct dw_telling *telling, const struct dw_named_stack *stack,
			 uint32_t from, uint32_t to)
{
	dw_markup(telling, "<ol class=\"stack\">\n");
	for (uint32_t i = from; i < to; i++)
		write_frame(telling, stack, i);
	dw_markup(telling, "</ol>\n");
}

/* The outer frames that another stack beside it has as well are folded away. */
static void write_stack(struct dw_telling *telling, const struct dw_named_stack *stack,
			const struct dw_named_stack *outer)
{
	uint32_t common = outer ? dw_tell_common(outer, stack) : 0;

	common = common < DW_COMMON_MIN ? 0 : common;
	if (stack->n_frames == 0)
		dw_markup(telling, "<p class=\"note\">no stack was recorded</p>\n");
	write_frames(telling, stack, 0, stack->n_frames - common);
	if (common) {
		dw_markup(telling, "<details><summary>%" PRIu32 " frames as above, from ", common);
		dw_markup_element(
		    telling, "code", NULL,
		    dw_tell_function(telling, &stack->frames[stack->n_frames - common]));
		dw_markup(telling, "</summary>\n");
		write_frames(telling, stack, stack->n_frames - common, stack->n_frames);
		dw_markup(telling, "</details>\n");
	}
	if (stack->flags & DW_STACK_SHORT)
		dw_markup(telling,
			  "<p class=\"note\">the stack could not be unwound further</p>\n");
	else if (stack->flags & DW_STACK_CUT)
		dw_markup(telling, "<p class=\"note\">%s</p>\n", dw_tell_cut(telling));
}

static void write_sayings(struct dw_telling *telling, const struct dw_saying *sayings, uint32_t n)
{
	dw_markup(telling, "<div class=\"leg\">\n");
	for (uint32_t i = 0; i < n; i++) {
		dw_markup_element(telling, "h4", NULL, sayings[i].text);
		if (sayings[i].stack)
			write_stack(telling, sayings[i].stack, i ? sayings[0].stack : NULL);
	}
	dw_markup(telling, "</div>\n");
}

static void write_legs(struct dw_telling *telling, const struct dw_finding *finding)
{
	struct dw_saying sayings[DW_SAYINGS_MAX];

	dw_markup(telling, "<div class=\"legs\">\n");
	if (finding->verdict == DW_MISUSE)
		write_sayings(telling, sayings,
			      dw_say_misuse(telling,
					    &telling->process->facts->misuses[finding->misuse],
					    sayings));
	else
		for (uint32_t i = 0; i < finding->n_legs; i++)
			write_sayings(telling, sayings, dw_say_leg(telling, finding, i, sayings));
	dw_markup(telling, "</div>\n");
}

static void write_table(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_misuse *misuse = &telling->process->facts->misuses[finding->misuse];
	static const char *const classes[DW_CELLS] = {"who", NULL, "thing", NULL, "where"};
	size_t n;
	const struct dw_row *rows = finding->verdict == DW_MISUSE
					? dw_block_rows_of_misuse(telling, misuse, &n)
					: dw_block_rows_of_legs(telling, finding, &n);

	dw_markup(telling,
		  "<div class=\"scroll\" role=\"region\" aria-label=\"Legs\" tabindex=\"0\"><table "
		  "class=\"block\"><thead><tr>"
		  "<th scope=\"col\">thread</th><th scope=\"col\"></th><th scope=\"col\">thing</th>"
		  "<th scope=\"col\">function</th><th scope=\"col\">line</th></tr></thead>\n");
	for (size_t i = 0; rows && i < n; i++) {
		dw_markup(telling, "<tr>");
		for (unsigned cell = 0; cell < DW_CELLS; cell++)
			dw_markup_element(telling, "td", classes[cell], rows[i].cells[cell]);
		dw_markup(telling, "</tr>\n");
	}
	dw_markup(telling, "</table></div>\n");
}

/* A larger circle is no picture any more; the table has all of it. */
#define DRAWN_LEGS_MAX 24

static int write_drawing(struct dw_telling *telling, const struct dw_finding *finding)
{
	int r;

	dw_markup(telling,
		  "<figure class=\"scroll\" aria-label=\"The legs, drawn\" tabindex=\"0\">\n");
	r = dw_svg_finding(telling, finding);
	dw_markup(telling, "<figcaption>A full line: is held, or given, by. A broken line: waits "
			   "for, or needs.</figcaption></figure>\n");
	return r < 0 ? dw_pass(r) : 0;
}

static void write_waiter(struct dw_telling *telling, const struct dw_found_leg *waiter)
{
	const struct dw_named_stack *stack =
	    dw_names_stack(telling->process->names, waiter->stack, /* hint= */ 0);

	dw_markup(telling, "<li>");
	dw_markup_text(telling, dw_tell_thread(telling, waiter->thread));
	dw_markup(telling, " waits for ");
	dw_markup_element(telling, "b", NULL,
			  dw_tell_name(telling, dw_say_waited(telling, waiter)));
	if (stack->n_frames) {
		dw_markup(telling, "<details><summary>now at ");
		dw_markup_element(
		    telling, "code", NULL,
		    dw_tell_function(
			telling, &stack->frames[stack->site < stack->n_frames ? stack->site : 0]));
		dw_markup(telling, "</summary>\n");
		write_stack(telling, stack, NULL);
		dw_markup(telling, "</details>\n");
	}
	dw_markup(telling, "</li>\n");
}

static void write_waiters(struct dw_telling *telling, const struct dw_found *found)
{
	if (!found->n_waiters)
		return;
	dw_markup(telling,
		  "<details class=\"waiters\"><summary>%" PRIu32 " more thread%s</summary><ul>\n",
		  found->n_waiters, found->n_waiters == 1 ? " waits" : "s wait");
	for (uint32_t i = 0; i < found->n_waiters; i++)
		write_waiter(telling, &found->legs[found->n_legs + i]);
	dw_markup(telling, "</ul></details>\n");
}

static void write_givers(struct dw_telling *telling, const struct dw_finding *finding)
{
	struct dw_giver givers[DW_GIVERS_MAX];
	uint32_t thing, n = dw_say_givers(telling, finding, &thing, givers);

	if (n == 0)
		return;
	dw_markup(telling, "<p>");
	dw_markup_element(telling, "b", NULL, dw_tell_thing(telling, thing));
	dw_markup(telling, " was given before by:</p><ul>\n");
	for (uint32_t i = 0; i < n; i++) {
		dw_markup(telling, "<li>");
		dw_markup_text(telling, dw_tell_thread(telling, givers[i].thread));
		dw_markup(telling, " in ");
		dw_markup_element(telling, "code", NULL,
				  dw_tell_function(telling, givers[i].frame));
		dw_html_where(telling, dw_tell_line(telling, givers[i].frame));
		dw_markup(telling, "</li>\n");
	}
	dw_markup(telling, "</ul>\n");
}

/* What is to be known beside the legs, a line each. */
static void write_notes(struct dw_telling *telling, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;
	const char *flags[DW_SAY_FLAGS_MAX];
	uint32_t n = dw_say_flags(telling, finding, flags);

	for (uint32_t i = 0; i < n; i++)
		dw_markup_element(telling, "p", "note", flags[i]);
	if (finding->verdict == DW_HAZARD)
		dw_markup_element(telling, "p", "note", dw_say_waits(telling, finding));
	if (reported->occurrences > 1)
		dw_markup(telling, "<p class=\"note\">found %" PRIu32 " times</p>\n",
			  reported->occurrences);
	dw_markup(telling, "<p class=\"note\">fingerprint <code>");
	dw_markup_text(telling, reported->fingerprint);
	dw_markup(telling, "</code></p>\n");
}

static const char *mood_of(const struct dw_finding *finding)
{
	if (finding->excuse)
		return "mild";
	return finding->verdict == DW_HAZARD ? "calm" : "bad";
}

static void write_title(struct dw_telling *telling, const struct dw_finding *finding)
{
	const char *span = dw_say_span(telling, finding);

	dw_markup(telling, "<h3><span class=\"verdict %s\">", mood_of(finding));
	dw_markup_text(telling, dw_say_verdict(telling, finding));
	dw_markup(telling, "</span> ");
	dw_markup_element(telling, "span", "chain", dw_say_chain(telling, finding));
	dw_markup(telling, "</h3>\n<p class=\"note\">in ");
	dw_markup_text(telling, dw_tell_process(telling));
	if (span[0])
		dw_markup_text(telling, dw_tell_text(telling, ", %s", span));
	dw_markup(telling, "</p>\n");
}

int dw_html_finding(struct dw_telling *telling, const struct dw_reported *reported, size_t number)
{
	const struct dw_finding *finding = reported->finding;
	int r = 0;

	dw_markup(telling,
		  "<article class=\"finding\" id=\"finding-%zu\" tabindex=\"-1\" data-find>\n",
		  number);
	write_title(telling, finding);
	if (finding->excuse) {
		dw_markup(telling,
			  "<p class=\"excuse\"><b>%s</b>: ", dw_excuse_word(finding->excuse));
		dw_markup_text(telling, dw_say_excuse(telling, finding));
		dw_markup(telling, "</p>\n");
	}
	dw_markup(telling, "<div class=\"glance\">\n");
	if (finding->verdict != DW_MISUSE && finding->n_legs <= DRAWN_LEGS_MAX)
		r = write_drawing(telling, finding);
	if (r < 0)
		return dw_pass(r);
	write_table(telling, finding);
	dw_markup(telling, "</div>\n");
	dw_markup(telling, "<details class=\"stacks\"%s><summary>Stacks</summary>\n",
		  finding->excuse || finding->verdict == DW_HAZARD ? "" : " open");
	write_legs(telling, finding);
	dw_markup(telling, "</details>\n");
	write_waiters(telling, dw_leg_found(telling->process->facts, finding));
	write_givers(telling, finding);
	write_notes(telling, reported);
	dw_markup(telling, "</article>\n");
	return 0;
}
