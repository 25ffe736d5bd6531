/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/apply.h"

#include "base/arena.h"
#include "base/error.h"
#include "model/event.h"
#include "profile/completion.h"

#include <errno.h>
#include <string.h>

struct applying {
	struct dw_facts *facts;
	struct dw_arena *arena;
	const struct dw_profile_set *set;
	const struct dw_profile_source *source;
};

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

bool dw_profile_applies(const struct dw_profile *profile, const struct dw_facts *facts,
			const struct dw_profile_source *source)
{
	if (dw_profile_has_match(&profile->applies.modules, base_name(facts->program)))
		return true;
	for (uint32_t i = 1; i < facts->n_modules; i++)
		if (dw_profile_has_match(&profile->applies.modules,
					 base_name(facts->modules[i].path)))
			return true;
	for (size_t i = 0; i < profile->applies.symbols.n; i++)
		if (source->exports(source->context, profile->applies.symbols.entries[i]))
			return true;
	return false;
}

static bool is_wrapper(const struct dw_profile_set *set, const char *function)
{
	for (size_t i = 0; i < set->n; i++)
		if (dw_profile_has_match(&set->profiles[i]->wrappers, function))
			return true;
	return false;
}

/* Whether one of @functions is the first of @stack that is no wrapper, or a wrapper inside it. */
static bool is_done_in(const struct applying *a, uint32_t stack,
		       const struct dw_profile_list *functions)
{
	const struct dw_profile_frame *frames;
	uint32_t n =
	    stack && functions->n ? a->source->frames(a->source->context, stack, &frames) : 0;

	for (uint32_t i = 0; i < n; i++) {
		if (dw_profile_has_match(functions, frames[i].function))
			return true;
		if (!frames[i].is_aside && !is_wrapper(a->set, frames[i].function))
			return false;
	}
	return false;
}

/* By thing number: the stack where it was first taken; 0: it never was. */
static const uint32_t *find_first_takings(const struct applying *a)
{
	const struct dw_facts *facts = a->facts;
	uint32_t *first = dw_arena_alloc(a->arena, facts->n_things * sizeof(*first));

	for (uint32_t i = 1; first && i < facts->n_chains; i++) {
		const struct dw_chain *chain = &facts->chains[i];

		/* A lock that is waited for was called for just as one that is taken. */
		if (!first[chain->thing] && !(chain->how & (DW_REMAINS | DW_RETAKEN)))
			first[chain->thing] = chain->stack;
	}
	return first;
}

static bool is_lock(const struct dw_thing *thing)
{
	return thing->kind == DW_MUTEX || thing->kind == DW_RWLOCK || thing->kind == DW_SPINLOCK;
}

static const char *name_of_lock(const struct applying *a, const struct dw_profile *profile,
				uint32_t thing, uint32_t first)
{
	const char *variable = a->source->variable(a->source->context, thing);

	for (size_t i = 0; i < profile->n_locks; i++) {
		const struct dw_profile_lock *lock = &profile->locks[i];

		if (dw_profile_has_match(&lock->variables, variable) ||
		    is_done_in(a, a->facts->things[thing].birth, &lock->made_in) ||
		    is_done_in(a, first, &lock->taken_in))
			return lock->name;
	}
	return NULL;
}

/* The profile may be gone before the facts are. Return: whether there was memory. */
static bool keep(const struct applying *a, const char *name, const char **ret)
{
	*ret = name ? dw_arena_text(a->arena, name, strlen(name)) : NULL;
	return *ret || !name;
}

static int name_things(struct applying *a)
{
	const uint32_t *first = find_first_takings(a);
	size_t size = a->facts->n_things * sizeof(struct dw_thing);
	struct dw_thing *things = dw_arena_alloc(a->arena, size);

	if (!first || !things)
		return dw_raise(-ENOMEM);
	if (size)
		memcpy(things, a->facts->things, size);
	for (uint32_t i = 1; i < a->facts->n_things; i++)
		for (size_t j = 0; j < a->set->n && !things[i].name && is_lock(&things[i]); j++)
			if (!keep(a, name_of_lock(a, a->set->profiles[j], i, first[i]),
				  &things[i].name))
				return dw_raise(-ENOMEM);
	a->facts->things = things;
	return 0;
}

const char *dw_profile_role(const struct dw_profile_set *set, const char *start, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		for (size_t j = 0; j < set->profiles[i]->n_threads; j++) {
			const struct dw_profile_thread *thread = &set->profiles[i]->threads[j];

			if (dw_profile_has_match(&thread->starts, start) ||
			    dw_profile_has_match(&thread->names, name))
				return thread->role;
		}
	return NULL;
}

/* Where the program has none of the functions that @profile says make its threads, it says nothing.
 */
static bool knows_creators(const struct applying *a, const struct dw_profile *profile)
{
	for (size_t i = 0; i < profile->creators.n; i++)
		if (a->source->exports(a->source->context, profile->creators.entries[i]))
			return true;
	return false;
}

