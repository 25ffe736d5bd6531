/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A row for each thing that was looked at, and below it what is wrong; then what works. */
#include "render/doctor.h"

#include "base/arena.h"
#include "base/error.h"
#include "doctor/doctor.h"
#include "render/escape.h"

#include <errno.h>
#include <stdbool.h>

/* The words of some thirty rows. */
#define MEMORY_MAX ((size_t)1 << 20)

/* What is said below a row begins where its second word does. */
#define INDENT 11

static const char *const works[] = {
    [DW_DOCTOR_OK] = "works",
    [DW_DOCTOR_LIMITED] = "works in part",
    [DW_DOCTOR_MISSING] = "does not work",
};

/* Between the words of a list. */
static void write_comma(FILE *out, bool *first)
{
	if (!*first)
		fputs(", ", out);
	*first = false;
}

/* "missing for run, limited for attach, inspect", the worst first. */
static void write_uses(FILE *out, const struct dw_doctor_row *row)
{
	enum dw_doctor_state told = DW_DOCTOR_OK;
	bool first = true;

	for (enum dw_doctor_state state = DW_DOCTOR_MISSING; state > DW_DOCTOR_OK; state--) {
		for (unsigned use = 0; use < DW_DOCTOR_USES; use++) {
			if (row->states[use] != state)
				continue;
			write_comma(out, &first);
			if (told != state)
				fprintf(out, "%s for ", dw_doctor_state_word(state));
			told = state;
			fputs(dw_doctor_use_word(use), out);
		}
	}
}

static int write_row(FILE *out, const struct dw_doctor_row *row, struct dw_arena *arena)
{
	enum dw_doctor_state state = dw_doctor_row_state(row);
	const char *seen = dw_escape_terminal(arena, row->seen);

	if (!seen)
		return dw_raise(-ENOMEM);
	fprintf(out, "  %-7s  %-12s  %s\n", dw_doctor_state_word(state), row->what, seen);
	if (state == DW_DOCTOR_OK)
		return 0;
	fprintf(out, "%*s", INDENT, "");
	write_uses(out, row);
	fprintf(out, ": %s\n", row->means);
	if (row->remedy)
		fprintf(out, "%*sremedy: %s\n", INDENT, "", row->remedy);
	return 0;
}

/* What is in the way of @use: the rows that make it as bad as it is. */
static void write_use(FILE *out, const struct dw_doctor_report *report, enum dw_doctor_use use)
{
	enum dw_doctor_state state = dw_doctor_use_state(report, use);
	bool first = true;

	fprintf(out, "%s %s", dw_doctor_use_word(use), works[state]);
	if (state == DW_DOCTOR_OK) {
		fputc('\n', out);
		return;
	}
	fputs(" (", out);
	for (size_t i = 0; i < report->n_rows; i++) {
		if (report->rows[i].states[use] != state)
			continue;
		write_comma(out, &first);
		fputs(report->rows[i].what, out);
	}
	fputs(")\n", out);
}

int dw_render_doctor_text(FILE *out, const struct dw_doctor_report *report)
{
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, MEMORY_MAX);

	for (size_t i = 0; r == 0 && i < report->n_rows; i++) {
		const struct dw_doctor_row *row = &report->rows[i];

		if (i == 0 || row->subject != row[-1].subject)
			fprintf(out, "%s%s\n", i > 0 ? "\n" : "",
				dw_doctor_subject_word(row->subject));
		r = write_row(out, row, arena);
	}
	if (r < 0)
		return dw_pass(r);
	fputc('\n', out);
	for (unsigned use = 0; use < DW_DOCTOR_USES; use++)
		write_use(out, report, use);
	return fflush(out) ? dw_raise(-errno) : 0;
}
