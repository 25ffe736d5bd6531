/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arrays that grow in an arena: what is outgrown stays there, less than the array itself.
 *
 * Internal to stories and replay.
 */
#pragma once

#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#define DW_ROWS_FIRST 64

/*
 * @rows, with room for *@room rows of @size bytes, gets room for row number @n, the next.
 * NULL: no memory; @rows is as it was.
 */
static inline void *dw_rows_grown(struct dw_arena *arena, void *rows, uint32_t *room, uint32_t n,
				  size_t size)
{
	uint32_t more = *room ? *room * 2 : DW_ROWS_FIRST;
	void *grown;

	if (n < *room)
		return rows;
	if (more <= n)
		return NULL;
	grown = dw_arena_alloc(arena, more * size);
	if (!grown)
		return NULL;
	if (*room)
		memcpy(grown, rows, *room * size);
	*room = more;
	return grown;
}