/* Whether one of @functions is on @stack. */
static bool is_within(const struct applying *a, uint32_t stack,
		      const struct dw_profile_list *functions)
{
	const struct dw_profile_frame *frames;
	uint32_t n = stack ? a->source->frames(a->source->context, stack, &frames) : 0;

	for (uint32_t i = 0; i < n; i++)
		if (dw_profile_has_match(functions, frames[i].function))
			return true;
	return false;
}

/* Threads that were seen being made, but not by the program's own function: a library's. */
static void mark_foreign(const struct applying *a, const struct dw_profile *profile,
			 struct dw_told_thread *threads)
{
	if (!knows_creators(a, profile))
		return;
	for (uint32_t i = 1; i < a->facts->n_threads; i++) {
		uint32_t stack = threads[i].stack;

		if (stack && !a->facts->stacks[stack].flags &&
		    !is_within(a, stack, &profile->creators))
			threads[i].flags |= DW_THREAD_FOREIGN;
	}
}

/* A thread that has a name of its own keeps it: people look for that. */
static int name_threads(struct applying *a)
{
	size_t size = a->facts->n_threads * sizeof(struct dw_told_thread);
	struct dw_told_thread *threads = dw_arena_alloc(a->arena, size);

	if (!threads)
		return dw_raise(-ENOMEM);
	if (size)
		memcpy(threads, a->facts->threads, size);
	for (uint32_t i = 1; i < a->facts->n_threads; i++)
		if (!threads[i].name &&
		    !keep(a, dw_profile_role(a->set, a->source->start(a->source->context, i), NULL),
			  &threads[i].name))
			return dw_raise(-ENOMEM);
	for (size_t i = 0; i < a->set->n; i++)
		mark_foreign(a, a->set->profiles[i], threads);
	a->facts->threads = threads;
	return 0;
}

/* Whether @stack has one of `within` inside of one of `during`, or ends in one of these, wrappers
 * left out. */
static bool is_during(const struct applying *a, uint32_t stack,
		      const struct dw_profile_pause *pause)
{
	const struct dw_profile_frame *frames;
	uint32_t n = stack ? a->source->frames(a->source->context, stack, &frames) : 0, i = 0;

	while (i < n && is_wrapper(a->set, frames[i].function))
		i++;
	if (i < n && dw_profile_has_match(&pause->during, frames[i].function))
		return true;
	while (i < n && !dw_profile_has_match(&pause->within, frames[i].function))
		i++;
	for (; i < n; i++)
		if (dw_profile_has_match(&pause->during, frames[i].function))
			return true;
	return false;
}

static bool is_of_role(const struct applying *a, uint32_t thread, const char *role)
{
	const char *its = dw_profile_role(a->set, a->source->start(a->source->context, thread),
					  a->facts->threads[thread].name);

	return its && strcmp(its, role) == 0;
}

static void mark_pause(const struct applying *a, const struct dw_profile *profile, size_t i,
		       struct dw_chain *chains)
{
	const struct dw_profile_pause *pause = &profile->pauses[i];

	for (uint32_t c = 1; c < a->facts->n_chains; c++) {
		struct dw_chain *chain = &chains[c];

		if (!chain->below)
			continue;
		if (is_during(a, chain->stack, pause))
			chain->pauses |= (uint16_t)(1U << i);
		else if (is_of_role(a, chain->thread, pause->role) &&
			 !is_within(a, chain->stack, &pause->except))
			chain->paused |= (uint16_t)(1U << i);
	}
}

/* Of the profiles that apply, the first that has pauses is the one for this kind of program. */
static int mark_pauses(struct applying *a)
{
	size_t size = a->facts->n_chains * sizeof(struct dw_chain), i = 0;
	struct dw_chain *chains;

	while (i < a->set->n && !a->set->profiles[i]->n_pauses)
		i++;
	if (i == a->set->n || !size)
		return 0;
	chains = dw_arena_alloc(a->arena, size);
	if (!chains)
		return dw_raise(-ENOMEM);
	memcpy(chains, a->facts->chains, size);
	for (size_t j = 0; j < a->set->profiles[i]->n_pauses && j < DW_PROFILE_PAUSES; j++)
		mark_pause(a, a->set->profiles[i], j, chains);
	a->facts->chains = chains;
	return 0;
}

int dw_profile_apply(const struct dw_facts **ret, struct dw_arena *arena,
		     const struct dw_facts *facts, const struct dw_profile_set *set,
		     const struct dw_profile_source *source)
{
	struct dw_facts *copy = dw_arena_alloc(arena, sizeof(*copy));
	struct applying a = {copy, arena, set, source};
	int r;

	if (!copy)
		return dw_raise(-ENOMEM);
	*copy = *facts;
	r = name_things(&a);
	if (r == 0)
		r = mark_pauses(&a);
	if (r == 0)
		r = name_threads(&a);
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = dw_profile_complete(copy, arena, set->profiles[i], source);
	if (r < 0)
		return dw_pass(r);
	*ret = copy;
	return 0;
}
