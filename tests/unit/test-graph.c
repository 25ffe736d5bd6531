/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The incremental components against the plainest way of working them out. */
#include "analysis/graph.h"
#include "base/arena.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY_MAX ((size_t)1 << 28)
#define NODES_MAX 40
#define DEEP 100000

static struct dw_graph *graph_of(struct dw_arena *arena, uint32_t n_nodes)
{
	struct dw_graph *graph;

	assert_int_equal(dw_graph_new(&graph, arena), 0);
	for (uint32_t i = 0; i < n_nodes; i++)
		assert_int_equal(dw_graph_add_node(graph), i);
	return graph;
}

static struct dw_arena *new_arena(void)
{
	struct dw_arena *arena;

	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	return arena;
}

static void an_edge_is_new_once_and_keeps_its_number(void **state)
{
	dw_auto(arena) arena = new_arena();
	struct dw_graph *graph = graph_of(arena, 3);
	uint32_t edge = 7;

	(void)state;
	assert_int_equal(dw_graph_add(graph, 0, 1, &edge), DW_GRAPH_NEW);
	assert_int_equal(edge, 0);
	assert_int_equal(dw_graph_add(graph, 1, 2, &edge), DW_GRAPH_NEW);
	assert_int_equal(edge, 1);
	assert_int_equal(dw_graph_add(graph, 0, 1, &edge), DW_GRAPH_KNOWN);
	assert_int_equal(edge, 0);
	assert_int_equal(dw_graph_add(graph, 2, 0, &edge), DW_GRAPH_CYCLE);
	assert_int_equal(dw_graph_n_edges(graph), 3);
	assert_int_equal(dw_graph_find(graph, 2, 0), 2);
	assert_int_equal(dw_graph_find(graph, 0, 2), DW_GRAPH_NONE);
}

static void edges_out_of_a_node_are_listed_whatever_is_merged(void **state)
{
	dw_auto(arena) arena = new_arena();
	struct dw_graph *graph = graph_of(arena, 4);
	uint32_t edge, n = 0;

	(void)state;
	for (uint32_t i = 1; i < 4; i++) {
		dw_graph_add(graph, 0, i, &edge);
		dw_graph_add(graph, i, 0, &edge);
	}
	for (edge = dw_graph_first_out(graph, 0); edge != DW_GRAPH_NONE;
	     edge = dw_graph_edge(graph, edge)->next_out) {
		assert_int_equal(dw_graph_edge(graph, edge)->from, 0);
		n++;
	}
	assert_int_equal(n, 3);
	assert_int_equal(dw_graph_component_size(graph, 2), 4);
}

/* Warshall's transitive closure. */
static void close_over(bool reach[NODES_MAX][NODES_MAX], uint32_t n, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < n; j++)
			reach[i][j] |= (i == from || reach[i][from]) && (j == to || reach[to][j]);
	}
}

static void check_components(struct dw_graph *graph, bool reach[NODES_MAX][NODES_MAX], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t size = 1;

		for (uint32_t j = 0; j < n; j++) {
			bool together = i == j || (reach[i][j] && reach[j][i]);

			size += i != j && together;
			assert_int_equal(
			    dw_graph_component(graph, i) == dw_graph_component(graph, j), together);
		}
		assert_int_equal(dw_graph_component_size(graph, i), size);
	}
}

static void check_random_graph(unsigned seed)
{
	dw_auto(arena) arena = new_arena();
	uint32_t n = 2 + seed % (NODES_MAX - 2), n_edges = n * (1 + seed % 5), edge;
	struct dw_graph *graph = graph_of(arena, n);
	bool reach[NODES_MAX][NODES_MAX] = {0};

	srand(seed);
	for (uint32_t i = 0; i < n_edges; i++) {
		uint32_t from = (uint32_t)rand() % n, to = (uint32_t)rand() % n;
		bool known = dw_graph_find(graph, from, to) != DW_GRAPH_NONE;
		int answer;

		if (from == to)
			continue;
		answer = dw_graph_add(graph, from, to, &edge);
		close_over(reach, n, from, to);
		assert_int_equal(answer, known             ? DW_GRAPH_KNOWN
					 : reach[to][from] ? DW_GRAPH_CYCLE
							   : DW_GRAPH_NEW);
		check_components(graph, reach, n);
	}
}

static void components_are_those_of_the_transitive_closure_after_every_edge(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 400; seed++)
		check_random_graph(seed);
}

/* Long ways within one level, past what a backward search may look at, and back. */
static void a_path_of_any_length_closes_into_one_component(void **state)
{
	(void)state;
	for (int backward = 0; backward < 2; backward++) {
		dw_auto(arena) arena = new_arena();
		struct dw_graph *graph = graph_of(arena, DEEP);
		uint32_t edge;

		for (uint32_t i = 0; i + 1 < DEEP; i++) {
			uint32_t from = backward ? DEEP - 2 - i : i;

			assert_int_equal(dw_graph_add(graph, from, from + 1, &edge), DW_GRAPH_NEW);
		}
		assert_int_equal(dw_graph_component_size(graph, DEEP / 2), 1);
		assert_int_equal(dw_graph_add(graph, DEEP - 1, 0, &edge), DW_GRAPH_CYCLE);
		assert_int_equal(dw_graph_component_size(graph, DEEP / 2), DEEP);
	}
}

static void at_the_limit_it_says_so(void **state)
{
	dw_auto(arena) arena = NULL;
	struct dw_graph *graph;
	int64_t answer = 0;

	(void)state;
	assert_int_equal(dw_arena_new(&arena, 1 << 21), 0);
	assert_int_equal(dw_graph_new(&graph, arena), 0);
	for (uint32_t i = 0; i < DEEP && answer >= 0; i++)
		answer = dw_graph_add_node(graph);
	assert_int_equal(answer, -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_edge_is_new_once_and_keeps_its_number),
	    cmocka_unit_test(edges_out_of_a_node_are_listed_whatever_is_merged),
	    cmocka_unit_test(components_are_those_of_the_transitive_closure_after_every_edge),
	    cmocka_unit_test(a_path_of_any_length_closes_into_one_component),
	    cmocka_unit_test(at_the_limit_it_says_so),
	};

	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
