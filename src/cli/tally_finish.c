/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/array.h"
#include "base/arena.h"
#include "cli/blind.h"
#include "cli/command.h"
#include "cli/fold.h"
#include "cli/tally_parts.h"
#include "gate/baseline.h"
#include "gate/suppression.h"
#include "render/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define TEXT_SIZE 512

static struct dw_blind *find_blind(const struct dw_tally *tally, const char *reason)
{
	for (uint32_t i = 0; i < tally->n_blind; i++)
		if (!strcmp(tally->blind[i].reason, reason))
			return &tally->blind[i];
	return NULL;
}

/* Texts are copied: their recording goes away. */
static int add_reason(struct dw_tally *tally, const char *path, const struct dw_blind *blind)
{
	struct dw_blind copy = {
	    .reason = dw_arena_text(tally->arena, blind->reason, strlen(blind->reason)),
	    .text = dw_arena_text(tally->arena, blind->text, strlen(blind->text)),
	    .path = path ? dw_arena_text(tally->arena, path, strlen(path)) : NULL,
	};
	int r = dw_array_room(tally->arena, (void **)&tally->blind, tally->n_blind,
			      &tally->blind_room, sizeof(copy));

	if (r < 0)
		return dw_pass(r);
	if (!copy.reason || !copy.text || (path && !copy.path))
		return dw_raise(-ENOMEM);
	tally->blind[tally->n_blind++] = copy;
	return 0;
}

int dw_tally_add_blind(struct dw_tally *tally, const char *path, const struct dw_blind_list *list)
{
	int r = 0;

	for (size_t i = 0; i < list->n && r == 0; i++) {
		struct dw_blind *known = find_blind(tally, list->entries[i].reason);

		if (known)
			known->n_more++;
		else
			r = add_reason(tally, path, &list->entries[i]);
	}
	return r < 0 ? dw_pass(r) : 0;
}

int dw_tally_blind_of_runs(struct dw_tally *tally)
{
	const struct dw_blind blind = {
	    .reason = "runs-not-compared",
	    .text = "not everything was looked at that recordings show together and none of them "
		    "alone: there is too much; judge fewer of them at once",
	};
	int r = find_blind(tally, blind.reason) ? 0 : add_reason(tally, /* path= */ NULL, &blind);

	return r < 0 ? dw_pass(r) : 0;
}

