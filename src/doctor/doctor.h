/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of deadwatch works on this host, for a process or for a program, and what to do about what
 * does not.
 *
 * First facts are collected (host.h, process.h, file.h): what can be tried without harm is tried,
 * and not guessed from versions. Then dw_doctor_judge(), which looks at nothing but these facts,
 * makes rows of them.
 *
 * Single-threaded. Memory comes from the caller's arena.
 */
#pragma once

#include <stddef.h>

struct dw_arena;
struct dw_doctor_file;
struct dw_doctor_host;
struct dw_doctor_process;

/* How well something works, from best to worst. */
enum dw_doctor_state { DW_DOCTOR_OK, DW_DOCTOR_LIMITED, DW_DOCTOR_MISSING };

/* What it has to work for: the three ways to look at a program. */
enum dw_doctor_use { DW_DOCTOR_RUN, DW_DOCTOR_ATTACH, DW_DOCTOR_INSPECT, DW_DOCTOR_USES };

/* What a row is about. */
enum dw_doctor_subject { DW_DOCTOR_HOST, DW_DOCTOR_PROCESS, DW_DOCTOR_PROGRAM };

struct dw_doctor_row {
	enum dw_doctor_subject subject;
	const char *what; /* one word, different from that of any other row */
	const char *seen; /* what was found; may hold names of files, as they are */
	enum dw_doctor_state states[DW_DOCTOR_USES];
	const char *means;  /* NULL if all states are OK */
	const char *remedy; /* NULL if nothing has to be done, or can be */
};

/* What was looked at; a member is NULL if it was not. */
struct dw_doctor_facts {
	const struct dw_doctor_host *host;
	const struct dw_doctor_process *process;
	const struct dw_doctor_file *file;
};

struct dw_doctor_report {
	const struct dw_doctor_row *rows;
	size_t n_rows;
};

/* Return: 0, or -ENOMEM. */
int dw_doctor_judge(const struct dw_doctor_facts *facts, struct dw_arena *arena,
		    struct dw_doctor_report *ret);

/* The worst of a row's states. */
enum dw_doctor_state dw_doctor_row_state(const struct dw_doctor_row *row);

/* How well @use works: the worst of all rows. */
enum dw_doctor_state dw_doctor_use_state(const struct dw_doctor_report *report,
					 enum dw_doctor_use use);

/* The words for them, as users read them. */
const char *dw_doctor_state_word(enum dw_doctor_state state);
const char *dw_doctor_use_word(enum dw_doctor_use use);
const char *dw_doctor_subject_word(enum dw_doctor_subject subject);
