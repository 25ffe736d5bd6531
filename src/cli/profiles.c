/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/profiles.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/resource.h"
#include "cli/environment.h"
#include "cli/file.h"
#include "profile/apply.h"
#include "symbol/names.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dw_profiles {
	const struct dw_profile **list; /* the user's first */
	size_t n;
	bool has_own; /* the first one is the user's */
};

/* Who answers what profiles ask. */
struct asking {
	struct dw_names *names;
	struct dw_profile_frame *frames; /* of the latest answer */
	uint32_t n_room;
};

static int add(struct dw_profiles *profiles, struct dw_profile *profile)
{
	const struct dw_profile **list =
	    reallocarray(profiles->list, profiles->n + 1, sizeof(*list));

	if (!list) {
		dw_profile_free(profile);
		return dw_raise(-ENOMEM);
	}
	profiles->list = list;
	list[profiles->n++] = profile;
	return 0;
}

static int add_own(struct dw_profiles *profiles, const char *path)
{
	struct dw_profile_error error;
	struct dw_profile *profile = NULL;
	dw_auto_text text = NULL;
	size_t size;
	int r = dw_file_read(path, DW_PROFILE_SIZE_MAX, &text, &size);

	if (r == 0)
		r = dw_profile_read(&profile, text, size, &error);
	if (r == 0) {
		profiles->has_own = true;
		return add(profiles, profile);
	}
	if (r == -ENOMEM)
		return dw_pass(r);
	if (r < 0)
		fprintf(stderr, "deadwatch: cannot read profile '%s': %s\n", path,
			dw_file_reason(r));
	else
		fprintf(stderr, "deadwatch: %s:%u: %s\n", path, error.line, error.text);
	return DW_PROFILE_WRONG;
}

int dw_profiles_new(struct dw_profiles **ret, const char *path)
{
	dw_auto(profiles) profiles = calloc(1, sizeof(*profiles));
	int r = profiles ? 0 : dw_raise(-ENOMEM);

	if (r == 0 && path)
		r = add_own(profiles, path);
	for (size_t i = 0; r == 0 && i < dw_profile_n_built_in(); i++) {
		struct dw_profile_error error;
		struct dw_profile *profile = NULL;

		r = dw_profile_built_in(&profile, i, &error);
		if (r == 0)
			r = add(profiles, profile);
	}
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(profiles);
	return 0;
}

int dw_profiles_new_chosen(struct dw_profiles **ret)
{
	char path[PATH_MAX];
	bool own = dw_environment_option("profile", path, sizeof(path));
	int r = dw_profiles_new(ret, own ? path : NULL);

	if (r > 0)
		r = dw_profiles_new(ret, NULL);
	return r < 0 ? dw_pass(r) : 0;
}

struct dw_profiles *dw_profiles_free(struct dw_profiles *profiles)
{
	if (!profiles)
		return NULL;
	for (size_t i = 0; i < profiles->n; i++)
		dw_profile_free((struct dw_profile *)profiles->list[i]);
	free(profiles->list);
	free(profiles);
	return NULL;
}

static bool make_room(struct asking *asking, uint32_t n)
{
	struct dw_profile_frame *frames;

	if (n <= asking->n_room)
		return true;
	frames = reallocarray(asking->frames, n, sizeof(*frames));
	if (!frames)
		return false;
	asking->frames = frames;
	asking->n_room = n;
	return true;
}

/* Inlined functions come before the one that they are inlined into, and share its frame. */
static uint32_t ask_frames(void *context, uint32_t stack, const struct dw_profile_frame **ret)
{
	struct asking *asking = context;
	const struct dw_named_stack *named = dw_names_stack(asking->names, stack, /* hint= */ 0);
	uint32_t frame = 0;

	if (!make_room(asking, named->n_frames))
		return 0;
	for (uint32_t i = 0; i < named->n_frames; i++) {
		const struct dw_frame *from = &named->frames[i];

		asking->frames[i] = (struct dw_profile_frame){from->function, from->module, frame,
							      from->flags & DW_FRAME_WRAPPER};
		frame += !(from->flags & DW_FRAME_INLINED);
	}
	*ret = asking->frames;
	return named->n_frames;
}

static const char *ask_variable(void *context, uint32_t thing)
{
	return dw_names_variable(((struct asking *)context)->names, thing);
}

static const char *ask_start(void *context, uint32_t thread)
{
	return dw_names_thread_start(((struct asking *)context)->names, thread);
}

static bool ask_exports(void *context, const char *symbol)
{
	return dw_names_program_has(((struct asking *)context)->names, symbol);
}

/* The user's own applies if it says so, and if it says nothing: it was named. */
static bool applies(const struct dw_profiles *profiles, size_t i, const struct dw_facts *facts,
		    const struct dw_profile_source *source)
{
	const struct dw_profile *profile = profiles->list[i];

	if (profiles->has_own && i == 0 && !profile->applies.modules.n &&
	    !profile->applies.symbols.n)
		return true;
	return dw_profile_applies(profile, facts, source);
}

static struct dw_profile_source source_of(struct asking *asking)
{
	return (struct dw_profile_source){asking, ask_frames, ask_variable, ask_start, ask_exports};
}

