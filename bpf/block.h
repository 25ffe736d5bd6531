/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of memory with things in them, that are freed: no more is asked of a block than whether
 * its pages are known to have any. A map tells, so that what all others cost is the trap.
 */
#pragma once

#include "bpf/kernel.h"
#include "bpf/tell.h"

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

/* A page's parts that are told apart, and how large a block may be to be looked at page by page. */
#define PAGE 4096
#define GRAIN 64
#define BLOCK_PAGES 16

/* What precedes a block that glibc's malloc() gave: its size with this, in 16, and three flags. */
#define BLOCK_HEAD 8
#define BLOCK_FLAGS 7
#define BLOCK_MAPPED 2

struct page {
	uint64_t number;
	uint64_t pid;
};

/* What is in a page. */
struct inside {
	uint64_t grains; /* where there are things: one bit each */

	/*
	 * Allocators that do not say how large a block is have blocks of one size in a page: two
	 * that were freed are as far from each other as one is large, or a multiple of that.
	 */
	uint64_t freed; /* the latest one; 0: none */
	uint64_t apart; /* the least distance; 0: not known */
};

/* Where there are things, of all processes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct page);
	__type(value, struct inside);
} pages SEC(".maps");

/* There is a thing at @address. Return: whether it will be known when that is freed. */
static __always_inline bool mark(uint32_t pid, uint64_t address)
{
	struct page key = {.number = address / PAGE, .pid = pid};
	uint64_t grain = UINT64_C(1) << address % PAGE / GRAIN;
	struct inside *inside = bpf_map_lookup_elem(&pages, &key), none = {0};

	if (!inside) {
		bpf_map_update_elem(&pages, &key, &none, BPF_NOEXIST);
		inside = bpf_map_lookup_elem(&pages, &key);
	}
	if (!inside)
		return false;
	if (!(inside->grains & grain))
		__sync_fetch_and_or(&inside->grains, grain);
	return true;
}

/* Whether there may be a thing from @from to @to, in page @number. */
static __always_inline bool is_marked(uint32_t pid, uint64_t number, uint64_t from, uint64_t to)
{
	struct page key = {.number = number, .pid = pid};
	const struct inside *inside = bpf_map_lookup_elem(&pages, &key);
	uint64_t begin = number * PAGE;
	uint64_t first = from > begin ? (from - begin) / GRAIN : 0;
	uint64_t beyond = to < begin + PAGE ? (begin + PAGE - to) / GRAIN : 0;

	return inside &&
	       inside->grains & ~UINT64_C(0) << (first & 63) & ~UINT64_C(0) >> (beyond & 63);
}

/* Of larger blocks nobody looks. */
static __noinline bool has_things(uint32_t pid, uint64_t from, uint64_t to)
{
	uint64_t first = from / PAGE, last = (to - 1) / PAGE;

	if (last - first >= BLOCK_PAGES)
		return true;
	for (uint32_t i = 0; i < BLOCK_PAGES && first + i <= last; i++)
		if (is_marked(pid, first + i, from, to))
			return true;
	return false;
}

/* Where the block ends that glibc's malloc() gave at @from; 0: it is none. */
static __always_inline uint64_t block_end(uint64_t from)
{
	uint64_t size = 0;

	if (!from || bpf_probe_read_user(&size, sizeof(size), (void *)(from - BLOCK_HEAD)))
		return 0;
	return from + (size & ~UINT64_C(BLOCK_FLAGS)) - (size & BLOCK_MAPPED ? 2 : 1) * BLOCK_HEAD;
}

/* Where the block ends at the latest that another allocator gave at @from; 0: nothing is in it. */
static __always_inline uint64_t latest_end(uint32_t pid, uint64_t from)
{
	struct page key = {.number = from / PAGE, .pid = pid};
	struct inside *inside = bpf_map_lookup_elem(&pages, &key);
	uint64_t apart, beyond = (from / PAGE + 1) * PAGE;

	if (!inside)
		return 0;
	apart = inside->freed > from ? inside->freed - from : from - inside->freed;
	if (inside->freed && apart && (!inside->apart || apart < inside->apart))
		inside->apart = apart;
	inside->freed = from;
	return inside->apart && from + inside->apart < beyond ? from + inside->apart : beyond;
}

/* Memory is about to be freed; @how: see DW_WIRE_STAYS. */
static __always_inline int on_freed(struct pt_regs *regs, uint64_t from, uint64_t to, uint8_t how)
{
	struct dw_wire_event event = {.kind = DW_WIRE_FREES, .how = how, .object = from};
	struct dw_wire_thread *thread;

	if (to <= from || !has_things(bpf_get_current_pid_tgid() >> 32, from, to))
		return 0;
	thread = this_thread();
	if (!thread)
		return 0;
	event.other = to;
	bpf_probe_read_user(&event.site, sizeof(event.site), (void *)regs->sp);
	note(thread, &event, thread->depth ? regs : NULL);
	return 0;
}

/* A block of an allocator is about to be freed. */
static __noinline int on_free(struct pt_regs *regs, uint8_t how)
{
	uint32_t pid = bpf_get_current_pid_tgid() >> 32;
	uint64_t from = regs->di,
		 to = how & DW_WIRE_UNSIZED ? latest_end(pid, from) : block_end(from);

	return on_freed(regs, from, to, how);
}
