/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For people: every finding, then what was seen, what was not, and what it comes to. */
#include "base/arena.h"
#include "base/error.h"
#include "model/picture.h"
#include "render/gate.h"
#include "render/last.h"
#include "render/render.h"
#include "render/say.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The words of a table. */
#define TABLE_MEMORY_MAX ((size_t)64 << 20)

/* An excuse is worth a person's time only on request. */
static bool is_shown(const struct dw_finding *finding, const struct dw_render_options *options)
{
	return !finding->excuse || options->all;
}

static int tell_findings(const struct dw_telling *telling, const struct dw_report *report,
			 const struct dw_render_options *options)
{
	for (size_t i = 0; i < report->n_processes; i++) {
		struct dw_telling one = *telling;

		one.process = &report->processes[i];
		for (size_t j = 0; j < one.process->n_findings; j++) {
			const struct dw_reported *reported = &one.process->findings[j];
			int r = 0;

			if (is_shown(reported->finding, options))
				r = dw_tell_finding_alone(one, reported);
			if (r < 0)
				return dw_pass(r);
		}
	}
	return 0;
}

/* Each table has an arena of its own, as findings have. */
static int tell_tables(struct dw_telling telling, const struct dw_render_options *options)
{
	int r = dw_arena_new(&telling.arena, TABLE_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	if (telling.process->inspected)
		dw_tell_inspected(&telling, options->all);
	if (options->contention)
		dw_tell_contention(&telling);
	dw_arena_free(telling.arena);
	return telling.full ? dw_raise(-ENOMEM) : 0;
}

static int tell_all_tables(struct dw_telling telling, const struct dw_report *report,
			   const struct dw_render_options *options)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < report->n_processes; i++) {
		telling.process = &report->processes[i];
		r = tell_tables(telling, options);
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* The text of a reason says what to do about it. */
static void tell_blind(struct dw_telling *telling, const struct dw_blind *blind, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dw_tell(telling, DW_STYLE_ALARM, "  blind");
		dw_tell(telling, DW_STYLE_PLAIN, " (%s): %s\n",
			dw_tell_name(telling, blind[i].reason),
			dw_tell_name(telling, blind[i].text));
	}
}

static void tell_silences(struct dw_telling *telling)
{
	for (uint32_t i = 1; i < telling->process->facts->n_silences; i++) {
		dw_tell(telling, DW_STYLE_BOLD, "  silent:");
		dw_tell(telling, DW_STYLE_PLAIN, " %s\n", dw_say_silence(telling, i));
	}
}

static void tell_last(struct dw_telling *telling)
{
	struct dw_last last;
	bool any = false;

	for (uint32_t t = 1; t < telling->process->facts->n_threads; t++) {
		if (!dw_last_seen(telling->process, t, &last))
			continue;
		if (!any)
			dw_tell(telling, DW_STYLE_PLAIN, "  %s:\n", DW_SAY_LAST_SEEN);
		any = true;
		dw_tell(telling, DW_STYLE_PLAIN, "    %s\n", dw_say_last(telling, &last));
	}
}

static void tell_process(struct dw_telling *telling, bool all)
{
	const struct dw_reported_process *process = telling->process;

	dw_tell(telling, DW_STYLE_PLAIN, "%s\n", dw_say_process(telling, all));
	tell_silences(telling);
	tell_last(telling);
	tell_blind(telling, process->blind, process->n_blind);
}

static void tell_line(struct dw_telling *telling, const char *text, const char *more)
{
	if (text[0])
		dw_tell(telling, DW_STYLE_PLAIN, "%s%s\n", text, more);
}

/* The last line is what it comes to. "Clean" is said only of what was seen whole. */
static void tell_result(struct dw_telling *telling, const struct dw_report *report)
{
	const char *found = dw_say_found(telling, report);
	const char *result = dw_say_result(telling, report);
	bool is_clean = report->n_processes && !dw_count(report).n_blind;

	if (found[0])
		dw_tell(telling, DW_STYLE_ALARM, "found:");
	if (found[0])
		dw_tell(telling, DW_STYLE_BOLD, " %s\n", found);
	if (result[0])
		dw_tell(telling, is_clean ? DW_STYLE_BOLD : DW_STYLE_ALARM, "%s\n", result);
}

static int tell_summary(struct dw_telling telling, const struct dw_report *report,
			const struct dw_render_options *options)
{
	int r = dw_arena_new(&telling.arena, TABLE_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < report->n_processes; i++) {
		telling.process = &report->processes[i];
		tell_process(&telling, options->all);
	}
	tell_blind(&telling, report->blind, report->n_blind);
	tell_line(&telling, dw_say_hazards(&telling, report), "");
	tell_line(&telling, dw_say_excused(&telling, report),
		  options->all ? "" : "; --all shows them");
	tell_result(&telling, report);
	dw_arena_free(telling.arena);
	return telling.full ? dw_raise(-ENOMEM) : 0;
}

/* Findings first, the result last: where a terminal scrolls, the result is what stays. */
static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	struct dw_telling telling = {
	    .out = out, .colour = options->colour, .is_one_of = report->n_processes > 1};
	int r = report->gate ? dw_tell_gate(&telling, report, options)
			     : tell_findings(&telling, report, options);

	if (r == 0)
		r = tell_all_tables(telling, report, options);
	if (r == 0 && !report->gate)
		r = tell_summary(telling, report, options);
	if (r < 0)
		return dw_pass(r);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_text = {.name = "text", .render = render};
