/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The graph of needs, and which of its things can be on a cycle.
 *
 * A node is a thing, an edge X -> Y a need: X needs Y. Edges are facts and are never
 * removed. After every new edge the graph knows its strongly connected components:
 * things are on a common cycle exactly if they are in one component.
 *
 * The components are kept in a topological order that is repaired when an edge goes
 * against it, by searching just the region between its ends (Pearce and Kelly, "A
 * dynamic topological sort algorithm for directed acyclic graphs", 2006); where the
 * search finds a cycle, its components are merged with union-find (Haeupler, Kavitha,
 * Mathew, Sen and Tarjan, "Incremental cycle detection, topological ordering, and
 * strong component maintenance", 2012). No recursion.
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

uint32_t dw_graph_n_nodes(const struct dw_graph *graph);
uint32_t dw_graph_n_edges(const struct dw_graph *graph);

/* The node that stands for @node's component; equal for nodes on a common cycle. */
uint32_t dw_graph_component(struct dw_graph *graph, uint32_t node);

/* How many nodes are in @node's component; 1: it is on no cycle. */
uint32_t dw_graph_component_size(struct dw_graph *graph, uint32_t node);

/* The ends of an edge, and the next edge out of the same node (UINT32_MAX: no more). */
struct dw_graph_edge {
	uint32_t from, to;
	uint32_t next_out;
};
const struct dw_graph_edge *dw_graph_edge(const struct dw_graph *graph, uint32_t edge);

/* The first edge out of @node, UINT32_MAX if there is none. */
uint32_t dw_graph_first_out(const struct dw_graph *graph, uint32_t node);
