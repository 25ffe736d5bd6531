/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/merge_parts.h"

#include "analysis/order.h"
#include "base/hash.h"
#include "model/event.h"

#include <string.h>

static uint64_t hash_text(const char *text)
{
	return text ? dw_hash_text(DW_HASH_TEXT_START, text, strlen(text)) : 0;
}

/* NULL stays NULL. */
static int copy_text(struct dw_arena *arena, const char **text)
{
	if (*text)
		*text = dw_arena_text(arena, *text, strlen(*text));
	return 0;
}

static bool same_kind(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_kind *a = &((const struct dw_program *)context)->kinds[item], *b = wanted;

	return a->is_main == b->is_main && a->start == b->start &&
	       dw_merge_is_equal(a->name, b->name);
}

/* Both threads of a kind are called as the first one that was seen. */
static int add_kind(struct dw_adding *adding, const struct dw_told_thread *thread,
		    struct dw_kind kind, uint64_t hash)
{
	struct dw_program *program = adding->program;
	struct dw_told_thread told = *thread;
	int r = copy_text(program->arena, &kind.name);

	told.parent = told.parent_run = told.slot = told.stack = 0;
	told.start = kind.start;
	told.name = thread->name;
	copy_text(program->arena, &told.name);
	if ((thread->name && !told.name) || (thread->name && !kind.is_main && !kind.name))
		return dw_raise(-ENOMEM);
	r = dw_array_room(program->arena, (void **)&program->kinds, program->n_kinds,
			  &program->kinds_room, sizeof(kind));
	if (r == 0)
		r = dw_index_add(&program->kinds_index, program->arena, hash, program->n_kinds);
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		r = dw_array_room(program->arena, (void **)&program->threads,
				  program->facts.n_threads, &program->threads_room, sizeof(told));
		if (r == 0)
			program->threads[program->facts.n_threads++] = told;
	}
	if (r < 0)
		return dw_pass(r);
	program->kinds[program->n_kinds++] = kind;
	return 0;
}

static int ensure_kind(struct dw_adding *adding, uint32_t number)
{
	const struct dw_told_thread *thread = &adding->facts->threads[number];
	struct dw_kind kind = {.is_main = thread->flags & DW_THREAD_MAIN};
	struct dw_program *program = adding->program;
	uint64_t hash;
	int r = 0;

	/* The main thread's name is the program's, or what a test calls it. */
	if (!kind.is_main) {
		kind.start = dw_adding_place(adding, thread->start);
		kind.name = thread->name;
	}
	hash = dw_hash(dw_hash(hash_text(kind.name), kind.start), kind.is_main);
	adding->kinds[number] =
	    dw_index_find(&program->kinds_index, hash, same_kind, program, &kind);
	if (adding->kinds[number] == DW_INDEX_NONE) {
		adding->kinds[number] = program->n_kinds;
		r = add_kind(adding, thread, kind, hash);
	}
	return r < 0 ? dw_pass(r) : 0;
}

int dw_adding_threads(struct dw_adding *adding)
{
	uint32_t n = adding->facts->n_threads;
	int r = 0;

	adding->kinds = dw_arena_alloc(adding->arena, ((size_t)n + 1) * sizeof(uint32_t));
	if (!adding->kinds)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n && r == 0; i++)
		r = ensure_kind(adding, i);
	if (r < 0)
		return dw_pass(r);
	adding->kind_sizes = dw_arena_alloc(adding->arena, ((size_t)adding->program->n_kinds + 1) *
							       sizeof(uint32_t));
	if (!adding->kind_sizes)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n; i++)
		adding->kind_sizes[adding->kinds[i]]++;
	return 0;
}

/* Whether it can be merged at all: threads' ends and calls are of one run. */
static bool can_be_merged(const struct dw_adding *adding, uint32_t thing)
{
	unsigned kind = adding->facts->things[thing].kind;

	return kind != DW_ENDING && kind != DW_ANSWER && kind != DW_CALL && kind != DW_LOCK_WORD;
}

static bool same_thing(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_identity *a =
	    &((const struct dw_program *)context)->merged_things[item].identity;
	const struct dw_identity *b = wanted;

	return a->kind == b->kind && a->is_known == b->is_known && a->place == b->place &&
	       a->birth == b->birth && dw_merge_is_equal(a->name, b->name);
}

