/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How rows are made of facts; internal to the doctor.
 */
#pragma once

#include "doctor/doctor.h"

#include <stdbool.h>

/* What a fact comes to. All zero: nothing is wrong. */
struct dw_judgement {
	enum dw_doctor_state run, attach, inspect;
	const char *means;
	const char *remedy;
};

struct dw_judging {
	const struct dw_doctor_facts *facts;
	enum dw_doctor_subject subject;
	struct dw_arena *arena;
	struct dw_doctor_row *rows;
	size_t n_rows;
	bool full;
};

/* Adds a row; @judgement may be NULL: all is well. */
void dw_judging_add(struct dw_judging *judging, const char *what,
		    const struct dw_judgement *judgement, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void dw_judge_host(struct dw_judging *judging);
void dw_judge_process(struct dw_judging *judging);
void dw_judge_file(struct dw_judging *judging);
