/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names and paths come from the traced program, or from a file that was made to harm:
 * they may hold what a terminal obeys, and what is no UTF-8.
 *
 * What is returned lives as long as @arena; NULL if that is full.
 */
#pragma once

#include <stddef.h>

struct dw_arena;

/*
 * For a terminal: control characters, those that change the direction of writing,
 * and bytes that are no UTF-8, become `\xNN`, byte by byte.
 */
char *dw_escape_terminal(struct dw_arena *arena, const char *text);

/* For formats that must be UTF-8: each byte that is none becomes U+FFFD. */
char *dw_escape_utf8(struct dw_arena *arena, const char *text);

/* How many columns @text, valid UTF-8 without control characters, takes. */
size_t dw_escape_width(const char *text);