/* By chains, where each thing was taken first: all that is known of some. */
static uint32_t *first_chains(struct dw_adding *adding)
{
	const struct dw_facts *facts = adding->facts;
	uint32_t *first =
	    dw_arena_alloc(adding->arena, ((size_t)facts->n_things + 1) * sizeof(*first));

	for (uint32_t i = facts->n_chains; first && i-- > 1;)
		first[facts->chains[i].thing] = i;
	return first;
}

/* The variable that it is; else what the program says it is; else where it was born. */
static int identify(struct dw_adding *adding, uint32_t number, uint32_t first_chain,
		    struct dw_identity *ret)
{
	const struct dw_thing *thing = &adding->facts->things[number];
	const struct dw_stack *taken =
	    &adding->facts->stacks[adding->facts->chains[first_chain].stack];
	struct dw_identity identity = {.kind = thing->kind, .is_known = true};
	int r = 0;

	if (dw_adding_place(adding, thing->place))
		identity.place = dw_adding_place(adding, thing->place);
	else if (thing->name)
		identity.name = thing->name;
	else if (thing->birth)
		r = dw_adding_stack(adding, thing->birth, &identity.birth);
	else
		identity.is_known = false;
	if (!identity.is_known && taken->n_frames)
		identity.place = dw_adding_place(adding, taken->frames[0]);
	*ret = identity;
	return r < 0 ? dw_pass(r) : 0;
}

static int add_thing(struct dw_adding *adding, uint32_t number, struct dw_identity identity,
		     uint64_t hash)
{
	struct dw_program *program = adding->program;
	struct dw_merged_thing merged = {.thing = adding->facts->things[number],
					 .identity = identity};
	int r = dw_array_room(program->arena, (void **)&program->merged_things,
			      program->facts.n_things, &program->things_room, sizeof(merged));

	if (r == 0)
		r = dw_adding_stack(adding, merged.thing.birth, &merged.thing.birth);
	if (r == 0)
		r = dw_index_add(&program->things_index, program->arena, hash,
				 program->facts.n_things);
	if (r < 0)
		return dw_pass(r);
	merged.thing.address = program->facts.n_things;
	merged.thing.place = dw_adding_place(adding, merged.thing.place);
	merged.thing.life = 1;
	merged.thing.maker = 0;
	copy_text(program->arena, &merged.thing.name);
	if (adding->facts->things[number].name && !merged.thing.name)
		return dw_raise(-ENOMEM);
	if (identity.name)
		merged.identity.name = merged.thing.name;
	program->merged_things[program->facts.n_things++] = merged;
	return 0;
}

static int ensure_thing(struct dw_adding *adding, uint32_t number, uint32_t first_chain)
{
	struct dw_program *program = adding->program;
	struct dw_identity identity;
	struct dw_merged_thing *merged;
	uint64_t hash;
	uint32_t found;
	int r = identify(adding, number, first_chain, &identity);

	if (r < 0)
		return dw_pass(r);
	hash = dw_hash(dw_hash(dw_hash(hash_text(identity.name), identity.place), identity.birth),
		       (uint64_t)identity.kind << 1 | identity.is_known);
	found = dw_index_find(&program->things_index, hash, same_thing, program, &identity);
	if (found == DW_INDEX_NONE) {
		found = program->facts.n_things;
		r = add_thing(adding, number, identity, hash);
	}
	if (r < 0)
		return dw_pass(r);
	merged = &program->merged_things[found];
	merged->is_many = merged->is_many || merged->last_run == program->n_runs;
	merged->last_run = program->n_runs;
	adding->things[number] = found;
	return 0;
}

int dw_adding_things(struct dw_adding *adding)
{
	uint32_t n = adding->facts->n_things, *first = first_chains(adding);
	int r = 0;

	adding->things = dw_arena_alloc(adding->arena, ((size_t)n + 1) * sizeof(uint32_t));
	if (!first || !adding->things)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n && r == 0; i++)
		if (can_be_merged(adding, i))
			r = ensure_thing(adding, i, first[i]);
	return r < 0 ? dw_pass(r) : 0;
}

static bool same_company(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_company *a = &((const struct dw_program *)context)->companies[item];
	const struct dw_company *b = wanted;

	return a->n == b->n && !memcmp(a->threads, b->threads, a->n * sizeof(*a->threads));
}

