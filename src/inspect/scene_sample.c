/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What samples tell: a thread that was seen waiting for a lock in so many of them has waited for
 * about as long. Each stack that waits for a lock becomes a chain with that time.
 *
 * Where a text does not say which lock it is, it is called after the function that waits, and
 * all who wait there count as waiting for the same.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "inspect/scene_parts.h"
#include "symbol/names.h"

#include <errno.h>
#include <string.h>

/* Numbers of things that are places; those below are of threads. */
#define PLACE_MIN (UINT32_C(1) << 31)

static uint64_t address_of(const struct dw_scene *scene, uint32_t stack,
			   const struct dw_meaning *meaning)
{
	const struct dw_named_stack *named = dw_names_stack(scene->names, stack, 0);
	const char *function = NULL;
	uint64_t hash;

	if (meaning->address)
		return meaning->address;
	if (meaning->site < named->n_frames)
		function = named->frames[meaning->site].function;
	hash = function ? dw_hash_text(DW_HASH_TEXT_START, function, strlen(function)) : stack;
	return dw_thing_address((enum dw_thing_kind)meaning->kind,
				PLACE_MIN | (uint32_t)(hash >> 33));
}

static void add_chain(struct dw_scene *scene, uint32_t thread, uint32_t stack, uint32_t thing,
		      const struct dw_meaning *meaning, uint32_t n_samples)
{
	scene->chains[scene->facts.n_chains++] = (struct dw_chain){
	    .thing = thing,
	    .thread = thread,
	    .stack = stack,
	    .depth = 1,
	    .how = meaning->how,
	    .n_waits = n_samples,
	    .waited_ns = n_samples * scene->sight->sample_ns,
	};
}

static int tell_sample(struct dw_scene *scene, uint32_t thread, uint32_t stack, uint32_t n_samples)
{
	struct dw_meaning meaning = dw_scene_meaning_of(scene, thread, stack);
	int64_t thing;

	if (!dw_is_lock(meaning.kind) && meaning.kind != DW_LOCK_WORD)
		return 0;
	thing = dw_scene_ensure_thing(scene, address_of(scene, stack, &meaning), meaning.kind);
	if (thing < 0)
		return dw_pass((int)thing);
	add_chain(scene, thread, stack, (uint32_t)thing, &meaning, n_samples);
	return 0;
}

static int tell_thread(struct dw_scene *scene, uint32_t thread)
{
	const struct dw_scene_thread *seen = &scene->seen[thread];
	const struct dw_sighted *sighted = seen->sighted;
	uint64_t n_samples = 0, ran_ns;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < sighted->n_samples; i++) {
		n_samples += sighted->samples[i].n_samples;
		r = tell_sample(scene, thread, seen->samples + i, sighted->samples[i].n_samples);
	}
	ran_ns = n_samples * scene->sight->sample_ns;
	if (ran_ns > scene->facts.run_ns)
		scene->facts.run_ns = ran_ns;
	return dw_pass(r);
}

int dw_scene_tell_samples(struct dw_scene *scene)
{
	int r = 0;

	for (uint32_t t = 1; r == 0 && t < scene->facts.n_threads; t++)
		r = tell_thread(scene, t);
	return dw_pass(r);
}
