/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing HTML, SVG and other XML.
 *
 * Names come from the traced program, or from a file that was made to harm. So there are two ways
 * to write: dw_markup() writes what the renderer itself says, and never a name; dw_markup_text()
 * writes any text so that it is text, within an element or a quoted attribute.
 */
#pragma once

#include "render/tell.h"

/* Markup of the renderer's own, as printf writes it; its arguments are numbers and own words. */
void dw_markup(struct dw_telling *telling, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Writes @text so that it is text, in an element or a quoted attribute. It is harmless on a
 * terminal already, as that of dw_tell_name(): so there is no character that XML 1.0 has not.
 */
void dw_markup_escape(FILE *out, const char *text);
void dw_markup_text(struct dw_telling *telling, const char *text);

/* `<tag class="class">text</tag>`; @class may be NULL. */
void dw_markup_element(struct dw_telling *telling, const char *tag, const char *class,
		       const char *text);

/* At most @columns characters of @text: what is too long loses its middle. Never NULL. */
const char *dw_markup_short(struct dw_telling *telling, const char *text, size_t columns);