/* A company is the only run of those who have it. */
static int ensure_company(struct dw_program *program, struct dw_company company, uint32_t *ret)
{
	uint64_t hash = company.n;
	int r;

	for (uint32_t i = 0; i < company.n; i++)
		hash = dw_hash(hash, company.threads[i]);
	*ret = dw_index_find(&program->companies_index, hash, same_company, program, &company);
	if (*ret != DW_INDEX_NONE)
		return 0;
	company.threads = (const uint32_t *)dw_arena_text(
	    program->arena, (const char *)company.threads, company.n * sizeof(*company.threads));
	r = company.threads ? dw_array_room(program->arena, (void **)&program->companies,
					    program->facts.n_companies, &program->companies_room,
					    sizeof(company))
			    : -ENOMEM;
	if (r == 0)
		r = dw_array_room(program->arena, (void **)&program->runs, program->facts.n_runs,
				  &program->runs_room, sizeof(*program->runs));
	if (r == 0)
		r = dw_index_add(&program->companies_index, program->arena, hash,
				 program->facts.n_companies);
	if (r < 0)
		return dw_pass(r);
	*ret = program->facts.n_companies++;
	program->companies[*ret] = company;
	program->runs[program->facts.n_runs++] = (struct dw_run){*ret, *ret, 0};
	return 0;
}

static bool same_runs(const struct dw_facts *facts, uint32_t a, uint32_t b)
{
	while (a && b && facts->runs[a].from == facts->runs[b].from &&
	       facts->runs[a].to == facts->runs[b].to) {
		a = facts->runs[a].next;
		b = facts->runs[b].next;
	}
	return !a && !b;
}

static bool same_moment(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_adding *adding = context;
	const struct dw_moment_company *a = &adding->moments[item], *b = wanted;

	return a->thread == b->thread && same_runs(adding->facts, a->runs, b->runs);
}

/* The threads of all kinds that live, or could, at a moment of @moment's thread. */
static int look_around(struct dw_adding *adding, struct dw_moment_company *moment)
{
	const struct dw_when here = {moment->thread, moment->runs};
	uint32_t n_kinds = adding->program->n_kinds, own = adding->kinds[moment->thread];
	bool *is_there = dw_arena_alloc(adding->arena, (size_t)n_kinds + 1);
	uint32_t *threads =
	    dw_arena_alloc(adding->arena, ((size_t)n_kinds * 2 + 1) * sizeof(*threads));
	int r = 0;

	if (!is_there || !threads)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < adding->facts->n_threads; i++) {
		const struct dw_when there = {i, adding->life};

		if (i != moment->thread && !is_there[adding->kinds[i]])
			is_there[adding->kinds[i]] = !dw_order_apart(adding->order, here, there);
	}
	for (unsigned which = 0; which < 2 && r == 0; which++) {
		uint32_t n = 0;

		for (uint32_t kind = 0; kind < n_kinds; kind++) {
			if (!is_there[kind])
				continue;
			if (kind != own || which == 1)
				threads[n++] = 2 * kind + 1;
			if (kind == own ? which == 0 : adding->kind_sizes[kind] > 1)
				threads[n++] = 2 * kind + 2;
		}
		r = ensure_company(adding->program, (struct dw_company){threads, n},
				   &moment->companies[which]);
	}
	return r < 0 ? dw_pass(r) : 0;
}

int dw_adding_company(struct dw_adding *adding, uint32_t chain, unsigned which, uint32_t *ret)
{
	const struct dw_chain *c = &adding->facts->chains[chain];
	struct dw_moment_company moment = {.thread = c->thread, .runs = c->run};
	uint64_t hash = c->thread;
	uint32_t found;
	int r;

	for (uint32_t run = c->run; run; run = adding->facts->runs[run].next)
		hash = dw_hash(dw_hash(hash, adding->facts->runs[run].from),
			       adding->facts->runs[run].to);
	found = dw_index_find(&adding->moments_index, hash, same_moment, adding, &moment);
	if (found == DW_INDEX_NONE) {
		r = look_around(adding, &moment);
		if (r == 0)
			r = dw_array_room(adding->arena, (void **)&adding->moments,
					  adding->n_moments, &adding->moments_room, sizeof(moment));
		if (r == 0)
			r = dw_index_add(&adding->moments_index, adding->arena, hash,
					 adding->n_moments);
		if (r < 0)
			return dw_pass(r);
		found = adding->n_moments++;
		adding->moments[found] = moment;
	}
	*ret = adding->moments[found].companies[which];
	return 0;
}
