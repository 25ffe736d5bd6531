/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/merge.h"

#include "analysis/order.h"
#include "base/hash.h"
#include "gate/merge_parts.h"
#include "model/event.h"

#include <stdlib.h>
#include <string.h>

/* What one recording takes on its way; the reader's own bound is the same. */
#define ADDING_MEMORY_MAX ((size_t)2 << 30)

struct dw_merge {
	struct dw_arena *arena;
	struct dw_program *programs;
	uint32_t n_programs, programs_room;
};

int dw_merge_new(struct dw_merge **ret, size_t memory_max)
{
	dw_auto(merge) merge = calloc(1, sizeof(*merge));
	int r;

	if (!merge)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&merge->arena, memory_max);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(merge);
	return 0;
}

struct dw_merge *dw_merge_free(struct dw_merge *merge)
{
	if (merge)
		dw_arena_free(merge->arena);
	free(merge);
	return NULL;
}

/* The file that @facts's program is; all zero if it is not known. */
static struct dw_module build_of(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_modules; i++)
		if (facts->program && facts->modules[i].path &&
		    strcmp(facts->modules[i].path, facts->program) == 0)
			return facts->modules[i];
	return (struct dw_module){0};
}

static const char *name_of(const struct dw_facts *facts)
{
	const char *slash = facts->program ? strrchr(facts->program, '/') : NULL;

	return slash ? slash + 1 : facts->program ? facts->program : "";
}

/* Without a build id there is the path to tell programs apart by. */
static bool is_same_build(const struct dw_module *a, const struct dw_module *b)
{
	if (a->build_id_size != b->build_id_size)
		return false;
	if (a->build_id_size)
		return memcmp(a->build_id, b->build_id, a->build_id_size) == 0;
	return a->path && b->path && strcmp(a->path, b->path) == 0;
}

/* The arrays' "none". */
static int add_nones(struct dw_program *program)
{
	struct dw_facts *facts = &program->facts;

	if (dw_array_room(program->arena, (void **)&program->modules, 0, &program->modules_room,
			  sizeof(*program->modules)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->hints, 0, &program->hints_room,
			  sizeof(*program->hints)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->stacks, 0, &program->stacks_room,
			  sizeof(*program->stacks)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->threads, 0, &program->threads_room,
			  sizeof(*program->threads)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->merged_things, 0,
			  &program->things_room, sizeof(*program->merged_things)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->chains, 0, &program->chains_room,
			  sizeof(*program->chains)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->seen_in, 0, &program->seen_room,
			  sizeof(*program->seen_in)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->posts, 0, &program->posts_room,
			  sizeof(*program->posts)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->companies, 0, &program->companies_room,
			  sizeof(*program->companies)) < 0 ||
	    dw_array_room(program->arena, (void **)&program->runs, 0, &program->runs_room,
			  sizeof(*program->runs)) < 0)
		return dw_raise(-ENOMEM);
	facts->n_modules = facts->n_hints = facts->n_stacks = facts->n_threads = facts->n_things =
	    facts->n_chains = facts->n_posts = facts->n_companies = facts->n_runs = 1;
	facts->n_misuses = facts->n_joins = facts->n_slots = facts->n_founds = facts->n_silences =
	    1;
	return 0;
}

static int add_program(struct dw_merge *merge, const struct dw_facts *facts)
{
	struct dw_module build = build_of(facts);
	const char *name = name_of(facts);
	struct dw_program program = {.arena = merge->arena, .build = build};
	int r = dw_array_room(merge->arena, (void **)&merge->programs, merge->n_programs,
			      &merge->programs_room, sizeof(program));

	if (r == 0)
		r = add_nones(&program);
	if (r < 0)
		return dw_pass(r);
	program.name = dw_arena_text(merge->arena, name, strlen(name));
	program.build.path =
	    build.path ? dw_arena_text(merge->arena, build.path, strlen(build.path)) : NULL;
	program.build.build_id = (const uint8_t *)dw_arena_text(
	    merge->arena, build.build_id ? (const char *)build.build_id : "", build.build_id_size);
	program.facts.program =
	    facts->program ? dw_arena_text(merge->arena, facts->program, strlen(facts->program))
			   : NULL;
	if (!program.name || !program.build.build_id || (build.path && !program.build.path) ||
	    (facts->program && !program.facts.program))
		return dw_raise(-ENOMEM);
	merge->programs[merge->n_programs++] = program;
	return 0;
}

static int ensure_program(struct dw_merge *merge, const struct dw_facts *facts,
			  struct dw_program **ret)
{
	struct dw_module build = build_of(facts);
	int r;

	for (uint32_t i = 0; i < merge->n_programs; i++) {
		*ret = &merge->programs[i];
		if (!strcmp((*ret)->name, name_of(facts)) && is_same_build(&(*ret)->build, &build))
			return 0;
	}
	r = add_program(merge, facts);
	if (r < 0)
		return dw_pass(r);
	*ret = &merge->programs[merge->n_programs - 1];
	return 0;
}

