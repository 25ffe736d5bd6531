// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be preloaded: an allocator that takes a mutex of pthread for each call. Memory is given
 * once and never again. It is called before anything else is, by the loader too.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

#define MEMORY ((size_t)256 << 20)
#define ALIGNMENT 16

/* Before each block lies its size, in ALIGNMENT bytes of its own. */
static _Alignas(ALIGNMENT) char memory[MEMORY];
static size_t used;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long freed;

static void *take(size_t size)
{
	char *block = NULL;

	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	pthread_mutex_lock(&mutex);
	if (size < MEMORY && used + ALIGNMENT + size <= MEMORY) {
		block = memory + used + ALIGNMENT;
		memcpy(block - ALIGNMENT, &size, sizeof(size));
		used += ALIGNMENT + size;
	}
	pthread_mutex_unlock(&mutex);
	if (!block)
		errno = ENOMEM;
	return block;
}

EXPORT void *malloc(size_t size)
{
	return take(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	/* Memory that is given once is zero. */
	return size && n > MEMORY / size ? NULL : take(n * size);
}

EXPORT void free(void *block)
{
	if (!block)
		return;
	pthread_mutex_lock(&mutex);
	freed++;
	pthread_mutex_unlock(&mutex);
}

EXPORT void *realloc(void *block, size_t size)
{
	void *moved = take(size);
	size_t before;

	if (!block || !moved)
		return moved;
	memcpy(&before, (char *)block - ALIGNMENT, sizeof(before));
	memcpy(moved, block, before < size ? before : size);
	free(block);
	return moved;
}
