/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keeps "nothing found" from meaning "nothing there".
 *
 * Single-threaded; memory comes from the caller's arena.
 */
#pragma once

#include "model/facts.h"
#include "render/render.h"

/*
 * All that a recording, or several, can be blind for, with bars in between; a gate may be told to
 * live with it. What is said of a process, a core or a text (inspect) is not here.
 */
#define DW_BLIND_REASONS                                                         \
	"no-recordings|no-locks|nothing-seen|waits-only|rust-locks|truncated|"   \
	"cycles-not-searched|choices-not-tried|runs-not-compared|lock-not-seen|" \
	"killed|killed-single|monitor-died|"                                     \
	"no-recording|static|word-size|privileged|memory-limit|"                 \
	"lost-other" DW_LOSSES(DW_BLIND_LOSS)
#define DW_BLIND_LOSS(name, value, text, sentence) "|lost-" text

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
