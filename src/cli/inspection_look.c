/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The looks at a process: for how long, how often, and what of them is compared. */
#include "cli/inspection_parts.h"

#include "analysis/now.h"
#include "base/arena.h"
#include "base/error.h"
#include "cli/profiles.h"
#include "cli/progress.h"
#include "model/picture.h"
#include "render/words.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Looks at a process that shows nothing: who has waited throughout them is suspect. */
#define SHORT_LOOKS 3
#define SHORT_LOOK_NS 15000000

/* Looks at one that is suspect: so often that who comes on is seen doing so. */
#define LONG_LOOK_NS 10000000

/* So long after a stop a thread may take until it sleeps again, on a busy machine. */
#define SETTLE_NS 100000000

/* So many times longer is looked at who runs, but was not given the time on a processor. */
#define STARVED_TIMES 4

static void pause_for(uint64_t ns)
{
	const struct timespec time = {.tv_nsec = (long)ns};

	nanosleep(&time, NULL);
}

static bool is_any_lock(const struct dw_scene *scene, uint32_t thing)
{
	uint16_t kind = dw_scene_facts(scene)->things[thing].kind;

	return thing && (dw_is_lock(kind) || kind == DW_LOCK_WORD);
}

/*
 * Who holds what was read some time after what each thread did. Who has run since, and not just for
 * a signal, may have got what it waited for.
 */
static bool may_have_it(const struct dw_scene *scene, const struct dw_scene_thread *seen)
{
	return seen->sighted->ran_last && !seen->is_signalled && is_any_lock(scene, seen->thing);
}

/* What the looks have shown, as the monitor would say it. NULL: there is no memory. */
static struct dw_now_look *looks_of(struct dw_inspection *inspection, const struct dw_scene *scene)
{
	const struct dw_scene_thread *seen = dw_scene_threads(scene);
	uint32_t n = dw_scene_facts(scene)->n_threads;
	struct dw_now_look *looks = dw_arena_alloc(inspection->arena, n * sizeof(*looks));

	for (uint32_t t = 1; looks && t < n; t++) {
		if (dw_scene_was_given(scene, seen[t].thing) || may_have_it(scene, &seen[t]))
			continue;
		looks[t] = (struct dw_now_look){
		    .same_ns = seen[t].sighted->same_ns,
		    .still_ns = seen[t].sighted->still_ns,
		    .polls = seen[t].polls,
		    .at_lock = seen[t].meaning.kind == DW_LOCK_WORD,
		    .rans = seen[t].sighted->rans.n ? &seen[t].sighted->rans : NULL,
		};
	}
	return looks;
}

int dw_inspection_find(struct dw_inspection *inspection, const struct dw_scene *scene,
		       const struct dw_facts *facts, uint64_t stall_ns, const struct dw_found **ret,
		       size_t *ret_n)
{
	struct dw_now now = {
	    .facts = facts,
	    .looks = looks_of(inspection, scene),
	    .now_ns = inspection->sights[0].time_ns > inspection->sights[1].time_ns
			  ? inspection->sights[0].time_ns
			  : inspection->sights[1].time_ns,
	    .stall_ns = stall_ns,
	};
	int r = now.looks ? dw_now_find(&now, inspection->arena, ret, ret_n) : dw_raise(-ENOMEM);

	return r < 0 ? dw_pass(r) : 0;
}

/* Somebody waits for a lock since the first look; or holds one, and sleeps again and again. */
static bool any_waits_still(const struct dw_scene *scene)
{
	const struct dw_facts *facts = dw_scene_facts(scene);
	const struct dw_scene_thread *seen = dw_scene_threads(scene);

	for (uint32_t t = 1; t < facts->n_threads; t++) {
		if (seen[t].sighted->same_ns && is_any_lock(scene, seen[t].thing) &&
		    !dw_scene_was_given(scene, seen[t].thing))
			return true;
		if (seen[t].meaning.sleeps && facts->slots[t].slot->top > 0)
			return true;
	}
	return false;
}

/* Return: 1 if it may be stuck, 0 if nothing is, or a negative errno. */
static int is_suspect(struct dw_inspection *inspection)
{
	const struct dw_facts *facts = dw_scene_facts(inspection->scene);
	const struct dw_found *founds;
	size_t n;
	int r;

	if (any_waits_still(inspection->scene))
		return 1;
	r = dw_inspection_find(inspection, inspection->scene, facts, /* stall_ns= */ 1, &founds,
			       &n);
	return r < 0 ? dw_pass(r) : n > 0;
}

static int look_again(struct dw_inspection *inspection, uint64_t pause_ns)
{
	int r;

	pause_for(pause_ns);
	r = dw_sight_look_again(&inspection->sights[0]);
	if (r == 0)
		dw_scene_look_again(inspection->scene);
	return r < 0 ? dw_pass(r) : 0;
}

static void show(const struct dw_inspection *inspection, const struct dw_process *process,
		 const char *what)
{
	if (inspection->options->shows_progress)
		dw_progress_look(process->pid, what);
}

/* How much of the time is over that somebody has to be stuck for. */
static void show_watch(const struct dw_inspection *inspection)
{
	const struct dw_sight *sight = &inspection->sights[0];
	uint64_t stall_ns = inspection->options->stall_ns;
	double passed_s = (double)(sight->time_ns - sight->base_ns) / 1e9;
	char what[80];

	snprintf(what, sizeof(what), "watching %u thread%s, %.1f of %.1f s", sight->n_threads,
		 dw_words_plural(sight->n_threads), passed_s, (double)stall_ns / 1e9);
	show(inspection, sight->process, what);
}

