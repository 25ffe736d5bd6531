/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/contention.h"

#include "base/arena.h"
#include "base/error.h"
#include "model/facts.h"
#include "render/render.h"
#include "symbol/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* By what people see of a place, so that rows that look alike are one. */
static int compare_sites(const struct dw_frame *a, const struct dw_frame *b)
{
	int r;

	if (!a || !b)
		return !b - !a;
	r = compare_texts(a->function, b->function);
	if (r == 0)
		r = compare_texts(a->file, b->file);
	if (r == 0)
		r = compare_numbers(a->line, b->line);
	if (r == 0)
		r = compare_texts(a->module, b->module);
	/* Where the function is known, the line is what tells its calls apart. */
	if (r == 0 && !a->function)
		r = compare_numbers(a->address, b->address);
	return r;
}

static int compare_places(const void *left, const void *right)
{
	const struct dw_contended *a = left, *b = right;
	int r = compare_numbers(a->thing, b->thing);

	return r ? r : compare_sites(a->site, b->site);
}

/* Neighbours of one place are in the order of their threads. */
static int compare_threads(const void *left, const void *right)
{
	const struct dw_contended *a = left, *b = right;
	int r = compare_places(left, right);

	if (r == 0)
		r = compare_numbers(b->n_threads, a->n_threads);
	return r ? r : compare_numbers(a->thread, b->thread);
}

/* The largest first; what is equal in all that was measured stays in the order of places. */
static int compare_times(const void *left, const void *right)
{
	const struct dw_contended *a = left, *b = right;
	int r = compare_numbers(b->waited_ns, a->waited_ns);

	if (r == 0)
		r = compare_numbers(b->held_ns, a->held_ns);
	return r ? r : compare_places(a, b);
}

static bool is_measured(const struct dw_reported_process *process, const struct dw_chain *chain)
{
	return (chain->n_waits || chain->held_ns) &&
	       dw_names_thing_is_lock(process->names, chain->thing);
}

static struct dw_contended row_of(const struct dw_reported_process *process,
				  const struct dw_chain *chain)
{
	const struct dw_named_stack *stack =
	    dw_names_stack(process->names, chain->stack, chain->hint);

	return (struct dw_contended){
	    .site = stack->site < stack->n_frames ? &stack->frames[stack->site] : NULL,
	    .thing = chain->thing,
	    .thread = chain->thread,
	    .n_threads = chain->n_waits > 0,
	    .n_waits = chain->n_waits,
	    .waited_ns = chain->waited_ns,
	    .longest_ns = chain->longest_ns,
	    .held_ns = chain->held_ns,
	};
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Adds up rows of the same lock and place, which are neighbours. Return: how many are left. */
static size_t merge(struct dw_contended *rows, size_t n)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct dw_contended *last = &rows[n_kept ? n_kept - 1 : 0];

		if (n_kept == 0 || compare_places(last, &rows[i]) != 0) {
			rows[n_kept++] = rows[i];
			continue;
		}
		last->n_threads += rows[i].n_threads && rows[i].thread != last->thread;
		last->thread = rows[i].thread;
		last->n_waits += rows[i].n_waits;
		last->waited_ns += rows[i].waited_ns;
		last->longest_ns = larger(last->longest_ns, rows[i].longest_ns);
		last->held_ns = larger(last->held_ns, rows[i].held_ns);
	}
	return n_kept;
}

int dw_contended_part(const struct dw_contended *row, const struct dw_facts *facts)
{
	double time_ns = (double)facts->run_ns * row->n_threads;
	double part = time_ns > 0 ? 100 * (double)row->waited_ns / time_ns : -1;

	return part < 0 ? -1 : part > 100 ? 100 : (int)(part + 0.5);
}

int dw_contention(const struct dw_reported_process *process, struct dw_arena *arena,
		  struct dw_contended **ret, size_t *ret_n)
{
	const struct dw_facts *facts = process->facts;
	struct dw_contended *rows;
	size_t n = 0;

	for (uint32_t i = 1; i < facts->n_chains; i++)
		n += is_measured(process, &facts->chains[i]);
	rows = dw_arena_alloc(arena, (n + 1) * sizeof(*rows));
	if (!rows)
		return dw_raise(-ENOMEM);
	n = 0;
	for (uint32_t i = 1; i < facts->n_chains; i++)
		if (is_measured(process, &facts->chains[i]))
			rows[n++] = row_of(process, &facts->chains[i]);
	qsort(rows, n, sizeof(*rows), compare_threads);
	n = merge(rows, n);
	qsort(rows, n, sizeof(*rows), compare_times);
	*ret = rows;
	*ret_n = n;
	return 0;
}
