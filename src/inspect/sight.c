/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/sight.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* What the threads of a process look like, as many as the kernel has at most. */
#define LOOK_MEMORY_MAX ((size_t)64 << 20)

/* Who is seen running in more than so many of four looks does not wait all the time. */
#define RUNNING_QUARTERS 3

/* What is put together. */
struct taking {
	struct dw_sight *sight;
	struct dw_arena *arena;
	const struct dw_map *maps;
	uint32_t n_maps;
};

static dw_place place_of(const struct taking *t, uint64_t address)
{
	const struct dw_map *map = dw_maps_find(t->maps, t->n_maps, address);

	if (!map)
		return address & ((UINT64_C(1) << 48) - 1);
	return (uint64_t)(map - t->maps + 1) << 48 | (address - map->start);
}

static struct dw_module module_of_map(const struct dw_map *map)
{
	struct dw_module module = {
	    .path = map->path,
	    .file = map->file,
	    .start = map->start,
	    .end = map->end,
	    .bias = dw_map_bias(map),
	};

	if (map->build_id) {
		module.build_id = map->build_id->bytes;
		module.build_id_size = map->build_id->size;
	}
	return module;
}

static int read_modules(struct taking *t)
{
	int r = t->sight->process->kind->maps(t->sight->process, t->arena, &t->maps, &t->n_maps);
	uint32_t n = t->n_maps + 1;
	struct dw_module *modules;

	if (r < 0)
		return dw_pass(r);
	modules = dw_arena_alloc(t->arena, n * sizeof(*modules));
	if (!modules)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n; i++)
		modules[i] = module_of_map(&t->maps[i - 1]);
	t->sight->modules = modules;
	t->sight->n_modules = n;
	return 0;
}

/* That of the moment of the stack; what was seen before may have been over by then. */
static void put_call(struct dw_process_thread *thread, const struct dw_frames *frames)
{
	thread->call = frames->call;
	thread->pc = frames->pc;
	thread->sp = frames->sp;
	memcpy(thread->arguments, frames->arguments, sizeof(thread->arguments));
}

static int put_stack(const struct taking *t, struct dw_sighted *sighted,
		     const struct dw_frames *frames)
{
	dw_place *places = dw_arena_alloc(t->arena, (frames->n + 1) * sizeof(*places));

	if (!places)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < frames->n; i++)
		places[i] = place_of(t, frames->addresses[i]);
	sighted->frames = places;
	sighted->n_frames = frames->n;
	sighted->stack_flags = frames->flags;
	sighted->stack_error = frames->error;
	sighted->stopped_ns = frames->stopped_ns;
	if (frames->has_call)
		put_call(&sighted->thread, frames);
	return 0;
}

static int read_stacks(struct taking *t)
{
	struct dw_sight *sight = t->sight;
	struct dw_frames *frames =
	    dw_arena_alloc(t->arena, ((size_t)sight->n_threads + 1) * sizeof(*frames));
	int r;

	if (!frames)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < sight->n_threads; i++)
		frames[i].tid = sight->threads[i].thread.tid;
	r = sight->process->kind->stacks(sight->process, frames, sight->n_threads);
	for (uint32_t i = 0; r == 0 && i < sight->n_threads; i++)
		r = put_stack(t, &sight->threads[i], &frames[i]);
	return r < 0 ? dw_pass(r) : 0;
}

static int read_threads(struct taking *t)
{
	struct dw_sight *sight = t->sight;
	struct dw_process_thread *threads;
	uint32_t n;
	int r = sight->process->kind->threads(sight->process, t->arena, &threads, &n);

	if (r < 0)
		return dw_pass(r);
	sight->threads = dw_arena_alloc(t->arena, ((size_t)n + 1) * sizeof(*sight->threads));
	if (!sight->threads)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		sight->threads[i].thread = threads[i];
		sight->is_stopped |= threads[i].state == 'T' || threads[i].state == 't';
	}
	sight->n_threads = n;
	return 0;
}

/* A call that goes on after a stop is called otherwise, with the same arguments. */
static bool is_same_call(const struct dw_process_thread *before,
			 const struct dw_process_thread *now)
{
	return before->sp == now->sp && before->pc == now->pc &&
	       (before->call == now->call || now->call == SYS_restart_syscall) &&
	       !memcmp(before->arguments, now->arguments, sizeof(now->arguments));
}

static struct dw_sighted *find(const struct dw_sight *sight, pid_t tid, uint32_t from)
{
	for (uint32_t i = from; i < from + sight->n_threads; i++)
		if (sight->threads[i % sight->n_threads].thread.tid == tid)
			return &sight->threads[i % sight->n_threads];
	return NULL;
}

/*
 * A thread that runs may be a signal's handler, after which the call goes on; one that was seen in
 * another call has come on.
 */
