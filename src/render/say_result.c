/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What it all comes to. */
#include "render/say.h"
#include "render/words.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

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

static void count_finding(struct dw_counts *counts, const struct dw_finding *finding)
{
	if (finding->excuse) {
		counts->n_excused++;
		counts->excuses[finding->excuse < DW_COUNTED_MAX ? finding->excuse : 0]++;
	} else {
		counts->verdicts[finding->verdict < DW_COUNTED_MAX ? finding->verdict : 0]++;
	}
}

struct dw_counts dw_count(const struct dw_report *report)
{
	struct dw_counts counts = {.n_blind = report->n_blind};

	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_reported_process *process = &report->processes[i];

		counts.n_blind += process->n_blind;
		for (size_t j = 0; j < process->n_findings; j++)
			count_finding(&counts, process->findings[j].finding);
	}
	return counts;
}

const char *dw_say_found(struct dw_telling *telling, const struct dw_report *report)
{
	struct dw_counts counts = dw_count(report);
	const char *text = "";

	for (size_t i = 0; i < SIZE(results); i++) {
		size_t n = counts.verdicts[results[i].verdict];

		if (n)
			text = dw_tell_text(telling, "%s%s%zu %s%s", text, text[0] ? ", " : "", n,
					    results[i].words, dw_words_plural(n));
	}
	return text;
}

const char *dw_say_hazards(struct dw_telling *telling, const struct dw_report *report)
{
	size_t n = dw_count(report).verdicts[DW_HAZARD];

	if (n == 0)
		return "";
	return dw_tell_text(telling,
			    "%zu hazard%s: a lock is held across a wait, which nothing that was "
			    "seen makes a cycle of",
			    n, dw_words_plural(n));
}

const char *dw_say_excused(struct dw_telling *telling, const struct dw_report *report)
{
	struct dw_counts counts = dw_count(report);
	const char *kinds = "";

	if (counts.n_excused == 0)
		return "";
	for (unsigned i = 0; i < DW_COUNTED_MAX; i++)
		if (counts.excuses[i])
			kinds = dw_tell_text(telling, "%s%s%zu %s", kinds, kinds[0] ? ", " : "",
					     counts.excuses[i], dw_excuse_word(i));
	return dw_tell_text(telling, "%zu cycle%s %s an excuse (%s)", counts.n_excused,
			    dw_words_plural(counts.n_excused),
			    counts.n_excused == 1 ? "has" : "have", kinds);
}

const char *dw_say_result(struct dw_telling *telling, const struct dw_report *report)
{
	struct dw_counts counts = dw_count(report);

	if (report->n_processes == 0)
		return "blind: no recording was read";
	if (counts.n_blind)
		return dw_tell_text(telling, "blind: not everything was seen (%zu reason%s above)",
				    counts.n_blind, dw_words_plural(counts.n_blind));
	if (dw_say_found(telling, report)[0])
		return "";
	if (counts.n_excused)
		return "clean: every cycle of needs that was found has an excuse";
	if (report->processes[0].inspected)
		return "clean: nothing is stuck";
	return "clean: no cycle of needs was found";
}
