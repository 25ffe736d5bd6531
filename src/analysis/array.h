/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arrays that grow in an arena. What they outgrow stays there, so growing costs at
 * most twice the room.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define DW_ARRAY_FIRST 64

/*
 * Makes room for one more item of @size bytes in *@items, which has @n of them.
 *
 * Return: 0, or -ENOMEM, leaving the array as it was.
 */
static inline int dw_array_room(struct dw_arena *arena, void **items, uint32_t n, uint32_t *room,
				size_t size)
{
	uint32_t larger = *room ? 2 * *room : DW_ARRAY_FIRST;
	void *memory;

	if (n < *room)
		return 0;
	memory = dw_arena_alloc(arena, larger * size);
	if (!memory)
		return dw_raise(-ENOMEM);
	if (n)
		memcpy(memory, *items, n * size);
	*items = memory;
	*room = larger;
	return 0;
}
