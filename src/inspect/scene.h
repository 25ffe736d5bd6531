/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scene: what a sight means. Facts, as a recording would have them: threads, modules,
 * stacks; things that somebody waits for; what each thread holds and waits for, as slots and
 * chains. So all that asks facts can be asked of it: dw_now_find(), names, renderers.
 *
 * A chain that says "holds" has no stack: where the lock was taken is not known. One
 * that says "waits" has the thread's present one.
 *
 * Single-threaded. Owns its memory; the sight must outlive it.
 */
#pragma once

#include "base/cleanup.h"
#include "inspect/meaning.h"
#include "inspect/sight.h"

struct dw_now_look;
struct dw_names;
struct dw_scene;
struct dw_symbols;

/* How it is known that a thread holds a lock, or that nothing is known. */
enum dw_grounds {
	DW_GROUNDS_NONE,  /* who holds it is not known */
	DW_GROUNDS_OWNER, /* the lock says so */
	/*
	 * Inferred: just as many threads as can hold it refer to it, on their stacks or by the
	 * functions that they are in the middle of, and do not wait for it.
	 */
	DW_GROUNDS_REFERENCE,
};

/* What a scene knows of a thread beyond the facts; by thread number. */
struct dw_scene_thread {
	const struct dw_sighted *sighted;
	struct dw_meaning meaning;
	uint32_t stack;    /* facts.stacks index; 0: none */
	uint32_t samples;  /* facts.stacks index of the first of its samples, where there are any */
	uint32_t thing;    /* what it waits for: facts.things index; 0: nothing that is known */
	uint32_t chain;    /* facts.chains index of that wait; 0: none */
	bool polls;        /* it sleeps again and again at the same place, under a lock */
	bool is_signalled; /* it was sent a signal while it was watched for that */
};

struct dw_scene_prepare {
	struct dw_symbols *symbols; /* what names are taken from; NULL: the scene's own */

	/*
	 * optional. Is called with the names of the scene's @facts, which have threads, modules and
	 * stacks by then, before any stack is asked for. Return: 0, or a negative errno.
	 */
	int (*names)(void *context, const struct dw_facts *facts, struct dw_names *names);
	void *context;
};

/*
 * The scene of @sight. @before: that of an earlier sight of the same process, which shows
 * who polls, and is needed no longer than this call; NULL: there is none.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_scene_new(struct dw_scene **ret, const struct dw_sight *sight, const struct dw_scene *before,
		 const struct dw_scene_prepare *prepare);
struct dw_scene *dw_scene_free(struct dw_scene *scene);

const struct dw_facts *dw_scene_facts(const struct dw_scene *scene);
struct dw_names *dw_scene_names(struct dw_scene *scene); /* of those facts */

const struct dw_sight *dw_scene_sight(const struct dw_scene *scene);

/* facts.n_threads entries; entry 0 is none. */
const struct dw_scene_thread *dw_scene_threads(const struct dw_scene *scene);

/*
 * Asks the locks again who has them; whether it was somebody else than the scene says, now or at a
 * look before, also of the scene that was before this one.
 */
void dw_scene_look_again(struct dw_scene *scene);
bool dw_scene_was_given(const struct dw_scene *scene, uint32_t thing);

/*
 * Watches whether those who wait for a lock, and run now and then, are sent signals: else they are
 * woken by who lets go of the lock. Takes some tenths of a second if there are any; the scene that
 * comes behind this one knows it.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_scene_watch_signals(struct dw_scene *scene);

/* How long it was looked at; 0: at one moment. */
uint64_t dw_scene_span_ns(const struct dw_scene *scene);

/* How it is known who holds @thing. */
enum dw_grounds dw_scene_grounds(const struct dw_scene *scene, uint32_t thing);

DW_DEFINE_AUTO(scene)
