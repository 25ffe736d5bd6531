/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/scene.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/arch.h"
#include "inspect/scene_parts.h"
#include "symbol/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All of a process with the kernel's greatest number of threads: some KB each. */
#define MEMORY_MAX ((size_t)1 << 30)

/* In number, without the entry that is none. */
static void *array(struct dw_scene *scene, uint32_t n, size_t size)
{
	return dw_arena_alloc(scene->arena, ((size_t)n + 1) * size);
}

static bool is_main(const struct dw_scene *scene, const struct dw_sighted *sighted)
{
	return sighted->thread.tid && sighted->thread.tid == scene->sight->pid;
}

/* A main thread that is called after its program has no name of its own. */
static bool is_called_after(const char *name, const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;
	const char *base = slash ? slash + 1 : program;

	return base && strncmp(name, base, DW_TASK_NAME_SIZE - 1) == 0;
}

static const char *name_of(const struct dw_scene *scene, const struct dw_sighted *sighted)
{
	const char *name = sighted->name ? sighted->name : sighted->thread.name;

	if (!name[0] || (is_main(scene, sighted) && is_called_after(name, scene->sight->program)))
		return NULL;
	return name;
}

static void put_threads(struct dw_scene *scene)
{
	for (uint32_t i = 0; i < scene->sight->n_threads; i++) {
		const struct dw_sighted *sighted = &scene->sight->threads[i];

		scene->threads[i + 1] = (struct dw_told_thread){
		    .name = name_of(scene, sighted),
		    .tid = (uint32_t)sighted->thread.tid,
		    .flags = is_main(scene, sighted) ? DW_THREAD_MAIN : 0,
		    .slot = i + 1,
		    .now = sighted->n_frames ? i + 1 : 0,
		};
		scene->stacks[i + 1] = (struct dw_stack){
		    .frames = sighted->frames,
		    .n_frames = sighted->n_frames,
		    .flags = sighted->stack_flags,
		};
		scene->seen[i + 1].sighted = sighted;
		scene->seen[i + 1].stack = sighted->n_frames ? i + 1 : 0;
	}
}

uint32_t dw_scene_count_samples(const struct dw_sight *sight)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < sight->n_threads; i++)
		n += sight->threads[i].n_samples;
	return n;
}

/* Behind the stacks of all threads. */
static void put_samples(struct dw_scene *scene)
{
	uint32_t n = scene->sight->n_threads + 1;

	for (uint32_t i = 0; i < scene->sight->n_threads; i++) {
		const struct dw_sighted *sighted = &scene->sight->threads[i];

		scene->seen[i + 1].samples = n;
		for (uint32_t j = 0; j < sighted->n_samples; j++)
			scene->stacks[n++] = (struct dw_stack){
			    .frames = sighted->samples[j].frames,
			    .n_frames = sighted->samples[j].n_frames,
			};
	}
}

static int begin(struct dw_scene *scene)
{
	const struct dw_sight *sight = scene->sight;
	uint32_t n = sight->n_threads + 1, n_stacks = n + dw_scene_count_samples(sight);

	scene->threads = array(scene, n, sizeof(*scene->threads));
	scene->stacks = array(scene, n_stacks, sizeof(*scene->stacks));
	scene->seen = array(scene, n, sizeof(*scene->seen));
	scene->slots = array(scene, n, sizeof(*scene->slots));
	if (!scene->threads || !scene->stacks || !scene->seen || !scene->slots)
		return dw_raise(-ENOMEM);
	put_threads(scene);
	put_samples(scene);
	scene->facts = (struct dw_facts){
	    .modules = sight->modules,
	    .n_modules = sight->n_modules,
	    .frames = sight->frames,
	    .n_frames = sight->n_frames,
	    .threads = scene->threads,
	    .n_threads = n,
	    .stacks = scene->stacks,
	    .n_stacks = n_stacks,
	    .slots = scene->slots,
	    .program = sight->program,
	    .pid = (uint32_t)sight->pid,
	};
	return 0;
}

static bool read_memory(void *context, uint64_t address, void *ret, size_t n)
{
	const struct dw_scene *scene = context;

	return dw_process_read(scene->sight->process, address, ret, n) == 0;
}

/* What is asked about the frames of a stack, of which a text has told each by itself. */
struct question {
	const struct dw_sight *sight;
	const struct dw_stack *stack;
};

