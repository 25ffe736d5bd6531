/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keeps "nothing found" from meaning "nothing there".
 *
 * Single-threaded; memory comes from the caller's arena.
 */
#pragma once

#include "render/render.h"

struct dw_analysis_limits;
struct dw_arena;
struct dw_reader;

/* Reasons as they are gathered; each text is made once. */
struct dw_blind_list {
	struct dw_blind *entries;
	size_t n;
};

/* Return: 0, or -ENOMEM. */
int dw_blind_add(struct dw_blind_list *list, struct dw_arena *arena, const char *reason,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Whether a lock was seen being taken, or another thing of libpthread's being given: a program that
 * uses semaphores only takes no lock that could be hidden.
 */
bool dw_blind_saw_any(const struct dw_reader *reader);

/* The reasons within one recording. Return: 0, or -ENOMEM. */
int dw_blind_judge(struct dw_blind_list *list, struct dw_arena *arena,
		   const struct dw_reader *reader, const struct dw_analysis_limits *limits);
