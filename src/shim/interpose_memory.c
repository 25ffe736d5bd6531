/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is freed with locks in it: their lives end there. Blocks are looked into only
 * where locks of the same page were told, and only if the size of a block is known to whoever
 * frees it: free() and malloc_usable_size() of one library.
 */
#include "shim/note.h"
#include "shim/real.h"

#include <malloc.h>

static bool sizes_known;

void shim_memory_init(void)
{
	const void *file = shim_file_of((const void *)shim_real.free);

	sizes_known = file && file == shim_file_of((const void *)shim_real.malloc_usable_size) &&
		      file == shim_file_of((const void *)shim_real.realloc);
}

static __attribute__((noinline)) void look(uint64_t from, uint64_t to, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);

	if (t) {
		SHIM_OWN_WORK(t);

		shim_memory_freed(t, from, to, caller);
	}
}

static inline void going(void *memory, uint64_t caller)
{
	uint64_t from = (uint64_t)memory, to;

	if (!memory || !sizes_known)
		return;
	to = from + shim_real.malloc_usable_size(memory);
	if (shim_unlikely(to > from && shim_memory_watched(from, to)))
		look(from, to, caller);
}

SHIM void free(void *memory)
{
	going(memory, SHIM_CALLER);
	shim_real.free(memory);
}

/* Whether the block stays where it is, is known only afterwards; locks do not survive a move. */
SHIM void *realloc(void *memory, size_t size)
{
	uint64_t from = (uint64_t)memory;
	uint64_t to = from + (memory && sizes_known ? shim_real.malloc_usable_size(memory) : 0);
	void *moved = shim_real.realloc(memory, size);

	if (moved && (uint64_t)moved != from && to > from && shim_memory_watched(from, to))
		look(from, to, SHIM_CALLER);
	return moved;
}
