/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/dump_text.h"

#include "base/arena.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct dw_piece dw_piece_from(struct dw_piece piece, size_t n)
{
	return (struct dw_piece){piece.text + n, piece.n - n};
}

struct dw_piece dw_piece_trim(struct dw_piece piece)
{
	while (piece.n > 0 && is_blank(piece.text[0]))
		piece = dw_piece_from(piece, 1);
	while (piece.n > 0 && is_blank(piece.text[piece.n - 1]))
		piece.n--;
	return piece;
}

bool dw_dump_line_next(struct dw_dump_lines *lines, struct dw_piece *ret)
{
	struct dw_piece line = {lines->text + lines->at, lines->size - lines->at};
	const char *end;

	if (line.n == 0)
		return false;
	end = memchr(line.text, '\n', line.n);
	if (end)
		line.n = (size_t)(end - line.text);
	lines->at += line.n + (end != NULL);
	lines->number++;
	/* One blank belongs to each mark; those behind it are the line's own. */
	while (line.n > 0 && line.text[0] == '>')
		line = dw_piece_from(line, line.n > 1 && line.text[1] == ' ' ? 2 : 1);
	while (line.n > 0 && is_blank(line.text[line.n - 1]))
		line.n--;
	*ret = line;
	return true;
}

bool dw_piece_skip(struct dw_piece *piece, const char *prefix)
{
	size_t n = strlen(prefix);

	if (piece->n < n || memcmp(piece->text, prefix, n) != 0)
		return false;
	*piece = dw_piece_trim(dw_piece_from(*piece, n));
	return true;
}

size_t dw_piece_find(struct dw_piece piece, const char *text)
{
	const char *found = piece.n ? memmem(piece.text, piece.n, text, strlen(text)) : NULL;

	return found ? (size_t)(found - piece.text) : SIZE_MAX;
}

bool dw_piece_decimal(struct dw_piece *piece, uint64_t *ret)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; n < piece->n && is_digit(piece->text[n]); n++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(piece->text[n] - '0'), &value))
			return false;
	if (n == 0)
		return false;
	*piece = dw_piece_from(*piece, n);
	*ret = value;
	return true;
}

static int digit_of(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool dw_piece_hexadecimal(struct dw_piece *piece, uint64_t *ret)
{
	uint64_t value = 0;
	size_t n = 2;

	if (piece->n < 3 || memcmp(piece->text, "0x", 2) != 0)
		return false;
	for (; n < piece->n && digit_of(piece->text[n]) >= 0; n++) {
		if (value >> 60)
			return false;
		value = value << 4 | (unsigned)digit_of(piece->text[n]);
	}
	if (n == 2)
		return false;
	*piece = dw_piece_from(*piece, n);
	*ret = value;
	return true;
}

bool dw_piece_quoted(struct dw_piece *piece, struct dw_piece *ret)
{
	const char *end =
	    piece->n && piece->text[0] == '"' ? memchr(piece->text + 1, '"', piece->n - 1) : NULL;

	if (!end)
		return false;
	*ret = (struct dw_piece){piece->text + 1, (size_t)(end - piece->text) - 1};
	*piece = dw_piece_trim(dw_piece_from(*piece, ret->n + 2));
	return true;
}

/* The end of a character in quotes; @at if there is none: Rust's lifetimes have one apostrophe. */
static size_t skip_character(struct dw_piece piece, size_t at)
{
	bool escaped = at + 1 < piece.n && piece.text[at + 1] == '\\';
	size_t last = at + (escaped ? 5 : 2);

	for (size_t i = at + (escaped ? 3 : 2); i < piece.n && i <= last; i++)
		if (piece.text[i] == '\'')
			return i;
	return at;
}

/* The end of what is in quotes from @at on; @at if nothing is. */
static size_t skip_quoted(struct dw_piece piece, size_t at)
{
	if (piece.text[at] == '\'')
		return skip_character(piece, at);
	if (piece.text[at] != '"')
		return at;
	for (size_t i = at + 1; i < piece.n; i++) {
		if (piece.text[i] == '"')
			return i;
		i += piece.text[i] == '\\';
	}
	return at;
}

size_t dw_piece_closing(struct dw_piece piece, size_t open)
{
	size_t depth = 0;

	for (size_t i = open; i < piece.n; i++) {
		i = skip_quoted(piece, i);
		if (piece.text[i] == '(')
			depth++;
		else if (piece.text[i] == ')' && --depth == 0)
			return i;
	}
	return SIZE_MAX;
}

/* Behind `operator` come signs that are no brackets, though they look like some. */
static size_t skip_operator(struct dw_piece piece, size_t at)
{
	static const char word[] = "operator";
	size_t n = sizeof(word) - 1;

	if (piece.n - at <= n || memcmp(piece.text + at, word, n) != 0)
		return at;
	at += n;
	if (piece.n - at >= 2 && memcmp(piece.text + at, "()", 2) == 0)
		return at + 2;
	while (at < piece.n && strchr("<>=-+*/%^&|~!,[]", piece.text[at]))
		at++;
	return at;
}

/* `->` in a type of Rust's is no bracket. */
static int depth_by(struct dw_piece piece, size_t at)
{
	char c = piece.text[at];

	if (c == '>' && at > 0 && piece.text[at - 1] == '-')
		return 0;
	return c == '<' || c == '(' || c == '{' || c == '['   ? 1
	       : c == '>' || c == ')' || c == '}' || c == ']' ? -1
							      : 0;
}

size_t dw_piece_arguments(struct dw_piece piece, bool blank)
{
	int64_t depth = 0;

	for (size_t i = 0; i < piece.n; i++) {
		size_t behind = skip_operator(piece, i);

		if (behind != i) {
			i = behind - 1;
			continue;
		}
		if (depth == 0 && i > 0 && piece.text[i] == '(' &&
		    (!blank || piece.text[i - 1] == ' '))
			return i;
		depth += depth_by(piece, i);
	}
	return SIZE_MAX;
}

const char *dw_piece_text(struct dw_arena *arena, struct dw_piece piece)
{
	return piece.n ? dw_arena_text(arena, piece.text, piece.n) : NULL;
}
