/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JUnit's XML, for those who show tests: a finding is a test case that failed; one that is known
 * or suppressed was skipped, with the reason; what could not be seen is an error. What is wrong
 * with a gate's own files is a failure too, where it lets the gate fail.
 */
#include "base/arena.h"
#include "base/error.h"
#include "render/markup.h"
#include "render/place.h"
#include "render/say.h"

#include <errno.h>
#include <string.h>

/* The words of one finding. */
#define FINDING_MEMORY_MAX ((size_t)64 << 20)

struct counts {
	size_t tests, failures, errors, skipped;
};

static bool is_failure(const struct dw_reported *reported)
{
	if (reported->standing)
		return reported->standing == DW_STANDING_NEW;
	return !reported->finding->excuse && reported->finding->verdict != DW_HAZARD;
}

static bool is_skipped(const struct dw_reported *reported)
{
	return reported->finding->excuse || reported->standing == DW_STANDING_KNOWN ||
	       reported->standing == DW_STANDING_SUPPRESSED;
}

static bool has_unread(const struct dw_report *report)
{
	return report->gate && report->gate->n_unread;
}

static struct counts count(const struct dw_report *report, const struct dw_render_options *options)
{
	struct counts counts = {.errors = report->n_blind + has_unread(report)};

	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_reported_process *process = &report->processes[i];

		counts.errors += process->n_blind;
		for (size_t j = 0; j < process->n_findings; j++) {
			const struct dw_reported *reported = &process->findings[j];

			if (!dw_place_is_shown(reported, options))
				continue;
			counts.tests++;
			counts.failures += is_failure(reported);
			counts.skipped += is_skipped(reported);
		}
	}
	for (size_t i = 0; report->gate && i < report->gate->n_notes; i++) {
		counts.tests += report->gate->notes[i].fails;
		counts.failures += report->gate->notes[i].fails;
	}
	/* One that passes: a report without tests would look as if nobody had looked. */
	counts.tests += counts.errors + 1;
	return counts;
}

static void write_child(FILE *out, const char *element, const char *message, const char *text)
{
	fprintf(out, "      <%s message=\"", element);
	dw_markup_escape(out, message);
	fputs("\">", out);
	dw_markup_escape(out, text);
	fprintf(out, "</%s>\n", element);
}

static void begin_case(FILE *out, const char *kind, const char *name, const char *more)
{
	fprintf(out, "    <testcase classname=\"deadwatch.%s\" name=\"", kind);
	dw_markup_escape(out, name);
	dw_markup_escape(out, more);
	fputs("\">\n", out);
}

static const char *reason_of(struct dw_telling *telling, const struct dw_reported *reported)
{
	if (reported->reason)
		return dw_tell_name(telling, reported->reason);
	return reported->finding->excuse ? dw_say_excuse(telling, reported->finding) : "";
}

static void write_finding(FILE *out, struct dw_telling *telling, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;
	const char *chain = dw_say_chain(telling, finding);

	begin_case(out, dw_verdict_word(finding->verdict), chain,
		   dw_tell_text(telling, " [%s]", reported->fingerprint));
	if (is_failure(reported))
		write_child(
		    out, "failure",
		    dw_tell_text(telling, "%s: %s", dw_say_verdict(telling, finding), chain),
		    dw_place_summary(telling, finding));
	else if (is_skipped(reported))
		write_child(out, "skipped", reason_of(telling, reported), "");
	fputs("    </testcase>\n", out);
}

static int write_findings(FILE *out, const struct dw_reported_process *process,
			  const struct dw_render_options *options)
{
	for (size_t i = 0; i < process->n_findings; i++) {
		dw_auto(arena) arena = NULL;
		struct dw_telling telling = {.process = process};
		int r = dw_arena_new(&arena, FINDING_MEMORY_MAX);

		if (r < 0)
			return dw_pass(r);
		telling.arena = arena;
		if (dw_place_is_shown(&process->findings[i], options))
			write_finding(out, &telling, &process->findings[i]);
		if (telling.full)
			return dw_raise(-ENOMEM);
	}
	return 0;
}

static int write_blind(FILE *out, const struct dw_blind *blind, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dw_auto(arena) arena = NULL;
		struct dw_telling telling = {0};
		int r = dw_arena_new(&arena, FINDING_MEMORY_MAX);

		if (r < 0)
			return dw_pass(r);
		telling.arena = arena;
		begin_case(out, "blind", dw_tell_name(&telling, blind[i].reason), "");
		write_child(out, "error", dw_tell_name(&telling, blind[i].text),
			    blind[i].path ? dw_tell_name(&telling, blind[i].path) : "");
		fputs("    </testcase>\n", out);
	}
	return 0;
}

static void write_note(FILE *out, struct dw_telling *telling, const struct dw_gate_note *note)
{
	const char *path = note->path ? dw_tell_name(telling, note->path) : "";

	begin_case(out, note->kind, path,
		   note->line ? dw_tell_text(telling, ", line %u", note->line) : "");
	write_child(out, "failure", dw_tell_name(telling, note->text), "");
	fputs("    </testcase>\n", out);
}

/* What is wrong with the gate's own files can let it fail: a report where all is well would lie. */
static int write_notes(FILE *out, const struct dw_gated *gate)
{
	dw_auto(arena) arena = NULL;
	struct dw_telling telling = {0};
	int r = dw_arena_new(&arena, FINDING_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	telling.arena = arena;
	for (size_t i = 0; i < gate->n_notes; i++)
		if (gate->notes[i].fails)
			write_note(out, &telling, &gate->notes[i]);
	return telling.full ? dw_raise(-ENOMEM) : 0;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	struct counts counts = count(report, options);
	char unread[DW_PLACE_UNREAD_SIZE];
	int r = 0;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"deadwatch\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
		"skipped=\"%zu\">\n"
		"    <testcase classname=\"deadwatch\" name=\"recordings were looked at\"/>\n",
		counts.tests, counts.failures, counts.errors, counts.skipped);
	for (size_t i = 0; i < report->n_processes && r == 0; i++) {
		r = write_findings(out, &report->processes[i], options);
		if (r == 0)
			r = write_blind(out, report->processes[i].blind,
					report->processes[i].n_blind);
	}
	if (r == 0)
		r = write_blind(out, report->blind, report->n_blind);
	if (r == 0 && report->gate)
		r = write_notes(out, report->gate);
	if (r < 0)
		return dw_pass(r);
	if (has_unread(report))
		fprintf(out,
			"    <testcase classname=\"deadwatch\" name=\"recordings could be read\">\n"
			"      <error message=\"%s\"/>\n    </testcase>\n",
			dw_place_unread(unread, report->gate));
	fputs("  </testsuite>\n</testsuites>\n", out);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_junit = {.name = "junit", .render = render};
