/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that people write, line by line: baselines, suppressions, orders.
 *
 * A line ends with a line feed, with or without a carriage return before it. Blanks around
 * it do not count. Single-threaded; nothing is copied.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct dw_lines {
	const char *text; /* what is left */
	size_t size;
	unsigned number; /* of the last line, from 1 */
};

struct dw_line {
	const char *text;
	size_t n;
	unsigned number;
};

/* Where a file is wrong, and why. */
struct dw_wrong {
	unsigned line; /* 0: the file as a whole */
	char why[192];
};

bool dw_lines_next(struct dw_lines *lines, struct dw_line *ret);

/* Fills @ret, made as printf does. Return: 1, the answer of those who read such files. */
int dw_wrong(struct dw_wrong *ret, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the first word off @line, up to a blank: "" at its end. */
struct dw_line dw_line_word(struct dw_line *line);

bool dw_line_is(const struct dw_line *line, const char *text);

/* Whether there is nothing on it, or a comment: `#` and what follows. */
bool dw_line_is_empty(const struct dw_line *line);

/*
 * Whether a file with this text can be read by lines at all: a zero byte is in none.
 *
 * Return: 0, or 1 with *@ret_wrong set.
 */
int dw_lines_check(const char *text, size_t size, struct dw_wrong *ret_wrong);
