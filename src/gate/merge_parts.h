/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of merging: merge.c has the programs and their facts, merge_place.c what is the same
 * file, place and stack in two runs, merge_who.c which threads and things are.
 *
 * Internal to these.
 */
#pragma once

#include "analysis/array.h"
#include "analysis/index.h"
#include "gate/merge.h"

#include <stdbool.h>

struct dw_order;

/* Either may be NULL. */
static inline bool dw_merge_is_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What a thing is. Two that are equal in it are the same, unless a run has both. */
struct dw_identity {
	uint64_t place; /* of the variable; of what it was first taken at */
	uint32_t birth; /* stack */
	uint16_t kind;
	bool is_known;    /* false: nothing says what it is */
	const char *name; /* NULL: none was given */
};

struct dw_merged_thing {
	struct dw_thing thing;
	struct dw_identity identity;
	uint32_t last_run; /* the last one that had it */
	bool is_many;      /* a run had several */
};

/* A kind of thread. It has two threads, 2 * number + 1 and the next one. */
struct dw_kind {
	dw_place start;
	const char *name; /* NULL: none */
	bool is_main;
};

/* One program. All arrays have "none" at index 0, but `kinds` and `runs_paths`. */
struct dw_program {
	struct dw_arena *arena;
	const char *name; /* its path's last part */
	struct dw_module build;
	uint32_t n_runs; /* that were added */
	const char **paths;
	struct dw_facts facts;

	struct dw_module *modules;
	struct dw_hint *hints;
	struct dw_stack *stacks;
	struct dw_kind *kinds;
	struct dw_told_thread *threads;
	struct dw_merged_thing *merged_things;
	struct dw_chain *chains;
	uint32_t *seen_in; /* by chain: index of `paths` */
	struct dw_post *posts;
	struct dw_company *companies;
	struct dw_run *runs; /* by company */
	uint32_t n_kinds, paths_room, modules_room, hints_room, stacks_room, kinds_room,
	    threads_room, things_room, chains_room, seen_room, posts_room, companies_room,
	    runs_room;
	struct dw_index modules_index, hints_index, stacks_index, kinds_index, things_index,
	    chains_index, posts_index, companies_index;
};

/* A recording on its way into a program: what its numbers are there. */
struct dw_adding {
	struct dw_program *program;
	struct dw_arena *arena; /* this recording's only */
	const struct dw_facts *facts;
	struct dw_order *order;
	uint32_t *modules, *stacks, *things, *kinds; /* by number; stacks: plus 1, 0: not yet */
	uint32_t *kind_sizes;                        /* by kind: how many threads of it */
	uint32_t *chains[2]; /* by number: as its kind's first and second thread */
	uint32_t life;       /* facts.runs index: all segments */
	struct dw_index moments_index;
	struct dw_moment_company *moments;
	uint32_t n_moments, moments_room;
};

/* The company at a moment, by which of its kind's threads it is. */
struct dw_moment_company {
	uint32_t thread, runs;
	uint32_t companies[2];
};

/* The number in the program of what has that number in the recording. 0: none, or no memory,
 * which then shows in what is added next. */
int dw_adding_modules(struct dw_adding *adding);
dw_place dw_adding_place(const struct dw_adding *adding, dw_place place);
int dw_adding_stack(struct dw_adding *adding, uint32_t stack, uint32_t *ret);
int dw_adding_hint(struct dw_adding *adding, uint32_t hint, uint32_t *ret);

int dw_adding_threads(struct dw_adding *adding);
int dw_adding_things(struct dw_adding *adding);

/* The company of @chain's thread when it was told, as its kind's thread @which. */
int dw_adding_company(struct dw_adding *adding, uint32_t chain, unsigned which, uint32_t *ret);
