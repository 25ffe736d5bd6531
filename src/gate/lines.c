/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(struct dw_line *line)
{
	while (line->n && is_blank(line->text[0])) {
		line->text++;
		line->n--;
	}
	while (line->n && is_blank(line->text[line->n - 1]))
		line->n--;
}

bool dw_lines_next(struct dw_lines *lines, struct dw_line *ret)
{
	const char *end;

	if (lines->size == 0)
		return false;
	end = memchr(lines->text, '\n', lines->size);
	*ret = (struct dw_line){lines->text, end ? (size_t)(end - lines->text) : lines->size,
				++lines->number};
	lines->text += ret->n + (end ? 1 : 0);
	lines->size -= ret->n + (end ? 1 : 0);
	trim(ret);
	return true;
}

int dw_wrong(struct dw_wrong *ret, unsigned line, const char *format, ...)
{
	va_list args;

	ret->line = line;
	va_start(args, format);
	vsnprintf(ret->why, sizeof(ret->why), format, args);
	va_end(args);
	return 1;
}

struct dw_line dw_line_word(struct dw_line *line)
{
	struct dw_line word = *line;

	word.n = 0;
	while (word.n < line->n && !is_blank(line->text[word.n]))
		word.n++;
	line->text += word.n;
	line->n -= word.n;
	trim(line);
	return word;
}

bool dw_line_is(const struct dw_line *line, const char *text)
{
	return line->n == strlen(text) && memcmp(line->text, text, line->n) == 0;
}

bool dw_line_is_empty(const struct dw_line *line)
{
	return line->n == 0 || line->text[0] == '#';
}

int dw_lines_check(const char *text, size_t size, struct dw_wrong *ret_wrong)
{
	const char *zero = memchr(text, '\0', size);
	unsigned line = 1;

	if (!zero)
		return 0;
	for (const char *c = text; c < zero; c++)
		line += *c == '\n';
	return dw_wrong(ret_wrong, line, "there is a zero byte: this is no text");
}
