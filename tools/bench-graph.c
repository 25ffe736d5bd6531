/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a new edge costs: 100,000 nodes, numbered randomly, and 1,000,000 random edges
 * in random order; once in layers, each edge from a lower one to a higher one, and
 * once in any direction, where nearly all nodes end in one component.
 *
 *   bench-graph [LAYERS]
 */
#include "analysis/graph.h"
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N_NODES 100000
#define N_EDGES 1000000
#define N_LAYERS 100
#define MEMORY_MAX ((size_t)1 << 30)

/* Marsaglia's xorshift64: the same graph everywhere. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint32_t add_edges(struct dw_graph *graph, const uint32_t *layers)
{
	uint64_t state = 88172645463325252;
	uint32_t edge;

	while (dw_graph_n_edges(graph) < N_EDGES) {
		uint32_t from = next_random(&state) % N_NODES;
		uint32_t to = next_random(&state) % N_NODES;

		if (from == to || (layers && layers[from] >= layers[to]))
			continue;
		if (dw_graph_add(graph, from, to, &edge) < 0)
			abort();
	}
	return edge;
}

static uint32_t largest_component(struct dw_graph *graph)
{
	uint32_t largest = 0;

	for (uint32_t i = 0; i < N_NODES; i++) {
		uint32_t size = dw_graph_component_size(graph, i);

		largest = size > largest ? size : largest;
	}
	return largest;
}

static void measure(const char *what, const uint32_t *layers)
{
	dw_auto(arena) arena = NULL;
	struct dw_graph *graph = NULL;
	uint64_t start;

	if (dw_arena_new(&arena, MEMORY_MAX) < 0 || dw_graph_new(&graph, arena) < 0)
		abort();
	for (uint32_t i = 0; i < N_NODES; i++) {
		if (dw_graph_add_node(graph) < 0)
			abort();
	}
	start = now_ns();
	add_edges(graph, layers);
	printf("%-16s %8.3f us per edge, largest component %u, %zu MiB\n", what,
	       (double)(now_ns() - start) / N_EDGES / 1000, largest_component(graph),
	       dw_arena_used(arena) >> 20);
}

int main(int argc, char **argv)
{
	static uint32_t layers[N_NODES];
	uint32_t n_layers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : N_LAYERS;
	uint64_t state = 2463534242;

	for (uint32_t i = 0; i < N_NODES; i++)
		layers[i] = next_random(&state) % n_layers;
	measure("layered", layers);
	measure("any direction", NULL);
	return 0;
}
