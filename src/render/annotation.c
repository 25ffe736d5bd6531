/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of GitHub's workflows: a line of a job's log that its site shows beside the line of
 * source. Only what somebody has to look at has one.
 */
#include "base/arena.h"
#include "base/error.h"
#include "render/place.h"
#include "render/say.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The words of one finding. */
#define FINDING_MEMORY_MAX ((size_t)64 << 20)

/* What a command may not hold as it is; within its properties two more. */
static void write_escaped(FILE *out, const char *text, bool in_property)
{
	for (; *text; text++)
		if (strchr("%\r\n", *text) || (in_property && strchr(":,", *text)))
			fprintf(out, "%%%02X", (unsigned char)*text);
		else
			fputc(*text, out);
}

static void begin(FILE *out, const char *command, const char *title)
{
	fprintf(out, "::%s title=", command);
	write_escaped(out, title, /* in_property= */ true);
}

static void place(FILE *out, const char *path, uint32_t line)
{
	fputs(",file=", out);
	write_escaped(out, path, /* in_property= */ true);
	if (line)
		fprintf(out, ",line=%" PRIu32, line);
}

static void end(FILE *out, const char *message)
{
	fputs("::", out);
	write_escaped(out, message, /* in_property= */ false);
	fputc('\n', out);
}

static void write_finding(FILE *out, struct dw_telling *telling, const struct dw_finding *finding,
			  const char *command, const char *source_root)
{
	struct dw_place_shown shown =
	    dw_place_of_frame(telling, dw_place_of_finding(telling, finding), source_root);

	begin(out, command,
	      dw_tell_text(telling, "%s: %s", dw_say_verdict(telling, finding),
			   dw_say_chain(telling, finding)));
	if (shown.path && shown.below_root)
		place(out, shown.path, shown.line);
	end(out, dw_place_summary(telling, finding));
}

static bool is_worth_a_line(const struct dw_reported *reported)
{
	if (reported->standing)
		return reported->standing == DW_STANDING_NEW;
	return !reported->finding->excuse && reported->finding->verdict != DW_HAZARD;
}

static int write_findings(FILE *out, const struct dw_reported_process *process,
			  const struct dw_render_options *options)
{
	for (size_t i = 0; i < process->n_findings; i++) {
		const struct dw_reported *reported = &process->findings[i];
		dw_auto(arena) arena = NULL;
		struct dw_telling telling = {.process = process};
		int r = dw_arena_new(&arena, FINDING_MEMORY_MAX);

		if (r < 0)
			return dw_pass(r);
		telling.arena = arena;
		if (is_worth_a_line(reported))
			write_finding(out, &telling, reported->finding, dw_place_level(reported),
				      options->source_root);
		if (telling.full)
			return dw_raise(-ENOMEM);
	}
	return 0;
}

static void write_blind(FILE *out, const struct dw_blind *blind, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		begin(out, "error", "deadwatch is blind: ");
		write_escaped(out, blind[i].reason, /* in_property= */ true);
		end(out, blind[i].text);
	}
}

static void write_gate(FILE *out, const struct dw_gated *gate)
{
	char unread[DW_PLACE_UNREAD_SIZE];

	for (size_t i = 0; i < gate->n_notes; i++) {
		const struct dw_gate_note *note = &gate->notes[i];

		if (!strcmp(note->kind, "used"))
			continue;
		begin(out, note->fails ? "error" : "warning", "deadwatch: ");
		write_escaped(out, note->kind, /* in_property= */ true);
		if (note->path)
			place(out, note->path, note->line);
		end(out, note->text);
	}
	if (gate->n_unread)
		fprintf(out, "::error title=deadwatch::%s\n", dw_place_unread(unread, gate));
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	int r = 0;

	for (size_t i = 0; i < report->n_processes && r == 0; i++)
		r = write_findings(out, &report->processes[i], options);
	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < report->n_processes; i++)
		write_blind(out, report->processes[i].blind, report->processes[i].n_blind);
	write_blind(out, report->blind, report->n_blind);
	if (report->gate)
		write_gate(out, report->gate);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_github = {.name = "github", .render = render};
