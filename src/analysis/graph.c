/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/graph.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define NONE DW_GRAPH_NONE

/* Room for the first nodes and edges; a small program has fewer. Doubled when full. */
#define ROOM_FIRST 1024

/*
 * Edges that a backward search may look at: some, plus the square root of all edges
 * divided by this. Any fixed divisor keeps the bound of the published algorithm, and
 * this one was the fastest on layered random graphs: lifting is mostly cheaper.
 */
#define BACKWARD_MIN 16
#define BACKWARD_DIVISOR 32

/* What the present search knows about a component. */
enum role {
	ROLE_BEHIND = 1, /* leads to the new edge's tail, within its level */
	ROLE_LIFTED = 2, /* was lifted: can be reached from the new edge's head */
	ROLE_SEEN = 4,
	ROLE_MEMBER = 8, /* is on the new cycle */
};

struct node {
	uint32_t parent; /* union-find; a node that stands for its component is its own */

	/* Of the component, where the node stands for one. */
	uint32_t size;
	uint32_t level;
	uint32_t search;                  /* the search that `roles` is of; older: no roles */
	uint32_t roles;                   /* enum role */
	uint32_t leaving, leaving_last;   /* edge::next_leaving; may hold inner edges */
	uint32_t entering, entering_last; /* edge::next_entering; from the same level */

	uint32_t out; /* of this very node; dw_graph_edge::next_out */
};

struct edge {
	struct dw_graph_edge ends;
	uint32_t next_leaving;  /* node::leaving */
	uint32_t next_entering; /* node::entering */
};

/* A component whose predecessors are being looked at. */
struct visit {
	uint32_t node;
	uint32_t edge; /* the next one to look at */
};

struct dw_graph {
	struct dw_arena *arena;
	struct node *nodes;
	struct edge *edges;
	uint32_t *known;      /* hash set of edge numbers plus 1; 0: free */
	uint32_t *queue;      /* room for every node */
	struct visit *visits; /* room for every node */
	uint32_t n_nodes, nodes_room;
	uint32_t n_edges, edges_room;
	uint32_t known_mask;
	uint32_t n_lifted;   /* in the queue */
	uint32_t n_members;  /* in the queue */
	uint32_t search;     /* number of the present search */
	uint32_t edges_root; /* the square root of n_edges, rounded down */
};

/* A larger copy of an array; the old one stays in the arena, so growing costs twice the room. */
static void *larger(struct dw_arena *arena, const void *old, size_t old_size, size_t size)
{
	void *memory = dw_arena_alloc(arena, size);

	if (memory && old_size)
		memcpy(memory, old, old_size);
	return memory;
}

static int make_room_for_nodes(struct dw_graph *graph)
{
	uint32_t room = graph->nodes_room ? 2 * graph->nodes_room : ROOM_FIRST;
	struct node *nodes = larger(graph->arena, graph->nodes, graph->n_nodes * sizeof(*nodes),
				    room * sizeof(*nodes));
	uint32_t *queue = dw_arena_alloc(graph->arena, room * sizeof(*queue));
	struct visit *visits = dw_arena_alloc(graph->arena, room * sizeof(*visits));

	if (!nodes || !queue || !visits)
		return dw_raise(-ENOMEM);
	graph->nodes = nodes;
	graph->queue = queue;
	graph->visits = visits;
	graph->nodes_room = room;
	return 0;
}

static uint32_t *known_entry(const struct dw_graph *graph, uint32_t from, uint32_t to)
{
	uint64_t key = (uint64_t)from << 32 | to;
	uint32_t i = dw_hash(DW_HASH_GOLDEN, key) >> 16 & graph->known_mask;

	for (; graph->known[i]; i = (i + 1) & graph->known_mask) {
		const struct dw_graph_edge *ends = &graph->edges[graph->known[i] - 1].ends;

		if (ends->from == from && ends->to == to)
			break;
	}
	return &graph->known[i];
}