/* Return: 1 if a stall of @stall_ns ends with a thread that runs, 0 if none does, or < 0. */
static int any_runs(struct dw_inspection *inspection, uint64_t stall_ns)
{
	const struct dw_found *founds;
	size_t n;
	int r = dw_inspection_find(inspection, inspection->scene, dw_scene_facts(inspection->scene),
				   stall_ns, &founds, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = founds[i].flags & DW_FOUND_RUNNING ? 1 : 0;
	return r < 0 ? dw_pass(r) : r;
}

/*
 * Whether the time is over in which a stall shows. Who runs, while others wait for its lock, gets
 * more where it is not given the processors all the while. Return: 1, 0, or a negative errno.
 */
static int is_over(struct dw_inspection *inspection)
{
	const struct dw_sight *sight = &inspection->sights[0];
	uint64_t stall_ns = inspection->options->stall_ns,
		 passed_ns = sight->time_ns - sight->base_ns;
	int r;

	if (passed_ns < stall_ns + SETTLE_NS)
		return 0;
	if (passed_ns >= STARVED_TIMES * stall_ns)
		return 1;
	r = any_runs(inspection, /* stall_ns= */ 1);
	if (r == 0)
		return 1;
	if (r > 0)
		r = any_runs(inspection, stall_ns);
	return r < 0 ? dw_pass(r) : r;
}

/* Looks until the process is over it, or the time is. Return: as is_suspect(). */
static int watch(struct dw_inspection *inspection)
{
	int r = 0, suspect = 1;

	for (int i = 0; r == 0 && i < SHORT_LOOKS; i++)
		r = look_again(inspection, SHORT_LOOK_NS);
	while (r == 0 && (suspect = is_suspect(inspection)) > 0 && (r = is_over(inspection)) == 0) {
		show_watch(inspection);
		r = look_again(inspection, LONG_LOOK_NS);
	}
	return r < 0 ? dw_pass(r) : suspect;
}

static int prepare_names(void *context, const struct dw_facts *facts, struct dw_names *names)
{
	struct dw_inspection *inspection = context;

	return dw_profiles_prepare(inspection->options->profiles, inspection->arena, facts, names);
}

int dw_inspection_make_scene(struct dw_inspection *inspection, const struct dw_sight *sight,
			     const struct dw_scene *before)
{
	const struct dw_scene_prepare prepare = {.names = prepare_names, .context = inspection};
	int r = dw_scene_new(&inspection->scene, sight, before, &prepare);

	return r < 0 ? dw_pass(r) : 0;
}

/* Until those who were stopped sleep again, if they do. */
static int await_sleep(struct dw_sight *sight)
{
	bool any_ran = true;
	int r = 0;

	for (uint64_t passed_ns = 0; r == 0 && any_ran && passed_ns < SETTLE_NS;
	     passed_ns += LONG_LOOK_NS) {
		pause_for(LONG_LOOK_NS);
		r = dw_sight_look_again(sight);
		any_ran = false;
		for (uint32_t i = 0; i < sight->n_threads; i++)
			any_ran = any_ran || sight->threads[i].ran_last;
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* What is held and waited for now, behind what @before shows; and whether it is still so then. */
static int make_last_scene(struct dw_inspection *inspection, struct dw_scene *before)
{
	struct dw_sight *sights = inspection->sights;
	int r = await_sleep(&sights[1]);

	if (r < 0)
		return dw_pass(r);
	dw_sight_continue(&sights[1], &sights[0]);
	inspection->scene = NULL;
	r = dw_inspection_make_scene(inspection, &sights[1], before);
	dw_scene_free(before);
	if (r == 0)
		r = dw_sight_look_again(&sights[1]);
	if (r < 0)
		return dw_pass(r);
	dw_scene_look_again(inspection->scene);
	dw_sight_continue(&sights[1], &sights[0]);
	return 0;
}

/* The second sight, which shows what the first one did, or not. */
static int look_back(struct dw_inspection *inspection)
{
	struct dw_sight *sights = inspection->sights;
	int r;

	show(inspection, sights[0].process, "reading all stacks once more");
	r = dw_scene_watch_signals(inspection->scene);
	if (r == 0)
		r = dw_sight_take(&sights[1], sights[0].process, inspection->arena);
	if (r == 0)
		r = make_last_scene(inspection, inspection->scene);
	return r < 0 ? dw_pass(r) : 0;
}

/* A process that does not run any more shows one moment; nobody knows how long it was like that. */
static void take_as_still(struct dw_sight *sight)
{
	for (uint32_t i = 0; i < sight->n_threads; i++) {
		sight->threads[i].same_ns = sight->threads[i].still_ns = DW_SIGHT_ALWAYS;
		sight->threads[i].ran_last = false;
	}
	sight->base_ns = sight->time_ns = 0;
}

int dw_inspection_look(struct dw_inspection *inspection, struct dw_process *process)
{
	struct dw_sight *sight = &inspection->sights[0];
	int r;

	show(inspection, process, "reading all stacks");
	r = dw_sight_take(sight, process, inspection->arena);
	if (r == 0 && (!process->runs || sight->is_stopped))
		take_as_still(sight);
	if (r == 0)
		r = dw_inspection_make_scene(inspection, sight, /* before= */ NULL);
	if (r == 0 && process->runs && !sight->is_stopped)
		r = watch(inspection);
	if (r > 0)
		r = look_back(inspection);
	return r < 0 ? dw_pass(r) : 0;
}
