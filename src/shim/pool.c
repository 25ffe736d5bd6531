/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/shim.h"

#include <sys/mman.h>

/*
 * Address space for all that the shim ever needs, taken once, so that no system call is
 * needed later, when a seccomp filter might forbid it. Pages cost nothing until used. Where
 * so much is not to be had (RLIMIT_AS), less has to do.
 */
#define POOL_LARGEST ((size_t)4 << 30)
#define POOL_SMALLEST ((size_t)32 << 20)

#define ALIGNMENT 64

static uint32_t power_of(size_t size)
{
	return size <= 64 ? 6 : 64 - (uint32_t)__builtin_clzl(size - 1);
}

/* The mapping. Not wiped by a fork, unlike what is in it. */
static uint64_t pool_base, pool_size;

void shim_pool_reset(void)
{
	shim->pool_at = pool_base + (sizeof(*shim) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	shim->pool_end = pool_base + pool_size;
}

int shim_pool_init(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	for (size_t size = POOL_LARGEST; size >= POOL_SMALLEST; size /= 2) {
		void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

		if (base == MAP_FAILED)
			continue;
		if (madvise(base, size, MADV_WIPEONFORK) < 0) {
			munmap(base, size);
			return -1;
		}
		/* A huge page for a thread's few kilobytes would be a gift nobody asked for. */
		madvise(base, size, MADV_NOHUGEPAGE);
		pool_base = (uint64_t)base;
		pool_size = size;
		__atomic_store_n(&shim, base, __ATOMIC_RELEASE);
		return 0;
	}
	return -1;
}

/* Whoever finds the list in use goes without it: nobody ever waits in here. */
static void *take_spare(uint32_t power)
{
	void *memory;

	if (__atomic_exchange_n(&shim->spare_busy[power], 1, __ATOMIC_ACQUIRE))
		return NULL;
	memory = shim->spare[power];
	if (memory)
		shim->spare[power] = *(void **)memory;
	__atomic_store_n(&shim->spare_busy[power], 0, __ATOMIC_RELEASE);
	return memory;
}

void *shim_pool_get(size_t size)
{
	uint32_t power = power_of(size);
	void *memory = take_spare(power);
	uint64_t at;

	if (memory) {
		__builtin_memset(memory, 0, size);
		return memory;
	}
	at = __atomic_fetch_add(&shim->pool_at, (uint64_t)1 << power, __ATOMIC_RELAXED);
	return at + ((uint64_t)1 << power) <= shim->pool_end ? (void *)at : NULL;
}

void shim_pool_put(void *memory, size_t size)
{
	uint32_t power = power_of(size);

	if (__atomic_exchange_n(&shim->spare_busy[power], 1, __ATOMIC_ACQUIRE))
		return;
	*(void **)memory = shim->spare[power];
	shim->spare[power] = memory;
	__atomic_store_n(&shim->spare_busy[power], 0, __ATOMIC_RELEASE);
}