/* The set of known edges is four times as large as they can be many: short probes. */
static int make_room_for_edges(struct dw_graph *graph)
{
	uint32_t room = graph->edges_room ? 2 * graph->edges_room : ROOM_FIRST;
	struct edge *edges = larger(graph->arena, graph->edges, graph->n_edges * sizeof(*edges),
				    room * sizeof(*edges));
	uint32_t *known = dw_arena_alloc(graph->arena, (size_t)room * 4 * sizeof(*known));

	if (!edges || !known)
		return dw_raise(-ENOMEM);
	graph->edges = edges;
	graph->edges_room = room;
	graph->known = known;
	graph->known_mask = room * 4 - 1;
	for (uint32_t i = 0; i < graph->n_edges; i++)
		*known_entry(graph, edges[i].ends.from, edges[i].ends.to) = i + 1;
	return 0;
}

int dw_graph_new(struct dw_graph **ret, struct dw_arena *arena)
{
	struct dw_graph *graph = dw_arena_alloc(arena, sizeof(*graph));
	int r;

	if (!graph)
		return dw_raise(-ENOMEM);
	graph->arena = arena;
	r = make_room_for_nodes(graph);
	if (r < 0)
		return dw_pass(r);
	r = make_room_for_edges(graph);
	if (r < 0)
		return dw_pass(r);

	*ret = graph;
	return 0;
}

int64_t dw_graph_add_node(struct dw_graph *graph)
{
	int r = graph->n_nodes == graph->nodes_room ? make_room_for_nodes(graph) : 0;

	if (r < 0)
		return dw_pass(r);
	graph->nodes[graph->n_nodes] = (struct node){
	    .parent = graph->n_nodes,
	    .size = 1,
	    .leaving = NONE,
	    .leaving_last = NONE,
	    .entering = NONE,
	    .entering_last = NONE,
	    .out = NONE,
	};
	return graph->n_nodes++;
}

uint32_t dw_graph_component(struct dw_graph *graph, uint32_t node)
{
	struct node *nodes = graph->nodes;

	while (nodes[node].parent != node) {
		nodes[node].parent = nodes[nodes[node].parent].parent;
		node = nodes[node].parent;
	}
	return node;
}

static bool has_role(const struct dw_graph *graph, uint32_t node, unsigned role)
{
	return graph->nodes[node].search == graph->search && (graph->nodes[node].roles & role);
}

static void give_role(struct dw_graph *graph, uint32_t node, unsigned role)
{
	struct node *n = &graph->nodes[node];

	n->roles = (n->search == graph->search ? n->roles : 0) | role;
	n->search = graph->search;
}

static void add_leaving(struct dw_graph *graph, uint32_t node, uint32_t edge)
{
	struct node *n = &graph->nodes[node];

	graph->edges[edge].next_leaving = n->leaving;
	n->leaving = edge;
	if (n->leaving_last == NONE)
		n->leaving_last = edge;
}

static void add_entering(struct dw_graph *graph, uint32_t node, uint32_t edge)
{
	struct node *n = &graph->nodes[node];

	graph->edges[edge].next_entering = n->entering;
	n->entering = edge;
	if (n->entering_last == NONE)
		n->entering_last = edge;
}

/*
 * Gives ROLE_BEHIND to @tail and to what leads to it within its level, looking at no
 * more edges than a search may.
 *
 * Return: whether that is all there is.
 */
static bool search_backward(struct dw_graph *graph, uint32_t tail)
{
	uint32_t budget = BACKWARD_MIN + graph->edges_root / BACKWARD_DIVISOR;
	uint32_t n = 0;

	give_role(graph, tail, ROLE_BEHIND);
	graph->queue[n++] = tail;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t edge = graph->nodes[graph->queue[i]].entering;

		for (; edge != NONE; edge = graph->edges[edge].next_entering) {
			uint32_t from = dw_graph_component(graph, graph->edges[edge].ends.from);

			if (budget-- == 0)
				return false;
			if (has_role(graph, from, ROLE_BEHIND))
				continue;
			give_role(graph, from, ROLE_BEHIND);
			graph->queue[n++] = from;
		}
	}
	return true;
}

