/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/label.h"

#include "render/escape.h"
#include "render/markup.h"

#include <string.h>

/* Of a character of 12 pixels in a font of fixed width; wider ones still fit into the padding. */
#define CHARACTER_WIDTH 7.25
#define PADDING 22.0
#define LINE_HEIGHT 15.0
#define BASELINE 4.0 /* below the middle of a line */

/* "CPU 11/KVM (12345)" stays in one piece. */
#define ONE_LINE_COLUMNS 18
#define COLUMNS_MAX 32

/* The space at which the longer part is shortest; NULL: there is none. */
static const char *break_of(const char *text)
{
	size_t width = dw_escape_width(text), shortest = width;
	const char *found = NULL;

	for (const char *space = strchr(text, ' '); space; space = strchr(space + 1, ' ')) {
		size_t after = dw_escape_width(space + 1), before = width - after - 1;
		size_t longer = after > before ? after : before;

		if (longer < shortest) {
			shortest = longer;
			found = space;
		}
	}
	return found;
}

struct dw_label dw_label(struct dw_telling *telling, const char *text)
{
	const char *space = dw_escape_width(text) > ONE_LINE_COLUMNS ? break_of(text) : NULL;

	if (!space)
		return (struct dw_label){{dw_markup_short(telling, text, COLUMNS_MAX)}, 1};
	text = dw_tell_text(telling, "%.*s", (int)(space - text), text);
	return (struct dw_label){{dw_markup_short(telling, text, COLUMNS_MAX),
				  dw_markup_short(telling, space + 1, COLUMNS_MAX)},
				 2};
}

struct dw_place dw_label_place(const struct dw_label *label)
{
	size_t columns = 0;

	for (unsigned i = 0; i < label->n; i++) {
		size_t width = dw_escape_width(label->lines[i]);

		columns = width > columns ? width : columns;
	}
	return (struct dw_place){.width = (double)columns * CHARACTER_WIDTH + PADDING,
				 .height = LINE_HEIGHT * (label->n + 1)};
}

void dw_label_write(struct dw_telling *telling, const struct dw_label *label,
		    const struct dw_place *place)
{
	double y = place->centre.y + BASELINE - LINE_HEIGHT * (label->n - 1) / 2;

	for (unsigned i = 0; i < label->n; i++) {
		dw_markup(telling, "<text x=\"%.1f\" y=\"%.1f\">", place->centre.x,
			  y + LINE_HEIGHT * i);
		dw_markup_text(telling, label->lines[i]);
		dw_markup(telling, "</text>");
	}
}