static bool is_running(const struct dw_process_thread *now)
{
	return now->call < 0 || now->call == SYS_rt_sigreturn;
}

/* Who is mostly seen running does not wait there. */
static bool is_mostly_running(const struct dw_sight *sight, const struct dw_sighted *sighted)
{
	return 4 * sighted->n_running > RUNNING_QUARTERS * sight->n_looks;
}

static uint64_t since(uint64_t since_ns, uint64_t now_ns)
{
	return since_ns ? now_ns - since_ns : 0;
}

/*
 * When it was seen at its place first; and when it was first seen to have done no more since.
 * What it does after it was stopped goes on for a while.
 */
static void compare(const struct dw_sight *sight, struct dw_sighted *sighted,
		    const struct dw_process_thread *now)
{
	bool runs = is_running(now), ran = !dw_task_ran_same(&sighted->thread.ran, &now->ran);

	sighted->thread.ran = now->ran;
	dw_rans_note(&sighted->rans, sight->time_ns, now->ran.run_ns);
	sighted->ran_last = ran;
	sighted->n_running += runs;
	if (is_running(&sighted->thread) || (!runs && !is_same_call(&sighted->thread, now)))
		sighted->has_moved = true;
	if (runs || sighted->has_moved)
		sighted->still_since_ns = 0;
	else if (ran || !sighted->still_since_ns)
		sighted->still_since_ns = sight->time_ns;
	sighted->still_ns = since(sighted->still_since_ns, sight->time_ns);
	sighted->same_ns = sighted->has_moved || is_mostly_running(sight, sighted)
			       ? 0
			       : since(sight->base_ns, sight->time_ns);
}

int dw_sight_look_again(struct dw_sight *sight)
{
	struct dw_process_thread *threads;
	dw_auto(arena) arena = NULL;
	uint32_t n;
	int r = dw_arena_new(&arena, LOOK_MEMORY_MAX);

	if (r == 0)
		r = sight->process->kind->threads(sight->process, arena, &threads, &n);
	if (r < 0)
		return dw_pass(r);
	sight->time_ns = dw_clock_ns();
	sight->base_ns = sight->base_ns ? sight->base_ns : sight->time_ns;
	sight->n_looks++;
	sight->is_replaced |=
	    sight->process->kind->is_same && !sight->process->kind->is_same(sight->process);
	for (uint32_t i = 0; i < sight->n_threads; i++)
		sight->threads[i].is_there = false;
	for (uint32_t i = 0; i < n; i++) {
		struct dw_sighted *sighted = find(sight, threads[i].tid, i);

		sight->is_stopped |= threads[i].state == 'T';
		if (!sighted)
			continue;
		sighted->is_there = true;
		compare(sight, sighted, &threads[i]);
	}
	for (uint32_t i = 0; i < sight->n_threads; i++)
		if (!sight->threads[i].is_there)
			sight->threads[i].same_ns = sight->threads[i].still_ns = 0;
	return 0;
}

int dw_sight_take(struct dw_sight *ret, struct dw_process *process, struct dw_arena *arena)
{
	struct dw_sight sight = {
	    .program = process->program,
	    .pid = process->pid,
	    .process = process,
	};
	struct taking taking = {.sight = &sight, .arena = arena};
	int r = read_modules(&taking);

	if (r == 0)
		r = read_threads(&taking);
	if (r == 0)
		r = read_stacks(&taking);
	if (r == 0) /* what has run since is compared with what it was behind the stops */
		r = dw_sight_look_again(&sight);
	if (r < 0)
		return dw_pass(r);
	*ret = sight;
	return 0;
}

/* What @now was given behind what @then was. */
static void continue_rans(struct dw_rans *now, const struct dw_rans *then)
{
	struct dw_rans all = *then;

	for (uint32_t i = 0; i < now->n; i++)
		if (!all.n || now->at[i].time_ns > all.at[all.n - 1].time_ns)
			dw_rans_note(&all, now->at[i].time_ns, now->at[i].run_ns);
	*now = all;
}

void dw_sight_continue(struct dw_sight *sight, const struct dw_sight *before)
{
	sight->is_stopped |= before->is_stopped;
	sight->is_replaced |= before->is_replaced;
	for (uint32_t i = 0; i < sight->n_threads; i++) {
		struct dw_sighted *now = &sight->threads[i];
		const struct dw_sighted *then = find(before, now->thread.tid, i);

		if (then)
			continue_rans(&now->rans, &then->rans);
		if (!then || !is_same_call(&then->thread, &now->thread) || now->has_moved)
			continue;
		now->thread.call = then->thread.call;
		now->same_ns = then->same_ns ? since(before->base_ns, sight->time_ns) : 0;
		now->still_ns = then->still_ns ? since(then->still_since_ns, sight->time_ns) : 0;
	}
}
