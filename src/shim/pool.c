/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/settings.h"
#include "shim/shim.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

/*
 * Address space is taken in regions, as it is needed: a program may have limited it (RLIMIT_AS), or
 * may lock all of it (RLIMIT_MEMLOCK counts what is mapped, used or not). The tables at the start
 * take 10 MiB of the first; where a whole region is not to be had, half of one has to do.
 */
#define REGION_SIZE ((uint64_t)32 << 20)
#define REGION_SIZE_MIN ((uint64_t)16 << 20)

/* Where there is less address space than this, half a region is taken to begin with. */
#define ROOM_SMALL ((uint64_t)256 << 20)

/*
 * A region is made accessible in steps: a program that locks all its memory (mlockall) gets all
 * that is accessible, used or not.
 */
#define REGION_STEP ((uint64_t)1 << 20)

/* What is made accessible for the time when system calls may be forbidden: some 100 threads. */
#define SEALED_SIZE ((uint64_t)8 << 20)

#define ALIGNMENT 64

static uint32_t power_of(size_t size)
{
	return size <= 64 ? 6 : 64 - (uint32_t)__builtin_clzl(size - 1);
}

/* A region, at its own start. Addresses; `at` and `ready` only grow. */
struct shim_region {
	uint64_t at;    /* not given out yet */
	uint64_t ready; /* below this it is accessible */
	uint64_t end;
};

/* The first region. Not wiped by a fork, unlike what is in it; a child does without the others. */
static struct shim_region *first;
static uint64_t first_size;

static void begin_region(struct shim_region *region, uint64_t size, uint64_t used)
{
	region->at = (uint64_t)region + (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	/* In a forked child more of it is; that does no harm. */
	region->ready = (uint64_t)region + REGION_STEP;
	region->end = (uint64_t)region + size;
}

static struct shim_region *map_region(uint64_t *size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	for (; *size >= REGION_SIZE_MIN; *size /= 2) {
		void *base = mmap(NULL, *size, PROT_NONE, flags, -1, 0);

		if (base == MAP_FAILED)
			continue;
		if (madvise(base, *size, MADV_WIPEONFORK) == 0 &&
		    mprotect(base, REGION_STEP, PROT_READ | PROT_WRITE) == 0) {
			/* A huge page for a thread's few kilobytes: a gift that nobody asked for.
			 */
			madvise(base, *size, MADV_NOHUGEPAGE);
			return base;
		}
		munmap(base, *size);
		return NULL;
	}
	return NULL;
}

/* What is limited to less than this: RLIMIT_AS or RLIMIT_DATA. */
static uint64_t room(int resource)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

int shim_pool_init(void)
{
	uint64_t size = room(RLIMIT_AS) < ROOM_SMALL ? REGION_SIZE_MIN : REGION_SIZE;

	if (room(RLIMIT_AS) < DW_ROOM_MIN || room(RLIMIT_DATA) < DW_ROOM_MIN)
		return -1;
	first = map_region(&size);
	if (!first)
		return -1;
	first_size = size;
	__atomic_store_n(&shim, (struct shim *)(first + 1), __ATOMIC_RELEASE);
	return 0;
}

void shim_pool_reset(void)
{
	begin_region(first, first_size, sizeof(*first) + sizeof(*shim));
	shim->region = first;
}

/* Two threads may do this at once: both do the same. */
static bool make_accessible(struct shim_region *region, uint64_t end)
{
	uint64_t ready = __atomic_load_n(&region->ready, __ATOMIC_ACQUIRE);

	end = (end + REGION_STEP - 1) / REGION_STEP * REGION_STEP;
	if (end > region->end)
		end = region->end;
	if (end <= ready)
		return true;
	if (shim->writer.sealed || mprotect((void *)ready, end - ready, PROT_READ | PROT_WRITE) < 0)
		return false;
	while (ready < end && !__atomic_compare_exchange_n(&region->ready, &ready, end, 0,
							   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return true;
}

/* A region after @full. Whoever loses the race to make it uses the winner's. */
static struct shim_region *next_region(struct shim_region *full)
{
	uint64_t size = REGION_SIZE;
	struct shim_region *region = shim->writer.sealed ? NULL : map_region(&size);

	if (!region)
		return NULL;
	begin_region(region, size, sizeof(*region));
	if (__atomic_compare_exchange_n(&shim->region, &full, region, 0, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return region;
	munmap(region, size);
	return full;
}

void shim_pool_seal(void)
{
	struct shim_region *region = __atomic_load_n(&shim->region, __ATOMIC_ACQUIRE);

	if (region->at + SEALED_SIZE > region->end)
		region = next_region(region);
	if (region)
		make_accessible(region, region->at + SEALED_SIZE);
}

static void *take_new(uint64_t size)
{
	struct shim_region *region = __atomic_load_n(&shim->region, __ATOMIC_ACQUIRE);

	while (region) {
		uint64_t at = __atomic_fetch_add(&region->at, size, __ATOMIC_RELAXED);

		if (at + size <= region->end)
			return make_accessible(region, at + size) ? (void *)at : NULL;
		region = next_region(region);
	}
	return NULL;
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
	int error = errno;

	if (memory) {
		__builtin_memset(memory, 0, size);
		return memory;
	}
	memory = take_new((uint64_t)1 << power);
	errno = error;
	return memory;
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