static bool ask_argument(void *context, uint32_t frame, const char *name, uint64_t *ret)
{
	const struct question *question = context;

	return frame < question->stack->n_frames &&
	       question->sight->argument(question->sight, question->stack->frames[frame], name,
					 ret);
}

static struct dw_asleep asleep_at(const struct dw_scene *scene, uint32_t thread, uint32_t number)
{
	const struct dw_named_stack *stack = dw_names_stack(scene->names, number, 0);
	const struct dw_process_thread *task = &scene->seen[thread].sighted->thread;

	return (struct dw_asleep){
	    .frames = stack->frames,
	    .n_frames = stack->n_frames,
	    .call = task->call,
	    .arguments = scene->sight->process ? task->arguments : NULL,
	    .sp = task->sp,
	    .read = scene->sight->process ? read_memory : NULL,
	    .context = (void *)scene,
	};
}

struct dw_asleep dw_scene_asleep(const struct dw_scene *scene, uint32_t thread)
{
	return asleep_at(scene, thread, scene->seen[thread].stack);
}

/*
 * What the first function outside the C library has called. That may be all that there is to tell
 * a wait by: a public function may go on in a hidden one, by a jump, and leave no frame.
 */
static const char *called_at(const struct dw_scene *scene, uint32_t number)
{
	const struct dw_named_stack *named = dw_names_stack(scene->names, number, 0);
	const struct dw_stack *stack = &scene->stacks[number];
	uint64_t called;
	uint32_t n = 0;

	for (uint32_t i = 0; i < named->site && i < named->n_frames; i++)
		n += !(named->frames[i].flags & DW_FRAME_INLINED);
	if (n == 0 || n >= stack->n_frames)
		return NULL;
	called = dw_arch_called(dw_scene_address_of(scene, stack->frames[n]), read_memory,
				(void *)scene);
	return called ? dw_names_function(scene->names, dw_scene_place_of(scene, called)) : NULL;
}

struct dw_meaning dw_scene_meaning_of(const struct dw_scene *scene, uint32_t thread, uint32_t stack)
{
	struct dw_asleep asleep = asleep_at(scene, thread, stack);
	struct question question = {scene->sight, &scene->stacks[stack]};

	if (!scene->sight->process && scene->sight->argument) {
		asleep.argument = ask_argument;
		asleep.context = &question;
	} else if (scene->sight->process) {
		asleep.called = called_at(scene, stack);
	}
	return dw_meaning_tell(&asleep);
}

/* The outermost function that is nobody's entry is what the thread was started with. */
static dw_place start_of(const struct dw_scene *scene, uint32_t thread)
{
	const struct dw_stack *stack = &scene->stacks[thread];
	const struct dw_named_stack *named = dw_names_stack(scene->names, thread, 0);
	uint32_t n_entries = 0;

	for (uint32_t i = named->n_frames; i-- > 0 && named->frames[i].flags & DW_FRAME_RUNTIME;)
		n_entries += !(named->frames[i].flags & DW_FRAME_INLINED);
	if (n_entries == 0 || n_entries >= stack->n_frames)
		return 0;
	return stack->frames[stack->n_frames - 1 - n_entries];
}

static void tell_meanings(struct dw_scene *scene)
{
	for (uint32_t t = 1; t < scene->facts.n_threads; t++) {
		scene->seen[t].meaning = dw_scene_meaning_of(scene, t, scene->seen[t].stack);
		if (!(scene->threads[t].flags & DW_THREAD_MAIN))
			scene->threads[t].start = start_of(scene, t);
		if (scene->seen[t].meaning.address == dw_thing_address(DW_CALL, DW_CALL_KVM_RUN))
			scene->threads[t].flags |= DW_THREAD_VCPU;
	}
}

uint32_t dw_scene_number_of(const struct dw_scene *scene, uint32_t thread)
{
	const struct dw_process_thread *task = &scene->seen[thread].sighted->thread;

	return (uint32_t)(task->inside ? task->inside : task->tid);
}

uint32_t dw_scene_thread_of(const struct dw_scene *scene, uint32_t number)
{
	for (uint32_t t = 1; number && t < scene->facts.n_threads; t++)
		if (dw_scene_number_of(scene, t) == number)
			return t;
	return 0;
}

/* What was seen of the same threads before. */
static void put_signalled(struct dw_scene *scene)
{
	for (uint32_t t = 1; scene->before && t < scene->facts.n_threads; t++)
		scene->seen[t].is_signalled =
		    scene->before
			->seen[dw_scene_thread_of(scene->before, dw_scene_number_of(scene, t))]
			.is_signalled;
}

