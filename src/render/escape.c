/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/escape.h"

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The most that a byte may become: `\xNN`. */
#define ESCAPED_SIZE 4

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of a sequence that begins with @first; 0: none does. */
static size_t sequence_size(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2) /* a continuation, or an overlong form of ASCII */
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* Reads one character of UTF-8 (RFC 3629). Return: its bytes; 0: there is none at @text. */
static size_t next_character(const char *text, uint32_t *ret)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	static const unsigned char bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t size = sequence_size((unsigned char)text[0]);
	uint32_t c = (unsigned char)text[0] & bits[size];

	for (size_t i = 1; i < size; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (size && (c < smallest[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		return 0;
	*ret = c;
	return size;
}

/* C0, DEL, C1; marks, embeddings, overrides and isolates of direction; line separators. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *dw_escape_terminal(struct dw_arena *arena, const char *text)
{
	size_t n = strlen(text), used = 0;
	char *escaped = dw_arena_alloc(arena, n * ESCAPED_SIZE + 1);

	for (size_t i = 0; escaped && i < n;) {
		uint32_t c = 0;
		size_t size = next_character(text + i, &c);
		size_t end = i + (size ? size : 1);

		if (size && !is_harmful(c)) {
			memcpy(escaped + used, text + i, size);
			used += size;
			i = end;
		}
		for (; i < end; i++)
			used += (size_t)sprintf(escaped + used, "\\x%02x", (unsigned char)text[i]);
	}
	return escaped;
}

char *dw_escape_utf8(struct dw_arena *arena, const char *text)
{
	size_t n = strlen(text), used = 0;
	char *escaped = dw_arena_alloc(arena, n * (sizeof(REPLACEMENT) - 1) + 1);

	for (size_t i = 0; escaped && i < n;) {
		uint32_t c;
		size_t size = next_character(text + i, &c);
		const char *from = size ? text + i : REPLACEMENT;
		size_t bytes = size ? size : sizeof(REPLACEMENT) - 1;

		memcpy(escaped + used, from, bytes);
		used += bytes;
		i += size ? size : 1;
	}
	return escaped;
}

size_t dw_escape_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}
