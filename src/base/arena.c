/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16

/* One block serves some ten thousand small nodes; larger requests get a block of their own. */
#define BLOCK_SIZE ((size_t)1 << 20)

struct block {
	struct block *next; /* block::next, the older block */
	size_t size;        /* bytes mapped, this header included */
	size_t used;        /* bytes handed out, this header included */
	size_t reserved;
};

struct dw_arena {
	struct block *blocks; /* block::next, the newest first; the first block holds the arena */
	size_t limit;
	size_t mapped;
	size_t used;
};

static struct block *block_new(size_t size)
{
	struct block *block = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (block == MAP_FAILED)
		return NULL;
	block->size = size;
	block->used = sizeof(*block);
	return block;
}

static void *block_alloc(struct block *block, size_t size)
{
	void *memory;

	if (block->size - block->used < size)
		return NULL;
	memory = (char *)block + block->used;
	block->used += size;
	return memory;
}

int dw_arena_new(struct dw_arena **ret, size_t limit)
{
	struct block *first = block_new(BLOCK_SIZE);
	struct dw_arena *arena;

	if (!first)
		return dw_raise(-ENOMEM);
	arena = block_alloc(first, (sizeof(*arena) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
	arena->blocks = first;
	arena->limit = limit;
	arena->mapped = BLOCK_SIZE;
	*ret = arena;
	return 0;
}

struct dw_arena *dw_arena_free(struct dw_arena *arena)
{
	struct block *block = arena ? arena->blocks : NULL;

	while (block) {
		struct block *next = block->next;

		munmap(block, block->size);
		block = next;
	}
	return NULL;
}

/* A request that needs a block of its own goes behind the newest, which keeps serving. */
static void *alloc_in_new_block(struct dw_arena *arena, size_t size)
{
	size_t wanted = size + sizeof(struct block);
	size_t block_size = wanted > BLOCK_SIZE / 4 ? wanted : BLOCK_SIZE;
	struct block *block;

	if (block_size > arena->limit || arena->mapped > arena->limit - block_size)
		return NULL;
	block = block_new(block_size);
	if (!block)
		return NULL;
	arena->mapped += block_size;
	if (block_size == BLOCK_SIZE) {
		block->next = arena->blocks;
		arena->blocks = block;
	} else {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	}
	return block_alloc(block, size);
}

void *dw_arena_alloc(struct dw_arena *arena, size_t size)
{
	void *memory;

	if (size > arena->limit)
		return NULL;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	memory = block_alloc(arena->blocks, size);
	if (!memory)
		memory = alloc_in_new_block(arena, size);
	if (memory)
		arena->used += size;
	return memory;
}

void *dw_arena_new_owner(struct dw_arena **ret, size_t limit, size_t size)
{
	struct dw_arena *arena;
	void *owner;

	if (dw_arena_new(&arena, limit) < 0)
		return NULL;
	owner = dw_arena_alloc(arena, size);
	if (!owner)
		dw_arena_free(arena);
	else
		*ret = arena;
	return owner;
}

char *dw_arena_text(struct dw_arena *arena, const char *text, size_t n)
{
	char *copy = dw_arena_alloc(arena, n + 1);

	if (copy)
		memcpy(copy, text, n);
	return copy;
}

size_t dw_arena_used(const struct dw_arena *arena)
{
	return arena->used;
}
