/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one look costs: 1,000 threads that hold 100 locks each, and wait for each other in rings
 * of two, in one ring, in a row behind one that calls, or all for one lock.
 *
 *   bench-now
 */
#include "analysis/now.h"
#include "model/event.h"
#include "model/picture.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N_THREADS 1000
#define N_HELD 100
#define MEMORY_MAX ((size_t)1 << 30)
#define NOW_NS UINT64_C(1000000000000)

/* A slot with room for so many. */
union picture {
	struct dw_slot slot;
	char room[sizeof(struct dw_slot) + (N_HELD + 2) * sizeof(struct dw_held)];
};

static union picture pictures[N_THREADS + 1];
static struct dw_told_slot slots[N_THREADS + 1];
static struct dw_told_thread threads[N_THREADS + 1];
static struct dw_now_look looks[N_THREADS + 1];
static struct dw_thing things[N_THREADS * N_HELD + 1];
static struct dw_chain chains[N_THREADS * (N_HELD + 1) + 1];
static struct dw_post posts[1];
static struct dw_facts facts = {
    .threads = threads,
    .slots = slots,
    .things = things,
    .chains = chains,
    .posts = posts,
    .n_threads = N_THREADS + 1,
    .n_slots = N_THREADS + 1,
    .n_things = N_THREADS * N_HELD + 1,
    .n_chains = N_THREADS * (N_HELD + 1) + 1,
    .n_posts = 1,
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Thread @thread's entry @entry is for @thing: held, or wanted. */
static void set(uint32_t thread, uint32_t entry, uint32_t thing)
{
	uint32_t chain = (thread - 1) * (N_HELD + 1) + entry;

	chains[chain] = (struct dw_chain){.thing = thing, .thread = thread};
	pictures[thread].slot.held[entry] = (struct dw_held){
	    .thing = things[thing].address, .chain = chain, .manner = dw_manner(0, DW_MUTEX)};
}

static void fill(void)
{
	for (uint32_t i = 1; i < facts.n_things; i++)
		things[i] = (struct dw_thing){.address = i * 64, .life = 1, .kind = DW_MUTEX};
	for (uint32_t t = 1; t <= N_THREADS; t++) {
		threads[t].slot = t;
		slots[t].slot = &pictures[t].slot;
		pictures[t].slot.top = N_HELD;
		looks[t] = (struct dw_now_look){.same_ns = NOW_NS, .still_ns = NOW_NS};
		for (uint32_t i = 1; i <= N_HELD; i++)
			set(t, i, (t - 1) * N_HELD + i);
	}
}

/* Thread @thread wants a lock of @other's; of nobody's, if that is 0. */
static void want(uint32_t thread, uint32_t other)
{
	struct dw_slot *slot = &pictures[thread].slot;

	set(thread, N_HELD + 1, other ? (other - 1) * N_HELD + N_HELD / 2 : 0);
	slot->wants = slot->held[N_HELD + 1].thing;
}

static void measure(const char *what)
{
	struct dw_now now = {&facts, looks, NOW_NS, 1};
	dw_auto(arena) arena = NULL;
	const struct dw_found *founds;
	uint64_t start = now_ns();
	size_t n;

	if (dw_arena_new(&arena, MEMORY_MAX) < 0 || dw_now_find(&now, arena, &founds, &n) < 0)
		abort();
	printf("%-16s %8.3f ms, %zu found, %zu KiB\n", what, (double)(now_ns() - start) / 1e6, n,
	       dw_arena_used(arena) >> 10);
}

int main(void)
{
	fill();
	measure("nobody waits");
	for (uint32_t t = 1; t <= N_THREADS; t++)
		want(t, t % 2 ? t + 1 : t - 1);
	measure("rings of two");
	for (uint32_t t = 1; t <= N_THREADS; t++)
		want(t, t % N_THREADS + 1);
	measure("one ring");
	want(N_THREADS, 0);
	measure("in a row");
	for (uint32_t t = 1; t < N_THREADS; t++)
		want(t, N_THREADS);
	measure("all for one");
	return 0;
}
