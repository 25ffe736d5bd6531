/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of JSON for each thing to be known, for the findings of many hosts in one place.
 *
 * A line's `kind` says what it is: `process`, so that a host without findings is not mistaken for
 * one that was not looked at; `finding`; `blind`. What depends on the host and the run is kept
 * apart, in `here`: all else is the same wherever the same finding is found.
 */
#include "analysis/leg.h"
#include "base/arena.h"
#include "base/error.h"
#include "render/block.h"
#include "render/chain.h"
#include "render/json_write.h"
#include "render/say.h"
#include "symbol/names.h"

#include <errno.h>
#include <string.h>

#define NDJSON_SCHEMA "deadwatch-lines/1"

/* The words of one line. */
#define LINE_MEMORY_MAX ((size_t)64 << 20)

struct lines {
	FILE *out;
	struct dw_json_writer writer;
};

static int write_line(struct lines *lines, json *object)
{
	const char *text = NULL;

	if (!lines->writer.failed)
		text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
								  JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return dw_raise(-ENOMEM);
	if (fputs(text, lines->out) < 0 || fputc('\n', lines->out) == EOF)
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

/* What all lines begin with; those about no single process say of none. */
static json *begin_line(struct lines *lines, const char *kind)
{
	const struct dw_facts *facts = lines->writer.process ? lines->writer.process->facts : NULL;
	const char *slash = facts && facts->program ? strrchr(facts->program, '/') : NULL;
	json *object = json_object_new_object();

	dw_json_text(&lines->writer, object, "schema", NDJSON_SCHEMA);
	dw_json_text(&lines->writer, object, "kind", kind);
	if (!facts)
		return object;
	dw_json_text(&lines->writer, object, "program", slash ? slash + 1 : facts->program);
	return object;
}

/* What lines about a process end with. */
static void add_here(struct lines *lines, json *object)
{
	json *here;

	if (!lines->writer.process)
		return;
	here = json_object_new_object();
	dw_json_text(&lines->writer, here, "recording", lines->writer.process->path);
	dw_json_number(&lines->writer, here, "pid", lines->writer.process->facts->pid);
	dw_json_add(&lines->writer, object, "here", here);
}

static int write_process(struct lines *lines)
{
	const struct dw_reported_process *process = lines->writer.process;
	dw_auto_json object = begin_line(lines, "process");

	dw_json_number(&lines->writer, object, "threads",
		       process->facts->n_threads ? process->facts->n_threads - 1 : 0);
	dw_json_number(&lines->writer, object, "locks", dw_render_n_locks(process));
	dw_json_number(&lines->writer, object, "needs", process->n_needs);
	dw_json_bool(&lines->writer, object, "monitored", process->monitored);
	add_here(lines, object);
	return write_line(lines, object);
}

static int write_blind(struct lines *lines, const struct dw_blind *blind)
{
	dw_auto_json object = begin_line(lines, "blind");

	dw_json_text(&lines->writer, object, "reason", blind->reason);
	dw_json_text(&lines->writer, object, "text", blind->text);
	add_here(lines, object);
	return write_line(lines, object);
}

static json *chain_json(struct lines *lines, const struct dw_finding *finding)
{
	struct dw_json_writer *writer = &lines->writer;
	json *array = json_object_new_array();
	const char **words;
	size_t n = 0;

	if (finding->verdict == DW_MISUSE) {
		const struct dw_misuse *misuse = &writer->process->facts->misuses[finding->misuse];

		dw_json_append(
		    writer, array,
		    dw_json_text_of(writer, dw_names_thing(writer->process->names, misuse->thing)));
		return array;
	}
	words = dw_chain_words(writer->process, finding, writer->arena, &n);
	writer->failed = writer->failed || !words;
	for (size_t i = 0; words && i < n; i++)
		dw_json_append(writer, array, dw_json_text_of(writer, words[i]));
	return array;
}

/* The rows of its table, by the names of their columns: what a person reads first. */
static json *rows_json(struct lines *lines, struct dw_telling *telling,
		       const struct dw_finding *finding)
{
	static const char *const keys[DW_CELLS] = {"thread", "does", "thing", "place", "line"};
	const struct dw_misuse *misuse = &telling->process->facts->misuses[finding->misuse];
	json *array = json_object_new_array();
	size_t n;
	const struct dw_row *rows = finding->verdict == DW_MISUSE
					? dw_block_rows_of_misuse(telling, misuse, &n)
					: dw_block_rows_of_legs(telling, finding, &n);

	for (size_t i = 0; rows && i < n; i++) {
		json *row = json_object_new_object();

		for (unsigned cell = 0; cell < DW_CELLS; cell++)
			if (cell != DW_CELL_THREAD)
				dw_json_text(&lines->writer, row, keys[cell], rows[i].cells[cell]);
		dw_json_append(&lines->writer, array, row);
	}
	return array;
}

static int write_finding(struct lines *lines, struct dw_telling *telling,
			 const struct dw_reported *reported)
{
	struct dw_json_writer *writer = &lines->writer;
	const struct dw_finding *finding = reported->finding;
	const struct dw_found *found = dw_leg_found(writer->process->facts, finding);
	dw_auto_json object = begin_line(lines, "finding");

	dw_json_text(writer, object, "fingerprint", reported->fingerprint);
	dw_json_text(writer, object, "verdict", dw_verdict_word(finding->verdict));
	dw_json_text(writer, object, "excuse",
		     finding->excuse ? dw_excuse_word(finding->excuse) : NULL);
	dw_json_text(writer, object, "title", dw_say_chain(telling, finding));
	dw_json_add(writer, object, "chain", chain_json(lines, finding));
	dw_json_add(writer, object, "steps", rows_json(lines, telling, finding));
	dw_json_number(writer, object, "occurrences", reported->occurrences);
	if (finding->found)
		dw_json_number(writer, object, "span_ms", found->span_ns / 1000000);
	add_here(lines, object);
	writer->failed = writer->failed || telling->full;
	return write_line(lines, object);
}

/* Each line has the memory for its names to itself. */
static int write_finding_alone(struct lines *lines, const struct dw_reported *reported)
{
	struct dw_telling telling = {.process = lines->writer.process};
	struct dw_arena *before = lines->writer.arena;
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, LINE_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	telling.arena = lines->writer.arena = arena;
	r = write_finding(lines, &telling, reported);
	lines->writer.arena = before;
	return r < 0 ? dw_pass(r) : 0;
}

static int write_all_of(struct lines *lines, const struct dw_reported_process *process)
{
	int r;

	lines->writer.process = process;
	r = write_process(lines);
	for (size_t i = 0; r == 0 && i < process->n_blind; i++)
		r = write_blind(lines, &process->blind[i]);
	for (size_t i = 0; r == 0 && i < process->n_findings; i++)
		r = write_finding_alone(lines, &process->findings[i]);
	return r < 0 ? dw_pass(r) : 0;
}

/* Neither colour nor a choice of findings: who asks chooses. */
static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	dw_auto(arena) arena = NULL;
	struct lines lines = {.out = out};
	int r = dw_arena_new(&arena, LINE_MEMORY_MAX);

	(void)options;
	lines.writer.arena = arena;
	for (size_t i = 0; r == 0 && i < report->n_processes; i++)
		r = write_all_of(&lines, &report->processes[i]);
	lines.writer.process = NULL;
	for (size_t i = 0; r == 0 && i < report->n_blind; i++)
		r = write_blind(&lines, &report->blind[i]);
	if (r < 0)
		return dw_pass(r);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_ndjson = {.name = "ndjson", .render = render};
