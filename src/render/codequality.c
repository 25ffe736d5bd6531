/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GitLab's report of code quality: its site compares the one of a change with the one of where that
 * goes, by fingerprint, so what is known is there too.
 */
#include "base/arena.h"
#include "base/error.h"
#include "render/json_write.h"
#include "render/place.h"
#include "render/say.h"

#include <errno.h>
#include <string.h>

/* The words of one finding. */
#define FINDING_MEMORY_MAX ((size_t)64 << 20)

static const char *severity_of(const struct dw_reported *reported)
{
	switch (reported->finding->verdict) {
	case DW_DEADLOCK:
	case DW_STALL:
		return "critical";
	case DW_HAZARD:
		return "info";
	case DW_UNDECLARED:
		return "minor";
	default:
		return "major";
	}
}

static json *entry_json(struct dw_json_writer *writer, struct dw_telling *telling,
			const struct dw_reported *reported, const char *source_root)
{
	struct dw_place_shown place = dw_place_of_frame(
	    telling, dw_place_of_finding(telling, reported->finding), source_root);
	json *object = json_object_new_object(), *location = json_object_new_object();
	json *lines = json_object_new_object();

	dw_json_text(writer, object, "description", dw_place_summary(telling, reported->finding));
	dw_json_text(
	    writer, object, "check_name",
	    dw_tell_text(telling, "deadwatch-%s", dw_verdict_word(reported->finding->verdict)));
	dw_json_text(writer, object, "fingerprint", reported->fingerprint);
	dw_json_text(writer, object, "severity", severity_of(reported));
	dw_json_number(writer, lines, "begin", place.line ? place.line : 1);
	dw_json_text(writer, location, "path", place.path ? place.path : "unknown");
	dw_json_add(writer, location, "lines", lines);
	dw_json_add(writer, object, "location", location);
	return object;
}

static void append_entry(struct dw_json_writer *writer, json *array,
			 const struct dw_reported_process *process,
			 const struct dw_reported *reported, const char *source_root)
{
	dw_auto(arena) arena = NULL;
	struct dw_telling telling = {.process = process};

	if (dw_arena_new(&arena, FINDING_MEMORY_MAX) < 0) {
		writer->failed = true;
		return;
	}
	writer->arena = telling.arena = arena;
	dw_json_append(writer, array, entry_json(writer, &telling, reported, source_root));
	writer->arena = NULL;
	writer->failed = writer->failed || telling.full;
}

static bool is_listed(const struct dw_reported *reported, const struct dw_render_options *options)
{
	return dw_place_is_shown(reported, options) && reported->standing != DW_STANDING_SUPPRESSED;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	dw_auto_json array = json_object_new_array();
	struct dw_json_writer writer = {0};
	int r;

	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_reported_process *process = &report->processes[i];

		for (size_t j = 0; j < process->n_findings; j++)
			if (is_listed(&process->findings[j], options))
				append_entry(&writer, array, process, &process->findings[j],
					     options->source_root);
	}
	r = dw_json_print(&writer, array, out);
	return r < 0 ? dw_pass(r) : 0;
}

const struct dw_renderer dw_render_gitlab = {.name = "gitlab", .render = render};
