/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An arena: memory that only grows and is given back at once.
 *
 * Graphs and tables that grow until the end of a report live in one. Its memory
 * comes from mmap, so it works where malloc is what is being watched. It has a
 * limit, because everything that a user can make grow has one.
 *
 * Single-threaded: the caller serialises.
 */
#pragma once

#include "base/cleanup.h"

#include <stddef.h>
#include <stdint.h>

struct dw_arena;

/*
 * A new arena of at most @limit bytes.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_arena_new(struct dw_arena **ret, size_t limit);

/*
 * A new arena of at most @limit bytes, and in it the object of @size bytes, zeroed, that is to own
 * it. Return: the object, or NULL: no memory.
 */
void *dw_arena_new_owner(struct dw_arena **ret, size_t limit, size_t size);

/* Gives everything back, and with it all that dw_arena_alloc() handed out. NULL is fine. */
struct dw_arena *dw_arena_free(struct dw_arena *arena);

/* Zeroed memory, aligned to 16 bytes, as long-lived as the arena; NULL at the limit. */
void *dw_arena_alloc(struct dw_arena *arena, size_t size);

/* A copy of @n bytes at @text plus a terminating NUL; NULL at the limit. */
char *dw_arena_text(struct dw_arena *arena, const char *text, size_t n);

/* Bytes handed out so far. */
size_t dw_arena_used(const struct dw_arena *arena);

DW_DEFINE_AUTO(arena)