static void lift(struct dw_graph *graph, uint32_t node, uint32_t level)
{
	struct node *n = &graph->nodes[node];

	n->level = level;
	n->entering = NONE;
	n->entering_last = NONE;
	give_role(graph, node, ROLE_LIFTED);
	graph->queue[graph->n_lifted++] = node;
}

/* Follows the edges that leave @node, which was lifted to @level; forgets inner edges. */
static bool lift_beyond(struct dw_graph *graph, uint32_t node, uint32_t level)
{
	struct edge *edges = graph->edges;
	uint32_t *link = &graph->nodes[node].leaving;
	uint32_t last = NONE;
	bool met = false;

	while (*link != NONE) {
		uint32_t edge = *link;
		uint32_t to = dw_graph_component(graph, edges[edge].ends.to);

		if (to == node) {
			*link = edges[edge].next_leaving;
			continue;
		}
		last = edge;
		link = &edges[edge].next_leaving;
		if (graph->nodes[to].level > level)
			continue;
		if (graph->nodes[to].level < level)
			lift(graph, to, level);
		add_entering(graph, to, edge);
		met = met || has_role(graph, to, ROLE_BEHIND);
	}
	graph->nodes[node].leaving_last = last;
	return met;
}

/*
 * Lifts @head, and what can be reached from it and is lower, to @level.
 *
 * Return: whether something behind the new edge's tail was reached.
 */
static bool search_forward(struct dw_graph *graph, uint32_t head, uint32_t level)
{
	bool met = false;

	graph->n_lifted = 0;
	lift(graph, head, level);
	for (uint32_t i = 0; i < graph->n_lifted; i++)
		met |= lift_beyond(graph, graph->queue[i], level);
	return met;
}

static void visit(struct dw_graph *graph, uint32_t *depth, uint32_t node, uint32_t head)
{
	bool reached = node == head || has_role(graph, node, ROLE_LIFTED);

	give_role(graph, node, ROLE_SEEN | (reached ? ROLE_MEMBER : 0));
	/* What leads to the head cannot be reached from it: there was no cycle before. */
	graph->visits[(*depth)++] =
	    (struct visit){node, node == head ? NONE : graph->nodes[node].entering};
}

/*
 * Collects the components on paths from @head to @tail, the new edge's ends, in the
 * queue. By now all of them are on one level. Walks from the tail backward, depth
 * first; a component is on such a path if it was lifted from the head, or if one
 * that leads to it is on one.
 */
static void collect_members(struct dw_graph *graph, uint32_t tail, uint32_t head)
{
	uint32_t depth = 0;

	graph->n_members = 0;
	visit(graph, &depth, tail, head);
	while (depth) {
		struct visit *at = &graph->visits[depth - 1];
		uint32_t from;

		if (at->edge == NONE) {
			depth--;
			if (!has_role(graph, at->node, ROLE_MEMBER))
				continue;
			graph->queue[graph->n_members++] = at->node;
			if (depth)
				give_role(graph, graph->visits[depth - 1].node, ROLE_MEMBER);
			continue;
		}
		from = dw_graph_component(graph, graph->edges[at->edge].ends.from);
		at->edge = graph->edges[at->edge].next_entering;
		if (!has_role(graph, from, ROLE_SEEN))
			visit(graph, &depth, from, head);
		else if (has_role(graph, from, ROLE_MEMBER))
			give_role(graph, at->node, ROLE_MEMBER);
	}
}

/* Makes @small a part of @large; both are on one level. */
static void merge(struct dw_graph *graph, uint32_t large, uint32_t small)
{
	struct node *to = &graph->nodes[large], *from = &graph->nodes[small];

	from->parent = large;
	to->size += from->size;
	if (from->leaving != NONE) {
		graph->edges[from->leaving_last].next_leaving = to->leaving;
		if (to->leaving == NONE)
			to->leaving_last = from->leaving_last;
		to->leaving = from->leaving;
	}
	if (from->entering != NONE) {
		graph->edges[from->entering_last].next_entering = to->entering;
		if (to->entering == NONE)
			to->entering_last = from->entering_last;
		to->entering = from->entering;
	}
}