/* Those that apply to @facts. */
static int choose(struct dw_profile_set *ret, struct dw_arena *arena,
		  const struct dw_profiles *profiles, const struct dw_facts *facts,
		  const struct dw_profile_source *source)
{
	const struct dw_profile **list = dw_arena_alloc(arena, (profiles->n + 1) * sizeof(*list));

	if (!list)
		return dw_raise(-ENOMEM);
	*ret = (struct dw_profile_set){list, 0};
	for (size_t i = 0; i < profiles->n; i++)
		if (applies(profiles, i, facts, source))
			list[ret->n++] = profiles->list[i];
	return 0;
}

static int add_wrappers(struct dw_names *names, const struct dw_profile_set *set)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = dw_names_add_wrappers(names, set->profiles[i]->wrappers.entries,
					  set->profiles[i]->wrappers.n);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_profiles_prepare(const struct dw_profiles *profiles, struct dw_arena *arena,
			const struct dw_facts *facts, struct dw_names *names)
{
	struct asking asking = {.names = names};
	const struct dw_profile_source source = source_of(&asking);
	struct dw_profile_set set;
	int r = choose(&set, arena, profiles, facts, &source);

	if (r == 0)
		r = add_wrappers(names, &set);
	free(asking.frames);
	return r < 0 ? dw_pass(r) : 0;
}

static int apply(const struct dw_facts **ret, struct dw_arena *arena,
		 const struct dw_profiles *profiles, const struct dw_facts *facts,
		 struct asking *asking)
{
	const struct dw_profile_source source = source_of(asking);
	struct dw_profile_set set;
	int r = choose(&set, arena, profiles, facts, &source);

	if (r == 0)
		r = add_wrappers(asking->names, &set);
	if (r == 0)
		r = dw_profile_apply(ret, arena, facts, &set, &source);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_profiles_roles(const char *const **ret, struct dw_arena *arena,
		      const struct dw_profiles *profiles, const struct dw_facts *facts,
		      struct dw_names *names)
{
	struct asking asking = {.names = names};
	const struct dw_profile_source source = source_of(&asking);
	const char **roles = dw_arena_alloc(arena, (facts->n_threads + 1) * sizeof(*roles));
	struct dw_profile_set set;
	int r = roles ? choose(&set, arena, profiles, facts, &source) : dw_raise(-ENOMEM);

	for (uint32_t t = 1; r == 0 && t < facts->n_threads; t++)
		roles[t] =
		    dw_profile_role(&set, dw_names_thread_start(names, t), facts->threads[t].name);
	free(asking.frames);
	if (r < 0)
		return dw_pass(r);
	*ret = roles;
	return 0;
}

int dw_profiles_apply(const struct dw_facts **ret, struct dw_arena *arena,
		      const struct dw_profiles *profiles, const struct dw_facts *facts,
		      struct dw_names *names)
{
	struct asking asking = {.names = names};
	const struct dw_facts *grown = NULL;
	int r = apply(&grown, arena, profiles, facts, &asking);

	free(asking.frames);
	if (r == 0)
		r = dw_names_grow(names, grown);
	if (r < 0)
		return dw_pass(r);
	*ret = grown;
	return 0;
}

int dw_profiles_calls(const struct dw_profiles *profiles, char *ret, size_t size)
{
	const struct dw_profile *own = profiles->has_own ? profiles->list[0] : NULL;
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; own && i < own->n_calls; i++) {
		int n = own->calls[i].releases ? 0
					       : snprintf(ret + at, size - at, "%s%s",
							  at ? "+" : "", own->calls[i].name);

		if (n < 0 || (size_t)n >= size - at)
			return dw_raise(-ENOSPC);
		at += (size_t)n;
	}
	return 0;
}

int dw_profiles_all_calls(const struct dw_profiles *profiles, struct dw_collector_call **ret,
			  size_t *ret_n)
{
	struct dw_collector_call *calls;
	size_t n = 0;

	for (size_t i = 0; i < profiles->n; i++)
		n += profiles->list[i]->n_calls;
	calls = calloc(n + 1, sizeof(*calls));
	if (!calls)
		return dw_raise(-ENOMEM);
	n = 0;
	for (size_t i = 0; i < profiles->n; i++)
		for (size_t k = 0; k < profiles->list[i]->n_calls; k++)
			calls[n++] = (struct dw_collector_call){
			    .pattern = profiles->list[i]->calls[k].name,
			    .releases = profiles->list[i]->calls[k].releases,
			    .is_completed = profiles->list[i]->calls[k].completed_by.n > 0,
			};
	*ret = calls;
	*ret_n = n;
	return 0;
}

static const struct dw_profile_lock *lock_at(const struct dw_profiles *profiles, size_t i)
{
	for (size_t k = 0; k < profiles->n; k++) {
		if (i < profiles->list[k]->n_locks)
			return &profiles->list[k]->locks[i];
		i -= profiles->list[k]->n_locks;
	}
	return NULL;
}

const struct dw_profile_lock *dw_profiles_lock(const struct dw_profiles *profiles, const char *name)
{
	const struct dw_profile_lock *lock;

	for (size_t i = 0; (lock = lock_at(profiles, i)); i++)
		if (strcasecmp(lock->name, name) == 0)
			return lock;
	return NULL;
}

const char *dw_profiles_name(const struct dw_profiles *profiles, size_t i)
{
	return i < profiles->n ? profiles->list[i]->name : NULL;
}

const char *dw_profiles_lock_name(const struct dw_profiles *profiles, size_t i)
{
	const struct dw_profile_lock *lock = lock_at(profiles, i);

	return lock ? lock->name : NULL;
}