static int add_note(struct dw_tally *tally, struct dw_gate_note note, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int add_note(struct dw_tally *tally, struct dw_gate_note note, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;
	int r = dw_array_room(tally->arena, (void **)&tally->notes, tally->n_notes,
			      &tally->notes_room, sizeof(note));

	if (r < 0)
		return dw_pass(r);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	note.text = dw_arena_text(tally->arena, text, strlen(text));
	if (!note.text)
		return dw_raise(-ENOMEM);
	tally->notes[tally->n_notes++] = note;
	return 0;
}

static int note_baseline(struct dw_tally *tally)
{
	size_t n;
	struct dw_baseline_entry *entries = dw_baseline_entries(tally->options->baseline, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct dw_gate_note note = {.path = tally->options->baseline_path,
					    .line = entries[i].line,
					    .fails = tally->options->strict};

		if (!entries[i].seen) {
			note.kind = "gone";
			r = add_note(tally, note, "%s %s \"%s\" does not occur any more",
				     entries[i].verdict, entries[i].fingerprint, entries[i].chain);
		} else if (!strcmp(entries[i].reason, DW_BASELINE_TODO)) {
			note.kind = "todo";
			r = add_note(tally, note, "%s %s \"%s\" has no reason yet",
				     entries[i].verdict, entries[i].fingerprint, entries[i].chain);
		}
	}
	return r < 0 ? dw_pass(r) : 0;
}

static int note_suppressions(struct dw_tally *tally)
{
	size_t n;
	const struct dw_suppression *entries =
	    dw_suppressions_entries(tally->options->suppressions, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct dw_gate_note note = {
		    .kind = entries[i].n_used ? "used" : "unused",
		    .path = entries[i].path,
		    .line = entries[i].line,
		    .fails = tally->options->strict && !entries[i].n_used,
		};

		r = entries[i].n_used
			? add_note(tally, note, "%s suppressed %" PRIu64 " (%u different)",
				   entries[i].text, entries[i].n_used, entries[i].n_different)
			: add_note(tally, note, "%s suppressed nothing", entries[i].text);
		if (r < 0 || !dw_suppression_is_broad(&entries[i]))
			continue;
		note.kind = "broad";
		note.fails = tally->options->strict;
		r = add_note(tally, note, "%s is too broad: write one for each thing it is for",
			     entries[i].text);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static int require_locks(struct dw_tally *tally)
{
	struct dw_blind blind = {.reason = "lock-not-seen"};
	char text[TEXT_SIZE];
	int r = 0;

	for (size_t i = 0; i < tally->options->n_required && r == 0; i++) {
		if (tally->required_seen[i])
			continue;
		snprintf(text, sizeof(text),
			 "'%s' was to be seen being taken, and was not, in any recording",
			 tally->options->required[i]);
		blind.text = text;
		r = add_reason(tally, /* path= */ NULL, &blind);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static bool is_allowed(const struct dw_tally *tally, const char *reason)
{
	for (size_t i = 0; i < tally->options->n_allowed; i++)
		if (!strcmp(tally->options->allowed[i], reason))
			return true;
	return false;
}

/* What the job allows is told, but makes nobody blind. */
static int take_allowed(struct dw_tally *tally)
{
	struct dw_gate_note note = {.kind = "allowed"};
	uint32_t n = 0;
	int r = 0;

	for (uint32_t i = 0; i < tally->n_blind && r == 0; i++) {
		struct dw_blind *blind = &tally->blind[i];

		if (is_allowed(tally, blind->reason))
			r = add_note(tally, note, "%s: %" PRIu32 " recording%s", blind->reason,
				     blind->n_more + 1, blind->n_more ? "s" : "");
		else
			tally->blind[n++] = *blind;
	}
	tally->n_blind = n;
	return r < 0 ? dw_pass(r) : 0;
}

int dw_tally_add_stray(struct dw_tally *tally, const char *path)
{
	if (tally->n_strays++ > 0)
		return 0;
	tally->stray = dw_arena_text(tally->arena, path, strlen(path));
	return tally->stray ? 0 : dw_raise(-ENOMEM);
}

/* One may have been a recording before its beginning was lost. */
static int note_strays(struct dw_tally *tally)
{
	struct dw_gate_note note = {.kind = "passed-over"};

	if (!tally->n_strays)
		return 0;
	return add_note(tally, note,
			"%" PRIu32 " file%s in a folder that %s no recording%s: '%s'%s",
			tally->n_strays, tally->n_strays == 1 ? "" : "s",
			tally->n_strays == 1 ? "is" : "are", tally->n_strays == 1 ? "" : "s",
			tally->stray, tally->n_strays == 1 ? "" : " and others");
}

/* A finding without names has another fingerprint than the same one with them. */
static int note_nameless(struct dw_tally *tally)
{
	struct dw_gate_note note = {.kind = "no-names"};

	if (!tally->n_nameless)
		return 0;
	return add_note(
	    tally, note,
	    "the program's file is not the one that ran, or not there, for %" PRIu32
	    " recording%s with findings: these have no names, and no baseline knows them",
	    tally->n_nameless, dw_words_plural(tally->n_nameless));
}

/* In the order in which they are to be read: what is new, then what could be worse first. */
static int compare_rows(const void *a, const void *b)
{
	const struct dw_tally_row *x = *(struct dw_tally_row *const *)a;
	const struct dw_tally_row *y = *(struct dw_tally_row *const *)b;
	unsigned m, n;

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	if (x->reported.standing != y->reported.standing)
		return x->reported.standing < y->reported.standing ? -1 : 1;
	m = dw_fold_rank(x->reported.finding);
	n = dw_fold_rank(y->reported.finding);
	if (m != n)
		return m < n ? -1 : 1;
	return (x > y) - (x < y);
}

/* Gives each process that is kept the findings that it is kept for. */
static int share_rows(struct dw_tally *tally)
{
	struct dw_tally_row **sorted =
	    dw_arena_alloc(tally->arena, ((size_t)tally->n_rows + 1) * sizeof(*sorted));
	struct dw_reported *all =
	    dw_arena_alloc(tally->arena, ((size_t)tally->n_rows + 1) * sizeof(*all));
	size_t n = 0, i = 0;

	if (!sorted || !all)
		return dw_raise(-ENOMEM);
	for (uint32_t row = 0; row < tally->n_rows; row++)
		if (tally->rows[row].is_shown)
			sorted[n++] = &tally->rows[row];
	qsort(sorted, n, sizeof(*sorted), compare_rows);
	for (uint32_t p = 0; p < tally->n_processes; p++) {
		size_t first = i;

		for (; i < n && sorted[i]->process == p; i++)
			all[i] = sorted[i]->reported;
		tally->processes[p].findings = &all[first];
		tally->processes[p].n_findings = i - first;
		tally->processes[p].n_blind = 0;
	}
	return 0;
}

/* Those that are too many to be shown are counted all the same. */
static int count_rows(struct dw_tally *tally)
{
	struct dw_gate_note note = {.kind = "not-shown"};
	uint32_t n = 0;

	memset(tally->sums.verdicts, 0, sizeof(tally->sums.verdicts));
	for (uint32_t i = 0; i < tally->n_rows; i++) {
		const struct dw_tally_row *row = &tally->rows[i];

		tally->gated.n_standings[row->reported.standing]++;
		tally->sums.verdicts[row->verdict]++;
		n += !row->is_shown;
	}
	return n ? add_note(tally, note,
			    "%" PRIu32 " finding%s counted but not shown: more than %d "
			    "recordings have some",
			    n, n == 1 ? " is" : "s are", DW_TALLY_KEPT_MAX)
		 : 0;
}

int dw_tally_finish(struct dw_tally *tally, const struct dw_blind_list *blind, size_t n_unread,
		    struct dw_report *ret)
{
	int r = dw_tally_add_blind(tally, /* path= */ NULL, blind);

	if (r == 0)
		r = dw_tally_merge(tally);
	if (r == 0)
		r = require_locks(tally);
	if (r == 0)
		r = take_allowed(tally);
	if (r == 0)
		r = note_strays(tally);
	if (r == 0)
		r = note_nameless(tally);
	if (r == 0)
		r = note_baseline(tally);
	if (r == 0)
		r = note_suppressions(tally);
	if (r == 0)
		r = count_rows(tally);
	if (r == 0)
		r = share_rows(tally);
	if (r < 0)
		return dw_pass(r);
	tally->gated.notes = tally->notes;
	tally->gated.n_notes = tally->n_notes;
	tally->gated.n_unread = n_unread;
	tally->gated.sums = tally->sums;
	tally->gated.baseline = tally->options->baseline_path;
	*ret = (struct dw_report){
	    .processes = tally->processes,
	    .n_processes = tally->n_processes,
	    .blind = tally->blind,
	    .n_blind = tally->n_blind,
	    .gate = &tally->gated,
	};
	return 0;
}

int dw_tally_exit(const struct dw_tally *tally)
{
	bool fails = tally->gated.n_standings[DW_STANDING_NEW] > 0;

	for (uint32_t i = 0; i < tally->n_notes; i++)
		fails = fails || tally->notes[i].fails;
	if (fails)
		return DW_EXIT_FINDINGS;
	if (tally->gated.n_unread > 0)
		return DW_EXIT_FAILED;
	return tally->n_blind > 0 ? DW_EXIT_BLIND : DW_EXIT_CLEAN;
}

int dw_tally_update(struct dw_tally *tally)
{
	size_t *n_standings = tally->gated.n_standings;
	int r = 0, n = 0;

	for (uint32_t i = 0; i < tally->n_rows && r == 0; i++) {
		const struct dw_tally_row *row = &tally->rows[i];

		if (row->reported.standing != DW_STANDING_NEW)
			continue;
		r = dw_baseline_add(tally->options->baseline, dw_verdict_word(row->verdict),
				    row->reported.fingerprint, row->chain);
		n++;
	}
	if (r < 0)
		return dw_pass(r);
	n_standings[DW_STANDING_KNOWN] += n_standings[DW_STANDING_NEW];
	n_standings[DW_STANDING_NEW] = 0;
	return n;
}
