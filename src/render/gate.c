/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/gate.h"

#include "base/arena.h"
#include "base/error.h"
#include "render/place.h"
#include "render/say.h"
#include "render/words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The lines of one process's findings. */
#define LINES_MEMORY_MAX ((size_t)64 << 20)

/* "known: potential deadlock: BQL -> new_lock -> BQL [0123456789abcdef]: why it is accepted" */
static void tell_line(struct dw_telling *telling, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;

	dw_tell(telling, DW_STYLE_PLAIN, "  %s: %s: %s ", dw_standing_word(reported->standing),
		dw_say_verdict(telling, finding), dw_say_chain(telling, finding));
	dw_tell(telling, DW_STYLE_DIM, "[%s]", reported->fingerprint);
	if (reported->reason)
		dw_tell(telling, DW_STYLE_PLAIN, ": %s", dw_tell_name(telling, reported->reason));
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}

/* What has a line each: all that is not new. */
static int tell_lines(struct dw_telling telling, const struct dw_report *report,
		      enum dw_standing standing)
{
	for (size_t i = 0; i < report->n_processes; i++) {
		int r = dw_arena_new(&telling.arena, LINES_MEMORY_MAX);

		if (r < 0)
			return dw_pass(r);
		telling.process = &report->processes[i];
		for (size_t j = 0; j < telling.process->n_findings; j++)
			if (telling.process->findings[j].standing == standing)
				tell_line(&telling, &telling.process->findings[j]);
		dw_arena_free(telling.arena);
		if (telling.full)
			return dw_raise(-ENOMEM);
	}
	return 0;
}

static int tell_new(const struct dw_telling *telling, const struct dw_report *report,
		    const struct dw_render_options *options)
{
	for (size_t i = 0; i < report->n_processes; i++) {
		struct dw_telling one = *telling;

		one.process = &report->processes[i];
		for (size_t j = 0; j < one.process->n_findings; j++) {
			const struct dw_reported *reported = &one.process->findings[j];
			int r = 0;

			if (reported->standing == DW_STANDING_NEW || options->all)
				r = dw_tell_finding_alone(one, reported);
			if (r < 0)
				return dw_pass(r);
		}
	}
	return 0;
}

/* What was looked at: "nothing new" among no locks is another result than among thousands. */
static void tell_sums(struct dw_telling *telling, const struct dw_sums *sums)
{
	dw_tell(telling, DW_STYLE_PLAIN,
		"gate: %" PRIu64 " recording%s: %" PRIu64 " thread%s, %" PRIu64 " lock%s, %" PRIu64
		" need%s between them\n",
		sums->processes, dw_words_plural(sums->processes), sums->threads,
		dw_words_plural(sums->threads), sums->locks, dw_words_plural(sums->locks),
		sums->needs, dw_words_plural(sums->needs));
}

static void tell_note(struct dw_telling *telling, const struct dw_gate_note *note)
{
	dw_tell(telling, note->fails ? DW_STYLE_ALARM : DW_STYLE_PLAIN, "  %s: ", note->kind);
	if (note->path && note->line)
		dw_tell(telling, DW_STYLE_PLAIN,
			"'%s' line %u: ", dw_tell_name(telling, note->path), note->line);
	dw_tell(telling, DW_STYLE_PLAIN, "%s\n", dw_tell_name(telling, note->text));
}

static void tell_blind(struct dw_telling *telling, const struct dw_blind *blind)
{
	dw_tell(telling, DW_STYLE_ALARM, "  blind");
	dw_tell(telling, DW_STYLE_PLAIN, " (%s): %s", dw_tell_name(telling, blind->reason),
		dw_tell_name(telling, blind->text));
	if (blind->path)
		dw_tell(telling, DW_STYLE_PLAIN, " ('%s'", dw_tell_name(telling, blind->path));
	if (blind->path && blind->n_more)
		dw_tell(telling, DW_STYLE_PLAIN, " and %" PRIu32 " more", blind->n_more);
	dw_tell(telling, DW_STYLE_PLAIN, "%s\n", blind->path ? ")" : "");
}

/* "nothing new (2 known, 1 suppressed)" */
static void tell_result(struct dw_telling *telling, const struct dw_report *report)
{
	const struct dw_gated *gate = report->gate;
	const size_t *n = gate->n_standings;
	bool any_note_fails = false, is_new = n[DW_STANDING_NEW] > 0;
	char unread[DW_PLACE_UNREAD_SIZE];

	for (size_t i = 0; i < gate->n_notes; i++)
		any_note_fails = any_note_fails || gate->notes[i].fails;
	if (is_new)
		dw_tell(telling, DW_STYLE_ALARM, "new: %zu finding%s", n[DW_STANDING_NEW],
			dw_words_plural(n[DW_STANDING_NEW]));
	else if (any_note_fails)
		dw_tell(telling, DW_STYLE_ALARM, "nothing new, but the gate's files need care");
	else if (gate->n_unread)
		dw_tell(telling, DW_STYLE_ALARM, "failed: %s", dw_place_unread(unread, gate));
	else if (report->n_blind)
		dw_tell(telling, DW_STYLE_ALARM, "blind: nothing new, but not everything was seen");
	else
		dw_tell(telling, DW_STYLE_BOLD, "passed: nothing new");
	if (n[DW_STANDING_KNOWN] || n[DW_STANDING_SUPPRESSED])
		dw_tell(telling, DW_STYLE_PLAIN, " (%zu known, %zu suppressed)",
			n[DW_STANDING_KNOWN], n[DW_STANDING_SUPPRESSED]);
	if (is_new && gate->n_unread)
		dw_tell(telling, DW_STYLE_PLAIN, ", and %s", dw_place_unread(unread, gate));
	if (is_new && report->n_blind)
		dw_tell(telling, DW_STYLE_PLAIN, ", and not everything was seen");
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}

static int tell_end(struct dw_telling telling, const struct dw_report *report)
{
	const struct dw_gated *gate = report->gate;
	int r = dw_arena_new(&telling.arena, LINES_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < gate->n_notes; i++)
		tell_note(&telling, &gate->notes[i]);
	for (size_t i = 0; i < report->n_blind; i++)
		tell_blind(&telling, &report->blind[i]);
	if (gate->sums.excused)
		dw_tell(&telling, DW_STYLE_PLAIN, "  %" PRIu64 " cycle%s with an excuse\n",
			gate->sums.excused, dw_words_plural(gate->sums.excused));
	tell_result(&telling, report);
	dw_arena_free(telling.arena);
	return telling.full ? dw_raise(-ENOMEM) : 0;
}

int dw_tell_gate(const struct dw_telling *telling, const struct dw_report *report,
		 const struct dw_render_options *options)
{
	struct dw_telling lines = *telling;
	int r = tell_new(telling, report, options);

	if (r == 0)
		tell_sums(&lines, &report->gate->sums);
	for (unsigned i = DW_STANDING_KNOWN; i <= DW_STANDING_LISTED && r == 0; i++)
		r = tell_lines(*telling, report, i);
	if (r == 0)
		r = tell_end(*telling, report);
	return r < 0 ? dw_pass(r) : 0;
}
