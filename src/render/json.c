/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For programs: docs/report.schema.json describes it. Keys are in the order in which they
 * are added; excused findings are there too, with their excuse.
 */
#include "base/arena.h"
#include "base/error.h"
#include "model/picture.h"
#include "render/json_write.h"
#include "render/last.h"
#include "render/words.h"
#include "symbol/names.h"

#include <errno.h>

#define REPORT_SCHEMA "deadwatch-report/1"

/* Names on their way into json-c: those of one finding, as for the text. */
#define FINDING_MEMORY_MAX ((size_t)64 << 20)

static void append_blind(struct dw_json_writer *writer, json *array, const struct dw_blind *blind,
			 size_t n, const char *recording)
{
	for (size_t i = 0; i < n; i++) {
		json *object = json_object_new_object();

		dw_json_text(writer, object, "reason", blind[i].reason);
		dw_json_text(writer, object, "text", blind[i].text);
		dw_json_text(writer, object, "recording",
			     blind[i].path ? blind[i].path : recording);
		if (blind[i].n_more)
			dw_json_number(writer, object, "more", blind[i].n_more);
		dw_json_append(writer, array, object);
	}
}

/* Each finding has the memory for its names to itself, so that a report has no limit. */
static json *finding_alone(struct dw_json_writer *writer, const struct dw_reported *reported)
{
	dw_auto(arena) arena = NULL;
	struct dw_arena *before = writer->arena;
	json *object = NULL;

	if (dw_arena_new(&arena, FINDING_MEMORY_MAX) < 0)
		return NULL;
	writer->arena = arena;
	object = dw_json_finding(writer, reported);
	writer->arena = before;
	return object;
}

static json *findings_json(struct dw_json_writer *writer, const struct dw_report *report)
{
	json *array = json_object_new_array();

	for (size_t i = 0; i < report->n_processes; i++) {
		writer->process = &report->processes[i];
		for (size_t j = 0; j < writer->process->n_findings; j++)
			dw_json_append(writer, array,
				       finding_alone(writer, &writer->process->findings[j]));
	}
	return array;
}

static json *contention_json(struct dw_json_writer *writer, const struct dw_report *report)
{
	json *array = json_object_new_array();

	for (size_t i = 0; i < report->n_processes; i++) {
		writer->process = &report->processes[i];
		dw_json_contention(writer, array);
	}
	return array;
}

static void append_silence(struct dw_json_writer *writer, json *array,
			   const struct dw_reported_process *process,
			   const struct dw_silence *silence)
{
	json *object = json_object_new_object();

	dw_json_text(writer, object, "function", silence->function);
	dw_json_number(writer, object, "quiet_ns", silence->quiet_ns);
	dw_json_number(writer, object, "usual_ns", silence->usual_ns);
	dw_json_number(writer, object, "runs", silence->n_beats);
	dw_json_bool(writer, object, "over", silence->flags & DW_SILENCE_OVER);
	dw_json_text(writer, object, "recording", process->path);
	dw_json_append(writer, array, object);
}

/* NULL: there are none. */
static json *silences_json(struct dw_json_writer *writer, const struct dw_report *report)
{
	json *array = NULL;

	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_facts *facts = report->processes[i].facts;

		for (uint32_t j = 1; j < facts->n_silences; j++) {
			if (!array)
				array = json_object_new_array();
			append_silence(writer, array, &report->processes[i], &facts->silences[j]);
		}
	}
	return array;
}

static void append_last(struct dw_json_writer *writer, json *array,
			const struct dw_reported_process *process, const struct dw_last *last)
{
	json *object = json_object_new_object(), *holds = json_object_new_array();
	json *held_by = json_object_new_array();

	for (uint32_t i = 1; i <= last->slot->top; i++)
		dw_json_append(
		    writer, holds,
		    dw_json_text_of(writer, dw_names_taken(process->names, dw_last_held(last, i))));
	for (uint32_t t = dw_last_holder(process, last, 1); t;
	     t = dw_last_holder(process, last, t + 1))
		dw_json_append(writer, held_by,
			       dw_json_text_of(writer, dw_names_thread(process->names, t)));
	dw_json_text(writer, object, "thread", dw_names_thread(process->names, last->thread));
	dw_json_number(writer, object, "tid", process->facts->threads[last->thread].tid);
	dw_json_add(writer, object, "holds", holds);
	dw_json_text(writer, object, "waits_for", dw_names_taken(process->names, last->waits));
	dw_json_add(writer, object, "held_by", held_by);
	dw_json_text(writer, object, "recording", process->path);
	dw_json_append(writer, array, object);
}

/* NULL: there is nothing to say. */
static json *last_json(struct dw_json_writer *writer, const struct dw_report *report)
{
	json *array = NULL;
	struct dw_last last;

	for (size_t i = 0; i < report->n_processes; i++)
		for (uint32_t t = 1; t < report->processes[i].facts->n_threads; t++) {
			if (!dw_last_seen(&report->processes[i], t, &last))
				continue;
			if (!array)
				array = json_object_new_array();
			append_last(writer, array, &report->processes[i], &last);
		}
	return array;
}

