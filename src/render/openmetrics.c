/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenMetrics text, such as node_exporter's textfile collector reads: counts, waits, findings.
 *
 * The samples of a family have to be together, so each family goes through all recordings. Its
 * labels tell recordings apart; one that is given twice counts once.
 */
#include "base/arena.h"
#include "base/error.h"
#include "render/contention.h"
#include "render/say.h"
#include "render/words.h"
#include "symbol/names.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Names of one recording. */
#define PART_MEMORY_MAX ((size_t)1 << 30)

/* Rows of contention of one recording: a time series for each is what a collector has to keep. */
#define ROWS_MAX 100

#define NS_PER_S 1e9

struct metrics {
	struct dw_telling telling;
	const struct dw_report *report;
	const struct dw_contended *rows; /* of the process */
	size_t n_rows, n_left_out;
};

/* A label's value: in there, three characters are written otherwise. */
static void write_label(struct metrics *m, const char *before, const char *label, const char *value)
{
	fprintf(m->telling.out, "%s%s=\"", before, label);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', m->telling.out);
		fputc(*value, m->telling.out);
	}
	fputc('"', m->telling.out);
}

/* `deadwatch_threads{program="qemu",pid="1",recording="a.dwr"`: others can follow. */
static void begin_sample(struct metrics *m, const char *name)
{
	const struct dw_facts *facts = m->telling.process->facts;

	fprintf(m->telling.out, "deadwatch_%s", name);
	write_label(m, "{", "program", dw_tell_program(&m->telling));
	fprintf(m->telling.out, ",pid=\"%" PRIu32 "\"", facts->pid);
	write_label(m, ",", "recording", dw_tell_name(&m->telling, m->telling.process->path));
}

static void end_sample(struct metrics *m, uint64_t value)
{
	fprintf(m->telling.out, "} %" PRIu64 "\n", value);
}

static void end_seconds(struct metrics *m, uint64_t ns)
{
	fprintf(m->telling.out, "} %.9f\n", (double)ns / NS_PER_S);
}

static void write_process(struct metrics *m)
{
	begin_sample(m, "recordings");
	end_sample(m, 1);
}

static void write_threads(struct metrics *m)
{
	begin_sample(m, "threads");
	end_sample(
	    m, m->telling.process->facts->n_threads ? m->telling.process->facts->n_threads - 1 : 0);
}

static void write_locks(struct metrics *m)
{
	begin_sample(m, "locks");
	end_sample(m, dw_render_n_locks(m->telling.process));
}

static void write_needs(struct metrics *m)
{
	begin_sample(m, "needs");
	end_sample(m, m->telling.process->n_needs);
}

/* Only where it is known: 0 would be a time. */
static void write_run(struct metrics *m)
{
	if (!m->telling.process->facts->run_ns)
		return;
	begin_sample(m, "run_seconds");
	end_seconds(m, m->telling.process->facts->run_ns);
}

/* How many findings there are of @verdict, without an excuse; 0 is told, too. */
static void write_verdicts(struct metrics *m)
{
	struct dw_report alone = {.processes = m->telling.process, .n_processes = 1};
	struct dw_counts counts = dw_count(&alone);

	for (unsigned verdict = DW_POTENTIAL; verdict <= DW_HAZARD; verdict++) {
		begin_sample(m, "findings");
		write_label(m, ",", "verdict", dw_verdict_word(verdict));
		end_sample(m, counts.verdicts[verdict]);
	}
}

static void write_excuses(struct metrics *m)
{
	struct dw_report alone = {.processes = m->telling.process, .n_processes = 1};

	begin_sample(m, "excused");
	end_sample(m, dw_count(&alone).n_excused);
}

/* Each finding by its fingerprint, which is the same on all hosts. */
static void write_findings(struct metrics *m)
{
	const struct dw_reported_process *process = m->telling.process;

	for (size_t i = 0; i < process->n_findings; i++) {
		const struct dw_reported *reported = &process->findings[i];

		if (reported->finding->excuse)
			continue;
		begin_sample(m, "finding");
		write_label(m, ",", "verdict", dw_verdict_word(reported->finding->verdict));
		write_label(m, ",", "fingerprint", reported->fingerprint);
		write_label(m, ",", "chain", dw_say_chain(&m->telling, reported->finding));
		end_sample(m, reported->occurrences);
	}
}

static void write_blind(struct metrics *m)
{
	for (size_t i = 0; i < m->telling.process->n_blind; i++) {
		begin_sample(m, "blind");
		write_label(m, ",", "reason",
			    dw_tell_name(&m->telling, m->telling.process->blind[i].reason));
		end_sample(m, 1);
	}
}

static void write_losses(struct metrics *m)
{
	for (unsigned loss = 0; loss < DW_LOSS_MAX; loss++) {
		if (!dw_words_loss(loss))
			continue;
		begin_sample(m, "lost");
		write_label(m, ",", "cause", dw_words_loss(loss));
		end_sample(m, m->telling.process->facts->losses[loss]);
	}
}

