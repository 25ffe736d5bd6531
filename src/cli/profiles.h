/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The profiles of a run: those that are built in, and the user's, which comes before them.
 *
 * Here profiles and names meet. Single-threaded.
 */
#pragma once

#include "attach/named.h"
#include "base/cleanup.h"
#include "model/facts.h"

#include <stdbool.h>
#include <stddef.h>

struct dw_arena;
struct dw_names;
struct dw_profiles;

/*
 * Reads the profile at @path; NULL: the user has none. What is wrong with it is said on stderr.
 *
 * Return: 0; DW_PROFILE_WRONG if it cannot be used; or -ENOMEM.
 */
int dw_profiles_new(struct dw_profiles **ret, const char *path);

/*
 * Those of DEADWATCH_OPTIONS, for the monitor: a user's that is wrong was refused before, or is
 * done without. Return: 0, or -ENOMEM.
 */
int dw_profiles_new_chosen(struct dw_profiles **ret);
struct dw_profiles *dw_profiles_free(struct dw_profiles *profiles);

/*
 * @facts with what the profiles that apply to them add. @names are those of @facts, and of @ret
 * from now on; nothing may have been asked for the names of things before. @ret lives as long as
 * @arena and @facts.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_profiles_apply(const struct dw_facts **ret, struct dw_arena *arena,
		      const struct dw_profiles *profiles, const struct dw_facts *facts,
		      struct dw_names *names);

/*
 * Tells @names which functions say nothing about where something was done, for the profiles that
 * apply to @facts; before any stack is asked for. Return: 0, or -ENOMEM.
 */
int dw_profiles_prepare(const struct dw_profiles *profiles, struct dw_arena *arena,
			const struct dw_facts *facts, struct dw_names *names);

/*
 * What the threads of @facts are for, by thread number; NULL where no profile says so. Memory is
 * the arena's. Return: 0, or -ENOMEM.
 */
int dw_profiles_roles(const char *const **ret, struct dw_arena *arena,
		      const struct dw_profiles *profiles, const struct dw_facts *facts,
		      struct dw_names *names);

/*
 * The calls of the user's profile that are the shim's business, as DEADWATCH_OPTIONS has them:
 * NAME+NAME; empty if none.
 */
int dw_profiles_calls(const struct dw_profiles *profiles, char *ret, size_t size);

/*
 * The calls of all of them: *@ret is the caller's to free, its texts are not.
 *
 * Return: 0 with their number in *@ret_n, or -ENOMEM.
 */
int dw_profiles_all_calls(const struct dw_profiles *profiles, struct dw_collector_call **ret,
			  size_t *ret_n);

/* What the @i-th of them is called; NULL: there are no more. */
const char *dw_profiles_name(const struct dw_profiles *profiles, size_t i);

struct dw_profile_lock;

/* The lock that is called @name, in letters of either case; NULL: none is. */
const struct dw_profile_lock *dw_profiles_lock(const struct dw_profiles *profiles,
					       const char *name);

/* The @i-th of all names of locks; NULL: there are no more. */
const char *dw_profiles_lock_name(const struct dw_profiles *profiles, size_t i);

DW_DEFINE_AUTO(profiles)
