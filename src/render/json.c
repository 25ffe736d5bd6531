/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For programs: docs/report.schema.json describes it. Keys are in the order in which they
 * are added; excused findings are there too, with their excuse.
 */
#include "base/arena.h"
#include "base/error.h"
#include "model/event.h"
#include "render/escape.h"
#include "render/render.h"
#include "render/words.h"
#include "symbol/names.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>

#define REPORT_SCHEMA "deadwatch-report/1"

/* Names on their way into json-c, which copies them: those of one finding, as for the text. */
#define FINDING_MEMORY_MAX ((size_t)64 << 20)

struct writer {
	const struct dw_reported_process *process;
	struct dw_arena *arena;
	bool failed; /* no memory: something is missing, so nothing may be written */
};

typedef struct json_object json;

static void put_json(json **object)
{
	json_object_put(*object);
}

/* @value is owned by @object from here on; NULL: it could not be made. */
static void add(struct writer *writer, json *object, const char *key, json *value)
{
	if (!value || !object || json_object_object_add(object, key, value))
		writer->failed = true;
}

static void add_null(struct writer *writer, json *object, const char *key)
{
	if (!object || json_object_object_add(object, key, NULL))
		writer->failed = true;
}

static void append(struct writer *writer, json *array, json *value)
{
	if (!value || !array || json_object_array_add(array, value))
		writer->failed = true;
}

/* JSON is UTF-8, names of a program need not be. */
static json *text_of(struct writer *writer, const char *text)
{
	const char *valid = dw_escape_utf8(writer->arena, text);

	return valid ? json_object_new_string(valid) : NULL;
}

static void add_text(struct writer *writer, json *object, const char *key, const char *text)
{
	if (text)
		add(writer, object, key, text_of(writer, text));
	else
		add_null(writer, object, key);
}

static void add_number(struct writer *writer, json *object, const char *key, uint64_t number)
{
	add(writer, object, key, json_object_new_uint64(number));
}

static void add_bool(struct writer *writer, json *object, const char *key, bool value)
{
	add(writer, object, key, json_object_new_boolean(value));
}

/* All keys, always: null says that something is not known, and a consumer need not guess. */
static json *frame_json(struct writer *writer, const struct dw_frame *frame)
{
	json *object = json_object_new_object();
	char address[24];

	add_text(writer, object, "function", frame->function);
	add_text(writer, object, "file", frame->file);
	if (frame->line)
		add_number(writer, object, "line", frame->line);
	else
		add_null(writer, object, "line");
	add_text(writer, object, "module", frame->module);
	add_bool(writer, object, "inlined", frame->flags & DW_FRAME_INLINED);
	snprintf(address, sizeof(address), "0x%" PRIx64, frame->address);
	/* What a symboliser can be asked with, where we know no more. */
	add_text(writer, object, "address", !frame->function && frame->module ? address : NULL);
	return object;
}

static json *stack_json(struct writer *writer, uint32_t stack, uint32_t hint)
{
	const struct dw_named_stack *named = dw_names_stack(writer->process->names, stack, hint);
	json *array = json_object_new_array();

	for (uint32_t i = 0; i < named->n_frames; i++)
		append(writer, array, frame_json(writer, &named->frames[i]));
	return array;
}

static json *how_json(struct writer *writer, unsigned how)
{
	json *array = json_object_new_array();

#define X(name, value, text) \
	if (how & (value))   \
		append(writer, array, json_object_new_string(text));
	DW_HOWS(X)
#undef X
	return array;
}

static json *lock_json(struct writer *writer, uint32_t thing, unsigned how, uint32_t stack,
		       uint32_t hint)
{
	struct dw_names *names = writer->process->names;
	json *object = json_object_new_object();

	add_text(writer, object, "name", dw_names_thing(names, thing));
	add_text(writer, object, "kind", dw_names_thing_kind(names, thing));
	add(writer, object, "how", how_json(writer, how));
	add(writer, object, "stack", stack_json(writer, stack, hint));
	return object;
}

static json *chain_json(struct writer *writer, uint32_t number)
{
	const struct dw_chain *chain = &writer->process->facts->chains[number];

	return lock_json(writer, chain->thing, chain->how, chain->stack, chain->hint);
}