/* A sample about a lock at a place. */
static void begin_row(struct metrics *m, const char *name, const struct dw_contended *row)
{
	const char *site = row->site ? dw_tell_function(&m->telling, row->site) : "";
	const char *line = row->site ? dw_tell_line(&m->telling, row->site) : "";

	begin_sample(m, name);
	write_label(m, ",", "lock", dw_tell_thing(&m->telling, row->thing));
	write_label(m, ",", "function", site);
	write_label(m, ",", "line", line);
}

static void write_waits(struct metrics *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		begin_row(m, "lock_waits", &m->rows[i]);
		end_sample(m, m->rows[i].n_waits);
	}
}

static void write_waited(struct metrics *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		begin_row(m, "lock_waited_seconds", &m->rows[i]);
		end_seconds(m, m->rows[i].waited_ns);
	}
}

static void write_longest(struct metrics *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		begin_row(m, "lock_longest_wait_seconds", &m->rows[i]);
		end_seconds(m, m->rows[i].longest_ns);
	}
}

static void write_left_out(struct metrics *m)
{
	begin_sample(m, "lock_rows_left_out");
	end_sample(m, m->n_left_out);
}

/* All are gauges: a file is replaced by that of another recording, and counts from 0 again. */
static const struct {
	const char *name, *unit, *help;
	void (*write)(struct metrics *m);
	bool of_rows; /* it wants the rows of contention */
} families[] = {
    {"recordings", "", "Recordings that were looked at.", write_process, false},
    {"threads", "", "Threads that were seen.", write_threads, false},
    {"locks", "", "Locks that were seen.", write_locks, false},
    {"needs", "", "Needs between things.", write_needs, false},
    {"run_seconds", "seconds", "For how long the process was seen to run.", write_run, false},
    {"findings", "", "Findings without an excuse.", write_verdicts, false},
    {"excused", "", "Cycles with an excuse.", write_excuses, false},
    {"finding", "", "How often a finding without an excuse was found.", write_findings, false},
    {"blind", "", "Reasons why nothing found does not mean nothing there.", write_blind, false},
    {"lost", "", "What could not be recorded, by cause.", write_losses, false},
    {"lock_waits", "", "How often a lock was found taken, by place.", write_waits, true},
    {"lock_waited_seconds", "seconds", "How long threads waited for a lock, by place.",
     write_waited, true},
    {"lock_longest_wait_seconds", "seconds", "The longest wait for a lock, by place.",
     write_longest, true},
    {"lock_rows_left_out", "", "Locks and places with less waiting, which are not told.",
     write_left_out, true},
};

static int find_rows(struct metrics *m)
{
	struct dw_contended *rows;
	size_t n;
	int r = dw_contention(m->telling.process, m->telling.arena, &rows, &n);

	if (r < 0)
		return dw_pass(r);
	m->rows = rows;
	m->n_rows = n < ROWS_MAX ? n : ROWS_MAX;
	m->n_left_out = n - m->n_rows;
	return 0;
}

/* @m is a copy: its arena is this sample's alone. */
static int write_samples(struct metrics m, size_t family, const struct dw_reported_process *process)
{
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, PART_MEMORY_MAX);

	m.telling.arena = arena;
	m.telling.process = process;
	if (r == 0 && families[family].of_rows)
		r = find_rows(&m);
	if (r < 0)
		return dw_pass(r);
	families[family].write(&m);
	return m.telling.full ? dw_raise(-ENOMEM) : 0;
}

/* Two samples with the same labels would make the whole file wrong. */
static bool is_again(const struct dw_report *report, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(report->processes[j].path, report->processes[i].path) == 0)
			return true;
	return false;
}

/* Reasons that concern no single recording. */
static int write_blind_all(struct metrics m)
{
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, PART_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	m.telling.arena = arena;
	for (size_t i = 0; i < m.report->n_blind; i++) {
		fputs("deadwatch_blind", m.telling.out);
		write_label(&m, "{", "reason", dw_tell_name(&m.telling, m.report->blind[i].reason));
		end_sample(&m, 1);
	}
	return m.telling.full ? dw_raise(-ENOMEM) : 0;
}

static int write_family(const struct metrics *m, size_t family)
{
	FILE *out = m->telling.out;
	int r = 0;

	fprintf(out, "# TYPE deadwatch_%s gauge\n", families[family].name);
	if (families[family].unit[0])
		fprintf(out, "# UNIT deadwatch_%s %s\n", families[family].name,
			families[family].unit);
	fprintf(out, "# HELP deadwatch_%s %s\n", families[family].name, families[family].help);
	for (size_t i = 0; r == 0 && i < m->report->n_processes; i++)
		if (!is_again(m->report, i))
			r = write_samples(*m, family, &m->report->processes[i]);
	if (r == 0 && families[family].write == write_blind)
		r = write_blind_all(*m);
	return r < 0 ? dw_pass(r) : 0;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	struct metrics m = {.telling = {.out = out}, .report = report};
	int r = 0;

	(void)options;
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		r = write_family(&m, i);
	if (r < 0)
		return dw_pass(r);
	fputs("# EOF\n", out);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_openmetrics = {.name = "openmetrics", .render = render};