static void merge_members(struct dw_graph *graph)
{
	uint32_t largest = graph->queue[0];

	for (uint32_t i = 1; i < graph->n_members; i++) {
		if (graph->nodes[graph->queue[i]].size > graph->nodes[largest].size)
			largest = graph->queue[i];
	}
	for (uint32_t i = 0; i < graph->n_members; i++) {
		if (graph->queue[i] != largest)
			merge(graph, largest, graph->queue[i]);
	}
}

/*
 * insert(tail -> head), two components, level(tail) >= level(head):
 *   search backward from the tail, within its level
 *   all seen:     lift the head, and what is beyond it, to the tail's level;
 *                 it is a cycle if that meets what was seen
 *   not all seen: lift them one level above the tail; it is a cycle if that lifts
 *                 the tail
 */
static bool closes_cycle(struct dw_graph *graph, uint32_t tail, uint32_t head)
{
	uint32_t level = graph->nodes[tail].level;

	graph->search++;
	if (!search_backward(graph, tail)) {
		search_forward(graph, head, level + 1);
		return has_role(graph, tail, ROLE_LIFTED);
	}
	if (graph->nodes[head].level == level)
		return has_role(graph, head, ROLE_BEHIND);
	return search_forward(graph, head, level);
}

static enum dw_graph_answer connect(struct dw_graph *graph, uint32_t edge)
{
	uint32_t tail = dw_graph_component(graph, graph->edges[edge].ends.from);
	uint32_t head = dw_graph_component(graph, graph->edges[edge].ends.to);

	if (tail == head)
		return DW_GRAPH_CYCLE;
	if (graph->nodes[tail].level >= graph->nodes[head].level &&
	    closes_cycle(graph, tail, head)) {
		collect_members(graph, tail, head);
		merge_members(graph);
		return DW_GRAPH_CYCLE;
	}
	add_leaving(graph, tail, edge);
	if (graph->nodes[tail].level == graph->nodes[head].level)
		add_entering(graph, head, edge);
	return DW_GRAPH_NEW;
}

int dw_graph_add(struct dw_graph *graph, uint32_t from, uint32_t to, uint32_t *ret_edge)
{
	uint32_t known = *known_entry(graph, from, to);
	uint32_t edge = graph->n_edges;
	int r;

	if (known) {
		*ret_edge = known - 1;
		return DW_GRAPH_KNOWN;
	}
	r = edge == graph->edges_room ? make_room_for_edges(graph) : 0;
	if (r < 0)
		return dw_pass(r);
	graph->edges[edge] = (struct edge){
	    .ends = {from, to, graph->nodes[from].out},
	    .next_leaving = NONE,
	    .next_entering = NONE,
	};
	graph->nodes[from].out = edge;
	*known_entry(graph, from, to) = edge + 1;
	graph->n_edges++;
	if ((uint64_t)(graph->edges_root + 1) * (graph->edges_root + 1) <= graph->n_edges)
		graph->edges_root++;

	*ret_edge = edge;
	return connect(graph, edge);
}

uint32_t dw_graph_n_edges(const struct dw_graph *graph)
{
	return graph->n_edges;
}

uint32_t dw_graph_component_size(struct dw_graph *graph, uint32_t node)
{
	return graph->nodes[dw_graph_component(graph, node)].size;
}

const struct dw_graph_edge *dw_graph_edge(const struct dw_graph *graph, uint32_t edge)
{
	return &graph->edges[edge].ends;
}

uint32_t dw_graph_first_out(const struct dw_graph *graph, uint32_t node)
{
	return graph->nodes[node].out;
}

uint32_t dw_graph_find(const struct dw_graph *graph, uint32_t from, uint32_t to)
{
	uint32_t known = *known_entry(graph, from, to);

	return known ? known - 1 : NONE;
}
