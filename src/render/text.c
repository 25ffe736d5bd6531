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

/* The highest number of an excuse that is counted apart; excuse 0 is none. */
#define EXCUSES_MAX 16

/* The highest number of a verdict that is counted; verdict 0 is none. */
#define VERDICTS_MAX DW_UNDECLARED

struct counts {
	size_t verdicts[VERDICTS_MAX + 1]; /* without those that have an excuse */
	size_t excused;
	size_t excuses[EXCUSES_MAX];
	size_t blind;
};

/* An excuse is worth a person's time only on request. */
static bool is_shown(const struct dw_finding *finding, const struct dw_render_options *options)
{
	return !finding->excuse || options->all;
}

static void count_finding(struct counts *counts, const struct dw_finding *finding)
{
	if (!finding->excuse) {
		counts->verdicts[finding->verdict <= VERDICTS_MAX ? finding->verdict : 0]++;
	} else {
		counts->excused++;
		counts->excuses[finding->excuse < EXCUSES_MAX ? finding->excuse : 0]++;
	}
}

static struct counts count(const struct dw_report *report)
{
	struct counts counts = {.blind = report->n_blind};

	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_reported_process *process = &report->processes[i];

		counts.blind += process->n_blind;
		for (size_t j = 0; j < process->n_findings; j++)
			count_finding(&counts, process->findings[j].finding);
	}
	return counts;
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
static int tell_contentions(struct dw_telling telling, const struct dw_report *report)
{
	for (size_t i = 0; i < report->n_processes; i++) {
		int r = dw_arena_new(&telling.arena, TABLE_MEMORY_MAX);

		if (r < 0)
			return dw_pass(r);
		telling.process = &report->processes[i];
		dw_tell_contention(&telling);
		dw_arena_free(telling.arena);
		if (telling.full)
			return dw_raise(-ENOMEM);
	}
	return 0;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
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

/* "3 cycles have an excuse (2 gated, 1 single-thread); --all shows them" */
static void tell_excused(struct dw_telling *telling, const struct counts *counts, bool all)
{
	const char *separator = "";

	if (counts->excused == 0)
		return;
	dw_tell(telling, DW_STYLE_PLAIN, "%zu cycle%s %s an excuse (", counts->excused,
		plural(counts->excused), counts->excused == 1 ? "has" : "have");
	for (unsigned i = 0; i < EXCUSES_MAX; i++) {
		if (counts->excuses[i] == 0)
			continue;
		dw_tell(telling, DW_STYLE_PLAIN, "%s%zu %s", separator, counts->excuses[i],
			dw_excuse_word(i));
		separator = ", ";
	}
	dw_tell(telling, DW_STYLE_PLAIN, ")%s\n", all ? "" : "; --all shows them");
}

/* What makes a result other than clean, in the order in which it was told. */
static const struct {
	enum dw_verdict verdict;
	const char *words;
} results[] = {
    {DW_DEADLOCK, "deadlock"},
    {DW_STALL, "stall"},
    {DW_POTENTIAL, "potential deadlock"},
    {DW_MISUSE, "misuse"},
};
#define N_RESULTS (sizeof(results) / sizeof(results[0]))

static bool is_found(const struct counts *counts)
{
	for (size_t i = 0; i < N_RESULTS; i++)
		if (counts->verdicts[results[i].verdict])
			return true;
	return false;
}

static void tell_findings_count(struct dw_telling *telling, const struct counts *counts)
{
	const char *separator = "";

	dw_tell(telling, DW_STYLE_ALARM, "found:");
	for (size_t i = 0; i < N_RESULTS; i++) {
		size_t n = counts->verdicts[results[i].verdict];

		if (n == 0)
			continue;
		dw_tell(telling, DW_STYLE_BOLD, "%s %zu %s%s", separator, n, results[i].words,
			plural(n));
		separator = ",";
	}
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}

static void tell_hazards(struct dw_telling *telling, const struct counts *counts)
{
	size_t n = counts->verdicts[DW_HAZARD];

	if (n)
		dw_tell(telling, DW_STYLE_PLAIN,
			"%zu hazard%s: a lock is held across a wait, which nothing that was seen "
			"makes a cycle of\n",
			n, plural(n));
}

/* The last line is what it comes to. "Clean" is said only of what was seen whole. */
static void tell_result(struct dw_telling *telling, const struct dw_report *report,
			const struct counts *counts)
{
	if (is_found(counts))
		tell_findings_count(telling, counts);
	if (report->n_processes == 0)
		dw_tell(telling, DW_STYLE_ALARM, "blind: no recording was read\n");
	else if (counts->blind)
		dw_tell(telling, DW_STYLE_ALARM,
			"blind: not everything was seen (%zu reason%s above)\n", counts->blind,
			plural(counts->blind));
	else if (is_found(counts))
		return;
	else if (counts->excused)
		dw_tell(telling, DW_STYLE_BOLD,
			"clean: every cycle of needs that was found has an excuse\n");
	else
		dw_tell(telling, DW_STYLE_BOLD, "clean: no cycle of needs was found\n");
}

static int tell_summary(struct dw_telling telling, const struct dw_report *report,
			const struct dw_render_options *options)
{
	struct counts counts = count(report);
	int r = dw_arena_new(&telling.arena, TABLE_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < report->n_processes; i++) {
		telling.process = &report->processes[i];
		tell_process(&telling, options->all);
	}
	tell_blind(&telling, report->blind, report->n_blind);
	tell_hazards(&telling, &counts);
	tell_excused(&telling, &counts, options->all);
	tell_result(&telling, report, &counts);
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

	if (r == 0 && options->contention)
		r = tell_contentions(telling, report);
	if (r == 0 && !report->gate)
		r = tell_summary(telling, report, options);
	if (r < 0)
		return dw_pass(r);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_text = {.name = "text", .render = render};
