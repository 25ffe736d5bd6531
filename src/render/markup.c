/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/markup.h"

#include "base/arena.h"
#include "render/escape.h"

#include <stdarg.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026 */

void dw_markup(struct dw_telling *telling, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(telling->out, format, args);
	va_end(args);
}

void dw_markup_escape(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		case '\n':
			fputs("&#10;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

void dw_markup_text(struct dw_telling *telling, const char *text)
{
	dw_markup_escape(telling->out, text);
}

void dw_markup_element(struct dw_telling *telling, const char *tag, const char *class,
		       const char *text)
{
	if (class)
		dw_markup(telling, "<%s class=\"%s\">", tag, class);
	else
		dw_markup(telling, "<%s>", tag);
	dw_markup_text(telling, text);
	dw_markup(telling, "</%s>", tag);
}

/* The byte at which character @column of @text begins. */
static size_t byte_of(const char *text, size_t column)
{
	size_t i = 0;

	for (size_t seen = 0; text[i]; i++) {
		bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;

		if (begins && seen++ == column)
			break;
	}
	return i;
}

const char *dw_markup_short(struct dw_telling *telling, const char *text, size_t columns)
{
	size_t width = dw_escape_width(text), head = columns * 2 / 3, tail = columns - head - 1;

	if (width <= columns)
		return text;
	return dw_tell_text(telling, "%.*s" ELLIPSIS "%s", (int)byte_of(text, head), text,
			    text + byte_of(text, width - tail));
}