static bool same_chain(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_chain *a = &((const struct dw_program *)context)->chains[item], *b = wanted;

	return a->below == b->below && a->thing == b->thing && a->thread == b->thread &&
	       a->how == b->how && a->run == b->run && a->origin.woken_by == b->origin.woken_by;
}

static int ensure_chain(struct dw_program *program, const struct dw_chain *chain, uint32_t *ret)
{
	uint64_t hash = dw_hash(dw_hash((uint64_t)chain->below << 32 | chain->thing, chain->thread),
				(uint64_t)chain->how << 32 | chain->run);
	int r;

	*ret = dw_index_find(&program->chains_index, hash, same_chain, program, chain);
	if (*ret != DW_INDEX_NONE)
		return 0;
	r = dw_array_room(program->arena, (void **)&program->chains, program->facts.n_chains,
			  &program->chains_room, sizeof(*chain));
	if (r == 0)
		r = dw_array_room(program->arena, (void **)&program->seen_in,
				  program->facts.n_chains, &program->seen_room, sizeof(uint32_t));
	if (r == 0)
		r = dw_index_add(&program->chains_index, program->arena, hash,
				 program->facts.n_chains);
	if (r < 0)
		return dw_pass(r);
	*ret = program->facts.n_chains++;
	program->chains[*ret] = *chain;
	program->seen_in[*ret] = program->n_runs - 1;
	return 0;
}

/* @which: of the two threads of its kind. What it builds on has been added before. */
static int add_chain(struct dw_adding *adding, uint32_t number, unsigned which)
{
	const struct dw_chain *from = &adding->facts->chains[number];
	struct dw_chain chain = *from;
	int r;

	if (!adding->things[from->thing] || (from->below && !adding->chains[which][from->below]))
		return 0;
	chain.below = adding->chains[which][from->below];
	chain.thing = adding->things[from->thing];
	chain.thread = 2 * adding->kinds[from->thread] + 1 + which;
	chain.origin.woken_by = adding->things[from->origin.woken_by];
	chain.handler = 0; /* what signals make of locks is of one run */
	chain.exposed = 0;
	r = dw_adding_stack(adding, from->stack, &chain.stack);
	if (r == 0)
		r = dw_adding_hint(adding, from->hint, &chain.hint);
	if (r == 0)
		r = dw_adding_company(adding, number, which, &chain.run);
	if (r == 0)
		r = ensure_chain(adding->program, &chain, &adding->chains[which][number]);
	return r < 0 ? dw_pass(r) : 0;
}

static bool is_among_many(const struct dw_adding *adding, uint32_t thread)
{
	return adding->kind_sizes[adding->kinds[thread]] > 1;
}