static json *thread_json(struct writer *writer, uint32_t number)
{
	const struct dw_facts *facts = writer->process->facts;
	const struct dw_told_thread *thread =
	    &facts->threads[number < facts->n_threads ? number : 0];
	json *object = json_object_new_object();

	add_text(writer, object, "name", dw_names_thread(writer->process->names, number));
	add_text(writer, object, "start", dw_names_thread_start(writer->process->names, number));
	add_number(writer, object, "tid", thread->tid);
	add_number(writer, object, "number", number);
	add_bool(writer, object, "foreign", thread->flags & DW_THREAD_FOREIGN);
	return object;
}

static json *leg_json(struct writer *writer, const struct dw_leg *leg)
{
	json *object = json_object_new_object();

	add(writer, object, "thread", thread_json(writer, leg->thread));
	add(writer, object, "holds", chain_json(writer, leg->holds));
	add(writer, object, "needs", chain_json(writer, leg->needs));
	return object;
}

/* The names of the locks, the first again at the end. */
static json *chain_names_json(struct writer *writer, const struct dw_finding *finding)
{
	json *array = json_object_new_array();

	for (uint32_t i = 0; i <= finding->n_legs; i++) {
		const struct dw_leg *leg = &finding->legs[i % finding->n_legs];
		uint32_t thing = writer->process->facts->chains[leg->holds].thing;

		append(writer, array,
		       text_of(writer, dw_names_thing(writer->process->names, thing)));
	}
	return array;
}

static void add_cycle(struct writer *writer, json *object, const struct dw_finding *finding)
{
	json *legs = json_object_new_array();

	add(writer, object, "chain", chain_names_json(writer, finding));
	for (uint32_t i = 0; i < finding->n_legs; i++)
		append(writer, legs, leg_json(writer, &finding->legs[i]));
	add(writer, object, "legs", legs);
}

/* A single leg, of another shape: what was done is no need. */
static void add_misuse(struct writer *writer, json *object, const struct dw_misuse *misuse)
{
	json *chain = json_object_new_array(), *legs = json_object_new_array();
	json *leg = json_object_new_object();

	add_text(writer, object, "misuse", dw_words_misuse(misuse->kind));
	append(writer, chain,
	       text_of(writer, dw_names_thing(writer->process->names, misuse->thing)));
	add(writer, object, "chain", chain);
	add(writer, leg, "thread", thread_json(writer, misuse->thread));
	if (misuse->chain)
		add(writer, leg, "holds", chain_json(writer, misuse->chain));
	else
		add_null(writer, leg, "holds");
	add(writer, leg, "at",
	    lock_json(writer, misuse->thing, /* how= */ 0, misuse->stack, misuse->hint));
	if (misuse->holder)
		add(writer, leg, "holder", thread_json(writer, misuse->holder));
	else
		add_null(writer, leg, "holder");
	append(writer, legs, leg);
	add(writer, object, "legs", legs);
}

static json *finding_json(struct writer *writer, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;
	const struct dw_facts *facts = writer->process->facts;
	json *object = json_object_new_object();

	add_text(writer, object, "verdict", dw_verdict_word(finding->verdict));
	add_text(writer, object, "excuse",
		 finding->excuse ? dw_excuse_word(finding->excuse) : NULL);
	if (finding->verdict == DW_MISUSE)
		add_misuse(writer, object, &facts->misuses[finding->misuse]);
	else
		add_cycle(writer, object, finding);
	add_text(writer, object, "fingerprint", reported->fingerprint);
	add_number(writer, object, "occurrences", reported->occurrences);
	add_text(writer, object, "recording", writer->process->path);
	add_number(writer, object, "pid", facts->pid);
	add_text(writer, object, "program", facts->program);
	return object;
}

static void append_blind(struct writer *writer, json *array, const struct dw_blind *blind, size_t n,
			 const char *recording)
{
	for (size_t i = 0; i < n; i++) {
		json *object = json_object_new_object();

		add_text(writer, object, "reason", blind[i].reason);
		add_text(writer, object, "text", blind[i].text);
		add_text(writer, object, "recording", recording);
		append(writer, array, object);
	}
}

/* Each finding has the memory for its names to itself, so that a report has no limit. */
static json *finding_alone(struct writer *writer, const struct dw_reported *reported)
{
	dw_auto(arena) arena = NULL;
	struct dw_arena *before = writer->arena;
	json *object = NULL;

	if (dw_arena_new(&arena, FINDING_MEMORY_MAX) < 0)
		return NULL;
	writer->arena = arena;
	object = finding_json(writer, reported);
	writer->arena = before;
	return object;
}

