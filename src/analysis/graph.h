/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The graph of needs, and which of its things can be on a cycle.
 *
 * A node is a thing, an edge X -> Y a need: X needs Y. Edges are facts and are never
 * removed. After every new edge the graph knows its strongly connected components:
 * things are on a common cycle exactly if they are in one component.
 *
 * Every component has a level, and no edge leads to a lower one. An edge that goes
 * up costs nothing; any other searches backward, just within its tail's level and
 * for a limited number of edges, and where that gives no answer it lifts what can
 * be reached from its head (the two-way search of Bender, Fineman, Gilbert and
 * Tarjan, "A New Approach to Incremental Cycle Detection and Related Problems", ACM
 * Transactions on Algorithms 12, 2016, section 2: m edges cost O(m^1.5) at worst).
 * Components on a new cycle are merged with union-find (Haeupler, Kavitha, Mathew,
 * Sen and Tarjan, "Incremental cycle detection, topological ordering, and strong
 * component maintenance", 2012). No recursion.
 *
 * Single-threaded. Memory comes from the caller's arena.
 */
#pragma once

#include <stdint.h>

struct dw_arena;
struct dw_graph;

enum dw_graph_answer {
	DW_GRAPH_KNOWN = 1, /* the edge was there */
	DW_GRAPH_NEW,       /* it is new, its ends are in different components */
	DW_GRAPH_CYCLE,     /* it is new and on a cycle */
};

/* In place of the number of an edge: there is none. */
#define DW_GRAPH_NONE UINT32_MAX

int dw_graph_new(struct dw_graph **ret, struct dw_arena *arena);

/* A new node; they are numbered from 0. Return: its number, or -ENOMEM. */
int64_t dw_graph_add_node(struct dw_graph *graph);

/*
 * Adds @from -> @to, two different nodes. @ret_edge is set to the edge's number (from 0,
 * in the order of adding) whether or not it is new.
 *
 * Return: a dw_graph_answer, or -ENOMEM.
 */
int dw_graph_add(struct dw_graph *graph, uint32_t from, uint32_t to, uint32_t *ret_edge);

uint32_t dw_graph_n_edges(const struct dw_graph *graph);

/* The node that stands for @node's component; equal for nodes on a common cycle. */
uint32_t dw_graph_component(struct dw_graph *graph, uint32_t node);

/* How many nodes are in @node's component; 1: it is on no cycle. */
uint32_t dw_graph_component_size(struct dw_graph *graph, uint32_t node);

/* The ends of an edge, and the next edge out of the same node (DW_GRAPH_NONE: no more). */
struct dw_graph_edge {
	uint32_t from, to;
	uint32_t next_out;
};

/* Valid until the next dw_graph_add(). */
const struct dw_graph_edge *dw_graph_edge(const struct dw_graph *graph, uint32_t edge);

/* The number of the edge @from -> @to, or DW_GRAPH_NONE. */
uint32_t dw_graph_find(const struct dw_graph *graph, uint32_t from, uint32_t to);

/* The first edge out of @node, DW_GRAPH_NONE if there is none. */
uint32_t dw_graph_first_out(const struct dw_graph *graph, uint32_t node);
