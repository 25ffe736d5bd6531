/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/judge.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define ROWS_MAX 32 /* there is a fixed number of them */

/* What was seen: a path and some words. */
#define SEEN_SIZE (PATH_MAX + 256)

void dw_judging_add(struct dw_judging *judging, const char *what,
		    const struct dw_judgement *judgement, const char *format, ...)
{
	static const struct dw_judgement fine;
	char seen[SEEN_SIZE];
	va_list args;
	int n;

	if (!judgement)
		judgement = &fine;
	va_start(args, format);
	n = vsnprintf(seen, sizeof(seen), format, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof(seen) || judging->n_rows == ROWS_MAX) {
		judging->full = true;
		return;
	}
	judging->rows[judging->n_rows++] = (struct dw_doctor_row){
	    .subject = judging->subject,
	    .what = what,
	    .seen = dw_arena_text(judging->arena, seen, (size_t)n),
	    .states = {judgement->run, judgement->attach, judgement->inspect},
	    .means = judgement->means,
	    .remedy = judgement->remedy,
	};
	if (!judging->rows[judging->n_rows - 1].seen)
		judging->full = true;
}

int dw_doctor_judge(const struct dw_doctor_facts *facts, struct dw_arena *arena,
		    struct dw_doctor_report *ret)
{
	struct dw_judging judging = {
	    .facts = facts,
	    .arena = arena,
	    .rows = dw_arena_alloc(arena, ROWS_MAX * sizeof(struct dw_doctor_row)),
	};

	if (!judging.rows)
		return dw_raise(-ENOMEM);
	if (facts->host) {
		judging.subject = DW_DOCTOR_HOST;
		dw_judge_host(&judging);
	}
	if (facts->process) {
		judging.subject = DW_DOCTOR_PROCESS;
		dw_judge_process(&judging);
	}
	if (facts->file) {
		judging.subject = DW_DOCTOR_PROGRAM;
		dw_judge_file(&judging);
	}
	if (judging.full)
		return dw_raise(-ENOMEM);
	*ret = (struct dw_doctor_report){.rows = judging.rows, .n_rows = judging.n_rows};
	return 0;
}

enum dw_doctor_state dw_doctor_row_state(const struct dw_doctor_row *row)
{
	enum dw_doctor_state worst = DW_DOCTOR_OK;

	for (unsigned use = 0; use < DW_DOCTOR_USES; use++)
		if (row->states[use] > worst)
			worst = row->states[use];
	return worst;
}

enum dw_doctor_state dw_doctor_use_state(const struct dw_doctor_report *report,
					 enum dw_doctor_use use)
{
	enum dw_doctor_state worst = DW_DOCTOR_OK;

	for (size_t i = 0; i < report->n_rows; i++)
		if (report->rows[i].states[use] > worst)
			worst = report->rows[i].states[use];
	return worst;
}

const char *dw_doctor_state_word(enum dw_doctor_state state)
{
	static const char *const words[] = {
	    [DW_DOCTOR_OK] = "ok",
	    [DW_DOCTOR_LIMITED] = "limited",
	    [DW_DOCTOR_MISSING] = "missing",
	};

	return words[state];
}

const char *dw_doctor_use_word(enum dw_doctor_use use)
{
	static const char *const words[DW_DOCTOR_USES] = {
	    [DW_DOCTOR_RUN] = "run",
	    [DW_DOCTOR_ATTACH] = "attach",
	    [DW_DOCTOR_INSPECT] = "inspect",
	};

	return words[use];
}

const char *dw_doctor_subject_word(enum dw_doctor_subject subject)
{
	static const char *const words[] = {
	    [DW_DOCTOR_HOST] = "host",
	    [DW_DOCTOR_PROCESS] = "process",
	    [DW_DOCTOR_PROGRAM] = "program",
	};

	return words[subject];
}
