/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of a dump and the pieces that they are made of.
 *
 * Pure: no memory, no state but the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_arena;

/* A piece of text, not terminated. */
struct dw_piece {
	const char *text;
	size_t n;
};

struct dw_dump_lines {
	const char *text;
	size_t size, at;
	uint32_t number; /* of the line that was handed out last, from 1 */
};

/* The next line, without its end, and without the marks that mail puts before what it quotes. */
bool dw_dump_line_next(struct dw_dump_lines *lines, struct dw_piece *ret);

/* What is left of @piece behind its first @n bytes, of which there are so many. */
struct dw_piece dw_piece_from(struct dw_piece piece, size_t n);

/* @piece without the blanks at both ends. */
struct dw_piece dw_piece_trim(struct dw_piece piece);

/* Goes on behind @prefix, and blanks. Return: whether @piece begins with that. */
bool dw_piece_skip(struct dw_piece *piece, const char *prefix);

/* Where @text is in @piece; SIZE_MAX: nowhere. */
size_t dw_piece_find(struct dw_piece piece, const char *text);

/* Goes on behind a number, the second one with its 0x. Return: whether there is one. */
bool dw_piece_decimal(struct dw_piece *piece, uint64_t *ret);
bool dw_piece_hexadecimal(struct dw_piece *piece, uint64_t *ret);

/* The text between the quotes that @piece begins with, behind which it goes on. */
bool dw_piece_quoted(struct dw_piece *piece, struct dw_piece *ret);

/*
 * The round bracket that closes the one at @open of @piece; SIZE_MAX: there is none. What stands in
 * quotes counts for nothing.
 */
size_t dw_piece_closing(struct dw_piece piece, size_t open);

/*
 * Where the bracket with the arguments of a call is, the way that debuggers for C print one:
 * `name (a=1, b=...)`, where the name may be one of C++ or Rust, with brackets of its own. gdb puts
 * a
 * @blank before it, lldb does not. SIZE_MAX: nowhere.
 */
size_t dw_piece_arguments(struct dw_piece piece, bool blank);

/* A terminated copy; NULL: @piece is empty, or the arena full. */
const char *dw_piece_text(struct dw_arena *arena, struct dw_piece piece);