static json *findings_json(struct writer *writer, const struct dw_report *report)
{
	json *array = json_object_new_array();

	for (size_t i = 0; i < report->n_processes; i++) {
		writer->process = &report->processes[i];
		for (size_t j = 0; j < writer->process->n_findings; j++)
			append(writer, array, finding_alone(writer, &writer->process->findings[j]));
	}
	return array;
}

static json *blind_json(struct writer *writer, const struct dw_report *report)
{
	json *array = json_object_new_array();

	for (size_t i = 0; i < report->n_processes; i++)
		append_blind(writer, array, report->processes[i].blind,
			     report->processes[i].n_blind, report->processes[i].path);
	append_blind(writer, array, report->blind, report->n_blind, /* recording= */ NULL);
	return array;
}

struct sums {
	uint64_t threads, locks, needs, short_stacks, excused;
	uint64_t verdicts[DW_MISUSE + 1]; /* by enum dw_verdict, without an excuse */
	uint64_t losses[DW_LOSS_MAX];
};

/* Over all processes; the recordings of one program's children are one report. */
static struct sums sum(const struct dw_report *report)
{
	struct sums sums = {0};

	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_reported_process *process = &report->processes[i];
		const struct dw_facts *facts = process->facts;

		sums.threads += facts->n_threads ? facts->n_threads - 1 : 0;
		sums.locks += facts->n_things ? facts->n_things - 1 : 0;
		sums.needs += process->n_needs;
		sums.short_stacks += facts->short_stacks;
		for (unsigned loss = 0; loss < DW_LOSS_MAX; loss++)
			sums.losses[loss] += facts->losses[loss];
		for (size_t j = 0; j < process->n_findings; j++) {
			const struct dw_finding *finding = process->findings[j].finding;

			if (finding->excuse)
				sums.excused++;
			else if (finding->verdict <= DW_MISUSE)
				sums.verdicts[finding->verdict]++;
		}
	}
	return sums;
}

/* Causes that lost nothing are there with 0: their absence would mean "not counted". */
static json *counts_json(struct writer *writer, const struct dw_report *report)
{
	struct sums sums = sum(report);
	json *object = json_object_new_object(), *findings = json_object_new_object();
	json *lost = json_object_new_object();

	add_number(writer, object, "processes", report->n_processes);
	add_number(writer, object, "threads", sums.threads);
	add_number(writer, object, "locks", sums.locks);
	add_number(writer, object, "needs", sums.needs);
	for (unsigned verdict = 1; verdict <= DW_MISUSE; verdict++)
		add_number(writer, findings, dw_verdict_word(verdict), sums.verdicts[verdict]);
	add(writer, object, "findings", findings);
	add_number(writer, object, "excused", sums.excused);
	for (unsigned loss = 0; loss < DW_LOSS_MAX; loss++)
		if (dw_words_loss(loss))
			add_number(writer, lost, dw_words_loss(loss), sums.losses[loss]);
	add(writer, object, "lost", lost);
	add_number(writer, object, "short_stacks", sums.short_stacks);
	return object;
}

static json *report_json(struct writer *writer, const struct dw_report *report)
{
	json *object = json_object_new_object();

	add_text(writer, object, "schema", REPORT_SCHEMA);
	add(writer, object, "findings", findings_json(writer, report));
	add(writer, object, "blind", blind_json(writer, report));
	add(writer, object, "counts", counts_json(writer, report));
	return object;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	dw_auto(arena) arena = NULL;
	dw_cleanup(put_json) json *object = NULL;
	struct writer writer = {0};
	const char *text;
	int r = dw_arena_new(&arena, FINDING_MEMORY_MAX);

	(void)options; /* neither colour nor choice: programs choose themselves */
	if (r < 0)
		return dw_pass(r);
	writer.arena = arena;
	object = report_json(&writer, report);
	/* All or nothing: half a report would be a valid one that says less. */
	if (writer.failed || !object)
		return dw_raise(-ENOMEM);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return dw_raise(-ENOMEM);
	if (fputs(text, out) < 0 || fputc('\n', out) == EOF || fflush(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_json = {.name = "json", .render = render};
