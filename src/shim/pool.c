/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/shim.h"

#include <errno.h>
#include <sys/mman.h>

/*
 * Address space for all that the shim ever needs, taken once. Where so much is not to be had
 * (RLIMIT_AS), less has to do; the tables at the start alone take 12 MiB.
 */
#define POOL_LARGEST ((size_t)4 << 30)
#define POOL_SMALLEST ((size_t)32 << 20)

/*
 * It is made accessible in steps: a program that locks all its memory (mlockall) gets all
 * that is accessible, used or not.
 */
#define POOL_STEP ((uint64_t)1 << 20)

/* What is made accessible for the time when system calls may be forbidden: some 100 threads. */
#define POOL_SEALED ((uint64_t)8 << 20)

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
	/* In a forked child more of it is; that does no harm. */
	shim->pool_ready = pool_base + POOL_STEP;
}

/* Two threads may do this at once: both do the same. */
static bool make_accessible(uint64_t end)
{
	uint64_t ready = __atomic_load_n(&shim->pool_ready, __ATOMIC_ACQUIRE);
	int error = errno;

	end = (end + POOL_STEP - 1) / POOL_STEP * POOL_STEP;
	if (end > shim->pool_end)
		end = shim->pool_end;
	if (end <= ready)
		return true;
	if (mprotect((void *)ready, end - ready, PROT_READ | PROT_WRITE) < 0) {
		errno = error;
		return false;
	}
	while (ready < end && !__atomic_compare_exchange_n(&shim->pool_ready, &ready, end, 0,
							   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return true;
}

void shim_pool_seal(void)
{
	make_accessible(shim->pool_at + POOL_SEALED);
}

int shim_pool_init(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	for (size_t size = POOL_LARGEST; size >= POOL_SMALLEST; size /= 2) {
		void *base = mmap(NULL, size, PROT_NONE, flags, -1, 0);

		if (base == MAP_FAILED)
			continue;
		if (madvise(base, size, MADV_WIPEONFORK) < 0 ||
		    mprotect(base, POOL_STEP, PROT_READ | PROT_WRITE) < 0) {
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
	uint64_t at, end;

	if (memory) {
		__builtin_memset(memory, 0, size);
		return memory;
	}
	at = __atomic_fetch_add(&shim->pool_at, (uint64_t)1 << power, __ATOMIC_RELAXED);
	end = at + ((uint64_t)1 << power);
	if (end > shim->pool_end)
		return NULL;
	if (end > __atomic_load_n(&shim->pool_ready, __ATOMIC_ACQUIRE) &&
	    (shim->writer.sealed || !make_accessible(end)))
		return NULL;
	return (void *)at;
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