static int add_chains(struct dw_adding *adding)
{
	const struct dw_facts *facts = adding->facts;
	int r = 0;

	for (uint32_t i = 1; i < facts->n_chains && r == 0; i++) {
		r = add_chain(adding, i, 0);
		if (r == 0 && is_among_many(adding, facts->chains[i].thread))
			r = add_chain(adding, i, 1);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static bool same_post(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_post *a = &((const struct dw_program *)context)->posts[item], *b = wanted;

	return a->thing == b->thing && a->thread == b->thread && a->chain == b->chain &&
	       a->said == b->said;
}

static int add_post(struct dw_adding *adding, uint32_t number, unsigned which)
{
	struct dw_program *program = adding->program;
	const struct dw_post *from = &adding->facts->posts[number];
	struct dw_post post = {
	    .thing = adding->things[from->thing],
	    .thread = 2 * adding->kinds[from->thread] + 1 + which,
	    .chain = adding->chains[which][from->chain],
	    .said = adding->things[from->said],
	};
	uint64_t hash =
	    dw_hash(dw_hash((uint64_t)post.thing << 32 | post.thread, post.chain), post.said);
	int r;

	if (!post.thing || (from->chain && !post.chain))
		return 0;
	if (dw_index_find(&program->posts_index, hash, same_post, program, &post) != DW_INDEX_NONE)
		return 0;
	r = dw_adding_stack(adding, from->stack, &post.stack);
	if (r == 0)
		r = dw_adding_hint(adding, from->hint, &post.hint);
	if (r == 0)
		r = dw_array_room(program->arena, (void **)&program->posts, program->facts.n_posts,
				  &program->posts_room, sizeof(post));
	if (r == 0)
		r = dw_index_add(&program->posts_index, program->arena, hash,
				 program->facts.n_posts);
	if (r < 0)
		return dw_pass(r);
	program->posts[program->facts.n_posts++] = post;
	return 0;
}

static int add_posts(struct dw_adding *adding)
{
	const struct dw_facts *facts = adding->facts;
	int r = 0;

	for (uint32_t i = 1; i < facts->n_posts && r == 0; i++) {
		r = add_post(adding, i, 0);
		if (r == 0 && is_among_many(adding, facts->posts[i].thread))
			r = add_post(adding, i, 1);
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* A copy of the facts that knows a run of all segments: what a thread does in all its life. */
static int add_life(struct dw_adding *adding, struct dw_facts *facts)
{
	struct dw_run *runs =
	    dw_arena_alloc(adding->arena, ((size_t)facts->n_runs + 2) * sizeof(*runs));

	if (!runs)
		return dw_raise(-ENOMEM);
	if (facts->n_runs)
		memcpy(runs, facts->runs, facts->n_runs * sizeof(*runs));
	else
		facts->n_runs = 1;
	adding->life = facts->n_runs++;
	runs[adding->life] = (struct dw_run){1, UINT32_MAX - 1, 0};
	facts->runs = runs;
	return 0;
}

static int add_path(struct dw_program *program, const char *path)
{
	const char *copy = dw_arena_text(program->arena, path, strlen(path));
	int r = dw_array_room(program->arena, (void **)&program->paths, program->n_runs,
			      &program->paths_room, sizeof(copy));

	if (r < 0 || !copy)
		return dw_raise(-ENOMEM);
	program->paths[program->n_runs++] = copy;
	return 0;
}

static int add_all(struct dw_adding *adding, struct dw_facts *facts)
{
	int r = add_life(adding, facts);

	adding->facts = facts;
	adding->stacks =
	    dw_arena_alloc(adding->arena, ((size_t)facts->n_stacks + 1) * sizeof(uint32_t));
	for (unsigned i = 0; i < 2; i++)
		adding->chains[i] =
		    dw_arena_alloc(adding->arena, ((size_t)facts->n_chains + 1) * sizeof(uint32_t));
	if (r < 0 || !adding->stacks || !adding->chains[0] || !adding->chains[1])
		return dw_raise(-ENOMEM);
	r = dw_order_new(&adding->order, facts, adding->arena);
	if (r == 0)
		r = dw_adding_modules(adding);
	if (r == 0)
		r = dw_adding_threads(adding);
	if (r == 0)
		r = dw_adding_things(adding);
	if (r == 0)
		r = add_chains(adding);
	if (r == 0)
		r = add_posts(adding);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_merge_add(struct dw_merge *merge, const struct dw_facts *facts, const char *path)
{
	dw_auto(arena) arena = NULL;
	struct dw_adding adding = {0};
	struct dw_facts own = *facts;
	int r;

	/* Who takes nothing, or does everything alone, has nothing to say to other runs. */
	if (facts->n_chains < 2 || facts->n_threads < 3)
		return 0;
	r = ensure_program(merge, facts, &adding.program);
	if (r == 0)
		r = add_path(adding.program, path);
	if (r == 0)
		r = dw_arena_new(&arena, ADDING_MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	adding.arena = arena;
	r = add_all(&adding, &own);
	return r < 0 ? dw_pass(r) : 0;
}

uint32_t dw_merge_n(const struct dw_merge *merge)
{
	return merge->n_programs;
}

/* What is only one of several, or may be, is held like all else, and never waited for. */
static int settle_things(struct dw_program *program)
{
	struct dw_thing *things =
	    dw_arena_alloc(program->arena, ((size_t)program->facts.n_things + 1) * sizeof(*things));

	if (!things)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < program->facts.n_things; i++)
		things[i] = program->merged_things[i].thing;
	for (uint32_t i = 1; i < program->facts.n_chains; i++) {
		const struct dw_merged_thing *thing =
		    &program->merged_things[program->chains[i].thing];

		if (thing->is_many || !thing->identity.is_known)
			program->chains[i].how |= DW_REMAINS;
	}
	program->facts.things = things;
	return 0;
}

const struct dw_facts *dw_merge_facts(struct dw_merge *merge, uint32_t i)
{
	static const struct dw_misuse no_misuse;
	static const struct dw_found no_found;
	struct dw_program *program = &merge->programs[i];
	struct dw_facts *facts = &program->facts;

	if (program->n_runs < 2 || (!facts->things && settle_things(program) < 0))
		return NULL;
	facts->modules = program->modules;
	facts->hints = program->hints;
	facts->stacks = program->stacks;
	facts->runs = program->runs;
	facts->threads = program->threads;
	facts->chains = program->chains;
	facts->posts = program->posts;
	facts->companies = program->companies;
	facts->misuses = &no_misuse;
	facts->founds = &no_found;
	return facts;
}

bool dw_merge_is_sure(const struct dw_merge *merge, uint32_t i, uint32_t thing)
{
	const struct dw_merged_thing *merged = &merge->programs[i].merged_things[thing];

	return (merged->identity.is_known && merged->identity.place) ||
	       (merged->thing.flags & DW_THING_BQL);
}

const char *dw_merge_path(const struct dw_merge *merge, uint32_t i, uint32_t chain)
{
	const struct dw_program *program = &merge->programs[i];

	return program->paths[program->seen_in[chain]];
}
