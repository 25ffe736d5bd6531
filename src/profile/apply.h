/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What profiles add to the facts of a process.
 *
 * Things and threads get the names that profiles have for them, if they have none. And calls
 * get their completion: where a thread was seen waiting inside a call that a profile says is
 * completed by function F, and F was seen running with lock Z held, or taken on the way
 * there, then what was waited for needs Z, as if F had posted it. Of facts that are of one
 * moment, whoever is in F counts as one that could give it, with whatever lock it waits for there.
 * Nothing is added that was not seen.
 */
#pragma once

#include "model/facts.h"
#include "profile/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function of a stack. Members that are not known are NULL. */
struct dw_profile_frame {
	const char *function;
	const char *module; /* base name of its file */
	uint32_t frame;     /* index of the stack's frame that it is of: inlined ones share it */
	bool is_aside;      /* it is known to say nothing about where something was done */
};

/*
 * Who knows names: symbols are not a profile's business. All members are mandatory. What is
 * handed out lives until the next question.
 */
struct dw_profile_source {
	void *context;

	/* The functions of a stack of the facts, innermost first. Return: how many. */
	uint32_t (*frames)(void *context, uint32_t stack, const struct dw_profile_frame **ret);

	/* The variable that a thing of the facts is, or the function that a thread started in. */
	const char *(*variable)(void *context, uint32_t thing);
	const char *(*start)(void *context, uint32_t thread);

	/* Whether a loaded file exports @symbol. */
	bool (*exports)(void *context, const char *symbol);
};

/* Profiles, in the order of precedence. */
struct dw_profile_set {
	const struct dw_profile *const *profiles;
	size_t n;
};

/* Whether @profile is for a process with these facts. */
bool dw_profile_applies(const struct dw_profile *profile, const struct dw_facts *facts,
			const struct dw_profile_source *source);

/*
 * @facts and what @set adds to them. All that was there keeps its number; things, threads,
 * chains and stacks are as many, or more at the end. Comes from @arena, and shares with
 * @facts what did not change.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_profile_apply(const struct dw_facts **ret, struct dw_arena *arena,
		     const struct dw_facts *facts, const struct dw_profile_set *set,
		     const struct dw_profile_source *source);

/* What a thread is for, by the function it started in and by its name, which may be NULL. */
const char *dw_profile_role(const struct dw_profile_set *set, const char *start, const char *name);