/* Only one process is inspected at a time. */
static void add_picture(struct dw_json_writer *writer, json *object, const struct dw_report *report)
{
	if (report->n_processes != 1 || !report->processes[0].inspected)
		return;
	writer->process = &report->processes[0];
	dw_json_add(writer, object, "picture", dw_json_inspected(writer));
}

static json *blind_json(struct dw_json_writer *writer, const struct dw_report *report)
{
	json *array = json_object_new_array();

	for (size_t i = 0; i < report->n_processes; i++)
		append_blind(writer, array, report->processes[i].blind,
			     report->processes[i].n_blind, report->processes[i].path);
	append_blind(writer, array, report->blind, report->n_blind, /* recording= */ NULL);
	return array;
}

/* Over all processes; the recordings of one program's children are one report. */
static struct dw_sums sum(const struct dw_report *report)
{
	struct dw_sums sums = {0};

	if (report->gate)
		return report->gate->sums;
	for (size_t i = 0; i < report->n_processes; i++)
		dw_render_add(&sums, &report->processes[i]);
	return sums;
}

/* Causes that lost nothing are there with 0: their absence would mean "not counted". */
static json *counts_json(struct dw_json_writer *writer, const struct dw_report *report)
{
	struct dw_sums sums = sum(report);
	json *object = json_object_new_object(), *findings = json_object_new_object();
	json *lost = json_object_new_object();

	dw_json_number(writer, object, "processes", sums.processes);
	dw_json_number(writer, object, "monitored", sums.monitored);
	dw_json_number(writer, object, "killed", sums.killed);
	dw_json_number(writer, object, "threads", sums.threads);
	dw_json_number(writer, object, "locks", sums.locks);
	dw_json_number(writer, object, "things", sums.things);
	dw_json_number(writer, object, "needs", sums.needs);
	/* Without a gate there is no order that needs could be declared in. */
	for (unsigned verdict = 1; verdict <= (report->gate ? DW_UNDECLARED : DW_HAZARD); verdict++)
		dw_json_number(writer, findings, dw_verdict_word(verdict), sums.verdicts[verdict]);
	dw_json_add(writer, object, "findings", findings);
	dw_json_number(writer, object, "excused", sums.excused);
	for (unsigned loss = 0; loss < DW_LOSS_MAX; loss++)
		if (dw_words_loss(loss))
			dw_json_number(writer, lost, dw_words_loss(loss), sums.losses[loss]);
	dw_json_add(writer, object, "lost", lost);
	dw_json_number(writer, object, "short_stacks", sums.short_stacks);
	dw_json_number(writer, object, "left_out", sums.left_out);
	return object;
}

static json *gate_json(struct dw_json_writer *writer, const struct dw_gated *gate)
{
	json *object = json_object_new_object(), *notes = json_object_new_array();
	json *standings = json_object_new_object();

	dw_json_text(writer, object, "baseline", gate->baseline);
	for (unsigned i = DW_STANDING_NEW; i <= DW_STANDING_LISTED; i++)
		dw_json_number(writer, standings, dw_standing_word(i), gate->n_standings[i]);
	dw_json_add(writer, object, "findings", standings);
	dw_json_number(writer, object, "unread", gate->n_unread);
	for (size_t i = 0; i < gate->n_notes; i++) {
		const struct dw_gate_note *note = &gate->notes[i];
		json *value = json_object_new_object();

		dw_json_text(writer, value, "kind", note->kind);
		dw_json_text(writer, value, "text", note->text);
		dw_json_text(writer, value, "file", note->path);
		dw_json_number(writer, value, "line", note->line);
		dw_json_bool(writer, value, "fails", note->fails);
		dw_json_append(writer, notes, value);
	}
	dw_json_add(writer, object, "notes", notes);
	return object;
}

static json *report_json(struct dw_json_writer *writer, const struct dw_report *report,
			 const struct dw_render_options *options)
{
	json *object = json_object_new_object(), *silences, *last;

	dw_json_text(writer, object, "schema", REPORT_SCHEMA);
	dw_json_add(writer, object, "findings", findings_json(writer, report));
	silences = silences_json(writer, report);
	if (silences)
		dw_json_add(writer, object, "silences", silences);
	last = last_json(writer, report);
	if (last)
		dw_json_add(writer, object, "last_seen", last);
	add_picture(writer, object, report);
	if (options->contention)
		dw_json_add(writer, object, "contention", contention_json(writer, report));
	dw_json_add(writer, object, "blind", blind_json(writer, report));
	if (report->gate)
		dw_json_add(writer, object, "gate", gate_json(writer, report->gate));
	dw_json_add(writer, object, "counts", counts_json(writer, report));
	return object;
}

/* Neither colour nor a choice of findings: programs choose themselves. */
static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	dw_auto(arena) arena = NULL;
	dw_auto_json object = NULL;
	struct dw_json_writer writer = {0};
	int r = dw_arena_new(&arena, FINDING_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	writer.arena = arena;
	object = report_json(&writer, report, options);
	r = dw_json_print(&writer, object, out);
	return r < 0 ? dw_pass(r) : 0;
}

const struct dw_renderer dw_render_json = {.name = "json", .render = render};