static int fill(struct dw_scene *scene, const struct dw_scene_prepare *prepare)
{
	int r = begin(scene);

	if (r == 0)
		r = dw_names_new_by(&scene->names, &scene->facts, prepare->symbols);
	if (r == 0 && prepare->names)
		r = prepare->names(prepare->context, &scene->facts, scene->names);
	if (r < 0)
		return dw_pass(r);
	tell_meanings(scene);
	put_signalled(scene);
	r = dw_scene_find_owners(scene);
	if (r == 0)
		r = dw_scene_tell(scene);
	if (r == 0)
		r = dw_names_grow(scene->names, &scene->facts);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_scene_new(struct dw_scene **ret, const struct dw_sight *sight, const struct dw_scene *before,
		 const struct dw_scene_prepare *prepare)
{
	dw_auto(scene) scene = calloc(1, sizeof(*scene));
	int r;

	if (!scene)
		return dw_raise(-ENOMEM);
	scene->sight = sight;
	scene->before = before;
	scene->first_ns = before ? before->sight->base_ns : sight->base_ns;
	r = dw_arena_new(&scene->arena, MEMORY_MAX);
	if (r == 0)
		r = fill(scene, prepare);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(scene);
	return 0;
}

struct dw_scene *dw_scene_free(struct dw_scene *scene)
{
	if (scene) {
		dw_names_free(scene->names);
		dw_arena_free(scene->arena);
		free(scene);
	}
	return NULL;
}

const struct dw_facts *dw_scene_facts(const struct dw_scene *scene)
{
	return &scene->facts;
}

const struct dw_sight *dw_scene_sight(const struct dw_scene *scene)
{
	return scene->sight;
}

struct dw_names *dw_scene_names(struct dw_scene *scene)
{
	return scene->names;
}

const struct dw_scene_thread *dw_scene_threads(const struct dw_scene *scene)
{
	return scene->seen;
}

void dw_scene_look_again(struct dw_scene *scene)
{
	for (const struct dw_holding *h = scene->holdings; h; h = h->next)
		if (scene->grounds[h->thing] == DW_GROUNDS_OWNER && scene->sight->process &&
		    dw_scene_owner_of(scene, (enum dw_owner_place)scene->places[h->thing],
				      scene->things[h->thing].address) != h->thread)
			scene->was_given[h->thing] = true;
}

bool dw_scene_runs_on(const struct dw_scene *scene, const struct dw_scene_thread *seen)
{
	return 4 * seen->sighted->still_ns < 3 * dw_scene_span_ns(scene);
}

static bool is_to_be_watched(const struct dw_scene *scene, const struct dw_scene_thread *seen)
{
	uint16_t kind = scene->facts.things[seen->thing].kind;

	return seen->thing && (dw_is_lock(kind) || kind == DW_LOCK_WORD) &&
	       seen->sighted->same_ns && dw_scene_runs_on(scene, seen);
}

int dw_scene_watch_signals(struct dw_scene *scene)
{
	const struct dw_process *process = scene->sight->process;
	uint32_t n_threads = scene->facts.n_threads, n = 0;
	pid_t *tids = array(scene, n_threads, sizeof(*tids));
	uint32_t *watched = array(scene, n_threads, sizeof(*watched));
	bool *is_signalled = array(scene, n_threads, sizeof(*is_signalled));

	if (!tids || !watched || !is_signalled)
		return dw_raise(-ENOMEM);
	for (uint32_t t = 1; process && process->kind->signalled && t < n_threads; t++)
		if (is_to_be_watched(scene, &scene->seen[t])) {
			tids[n] = scene->seen[t].sighted->thread.tid;
			watched[n++] = t;
		}
	if (n > 0)
		process->kind->signalled(tids, n, is_signalled);
	for (uint32_t i = 0; i < n; i++)
		scene->seen[watched[i]].is_signalled = is_signalled[i];
	return 0;
}

bool dw_scene_was_given(const struct dw_scene *scene, uint32_t thing)
{
	return thing && thing < scene->facts.n_things && scene->was_given[thing];
}

uint64_t dw_scene_span_ns(const struct dw_scene *scene)
{
	return scene->sight->time_ns - scene->first_ns;
}

enum dw_grounds dw_scene_grounds(const struct dw_scene *scene, uint32_t thing)
{
	return thing < scene->facts.n_things ? scene->grounds[thing] : DW_GROUNDS_NONE;
}
