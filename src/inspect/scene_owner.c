/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds what is waited for. Most locks say so themselves. Of those that do not, it is
 * inferred of those who refer to it (scene_refer.c).
 */
#include "base/arena.h"
#include "base/error.h"
#include "inspect/scene_parts.h"

#include <errno.h>
#include <string.h>

/* More owners are asked to be inferred of only so many locks, as each takes a look at all stacks.
 */
#define INFERRED_MAX 64

struct inferring {
	struct dw_scene *scene;
	struct dw_references *references;
	uint32_t n_done;
};

static bool is_any_lock(uint8_t kind)
{
	return dw_is_lock(kind) || kind == DW_LOCK_WORD;
}

static struct dw_asleep reader_of(const struct dw_scene *scene)
{
	return dw_scene_asleep(scene, /* thread= */ 1);
}

uint32_t dw_scene_owner_of(const struct dw_scene *scene, enum dw_owner_place place,
			   uint64_t address)
{
	const struct dw_sight *sight = scene->sight;
	struct dw_asleep reader = reader_of(scene);

	if (sight->owner)
		return dw_scene_thread_of(scene, sight->owner(sight, address));
	return dw_scene_thread_of(scene, dw_meaning_owner(&reader, place, address));
}

/* @thread has @thing, as that says itself. */
static int hold_by_owner(struct dw_scene *scene, uint32_t thread, uint32_t thing,
			 enum dw_owner_place place)
{
	scene->places[thing] = (uint8_t)place;
	return dw_scene_hold(scene, thread, thing, /* is_shared= */ false, DW_GROUNDS_OWNER);
}

static bool is_held(const struct dw_scene *scene, uint32_t thing)
{
	return scene->grounds[thing] != DW_GROUNDS_NONE;
}

/* What a condition's wait needs in the end; who waits cannot have it. */
static int find_mutex(struct dw_scene *scene, uint32_t thread)
{
	const struct dw_meaning *meaning = &scene->seen[thread].meaning;
	uint32_t owner;
	int64_t thing;

	if (!meaning->mutex)
		return 0;
	thing = dw_scene_ensure_thing(scene, meaning->mutex, DW_MUTEX);
	if (thing < 0)
		return dw_pass((int)thing);
	owner = dw_scene_owner_of(scene, (enum dw_owner_place)meaning->mutex_owner, meaning->mutex);
	if (!owner || owner == thread || is_held(scene, (uint32_t)thing))
		return 0;
	return hold_by_owner(scene, owner, (uint32_t)thing,
			     (enum dw_owner_place)meaning->mutex_owner);
}

/* Things without an address of their own are told apart by who waits for them. */
static uint64_t address_of(const struct dw_scene *scene, uint32_t thread)
{
	const struct dw_meaning *meaning = &scene->seen[thread].meaning;

	if (meaning->kind == DW_ENDING) {
		uint32_t other = dw_scene_thread_of(scene, meaning->tid);

		return other ? dw_thing_address(DW_ENDING, other) : 0;
	}
	if (meaning->address)
		return meaning->address;
	return dw_thing_address((enum dw_thing_kind)meaning->kind, thread);
}

/*
 * What just looks like a mutex is one if a thread that lives has it; what looks like the number of
 * a thread is one if that lives.
 */
static void judge_guess(struct dw_scene *scene, struct dw_meaning *meaning)
{
	if (meaning->kind == DW_FUTEX && dw_scene_thread_of(scene, meaning->tid))
		meaning->kind = DW_ENDING;
	if (!meaning->word ||
	    dw_scene_owner_of(scene, (enum dw_owner_place)meaning->owner, meaning->address))
		return;
	meaning->kind = meaning->otherwise;
	meaning->address = meaning->word;
	meaning->owner = meaning->kind == DW_LOCK_WORD ? DW_OWNER_GLIBC_FILE : DW_OWNER_NONE;
}

static bool reads_file(const struct dw_scene *scene, uint32_t thread)
{
	struct dw_asleep asleep = dw_scene_asleep(scene, thread);

	return dw_meaning_reads_file(&asleep, &scene->seen[thread].meaning);
}

/*
 * Who reads a FILE that another reads already waits for its lock, but for nothing else than that
 * one does: for what is read.
 */
static void judge_reader(struct dw_scene *scene, uint32_t thread)
{
	struct dw_meaning *meaning = &scene->seen[thread].meaning;
	const struct dw_meaning *holders;
	uint32_t holder;

	if (meaning->kind != DW_LOCK_WORD || meaning->owner != DW_OWNER_GLIBC_FILE)
		return;
	holder = dw_scene_owner_of(scene, DW_OWNER_GLIBC_FILE, meaning->address);
	holders = &scene->seen[holder].meaning;
	if (!holder || holders->kind != DW_CALL || !reads_file(scene, holder) ||
	    !reads_file(scene, thread))
		return;
	meaning->kind = DW_CALL;
	meaning->address = holders->address;
	meaning->how = holders->how;
	meaning->idles = holders->idles;
	meaning->owner = DW_OWNER_NONE;
}

static int find_thing(struct dw_scene *scene, uint32_t thread)
{
	struct dw_scene_thread *seen = &scene->seen[thread];
	uint64_t address;
	int64_t thing = 0;
	uint32_t owner;
	int r = 0;

	judge_guess(scene, &seen->meaning);
	judge_reader(scene, thread);
	address = seen->meaning.kind ? address_of(scene, thread) : 0;
	if (address)
		thing = dw_scene_ensure_thing(scene, address, seen->meaning.kind);
	if (thing < 0)
		return dw_pass((int)thing);
	seen->thing = (uint32_t)thing;
	if (!thing || !seen->meaning.address || !is_any_lock(seen->meaning.kind) ||
	    is_held(scene, seen->thing))
		return 0;
	owner = dw_scene_owner_of(scene, (enum dw_owner_place)seen->meaning.owner, address);
	if (owner)
		r = hold_by_owner(scene, owner, seen->thing,
				  (enum dw_owner_place)seen->meaning.owner);
	return r < 0 ? dw_pass(r) : 0;
}

/* How many readers have the lock that @waiter waits for. */
static uint32_t readers_of(const struct dw_scene *scene, uint32_t waiter)
{
	const struct dw_meaning *meaning = &scene->seen[waiter].meaning;
	struct dw_asleep reader = reader_of(scene);

	return dw_meaning_readers(&reader, (enum dw_owner_place)meaning->owner, meaning->address);
}

/* Return: how many threads could have it, and the first of them in @ret, or -ENOMEM. */
static int find_referring(struct inferring *i, uint32_t thing, uint32_t *ret, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t t = 1; t < i->scene->facts.n_threads; t++) {
		int r = dw_scene_refers(i->references, t, thing);

		if (r < 0)
			return dw_pass(r);
		if (r > 0 && n < max)
			ret[n] = t;
		n += (uint32_t)r;
	}
	return (int)n;
}

/* Such a lock has a thread's number whenever it is taken: nobody else's word counts. */
static bool says_owner(const struct dw_meaning *meaning)
{
	return meaning->owner == DW_OWNER_GLIBC_MUTEX || meaning->owner == DW_OWNER_PI_WORD;
}

/* The lock that @waiter waits for, and that does not say who has it. */
static int infer(struct inferring *i, uint32_t waiter)
{
	struct dw_scene *scene = i->scene;
	uint32_t thing = scene->seen[waiter].thing, n_readers = readers_of(scene, waiter);
	uint32_t max = n_readers ? n_readers : 1;
	uint32_t *threads;
	int n, r = 0;

	if (max >= scene->facts.n_threads)
		return 0;
	threads = dw_arena_alloc(scene->arena, max * sizeof(*threads));
	if (!threads)
		return dw_raise(-ENOMEM);
	n = find_referring(i, thing, threads, max);
	if (n < 0)
		return dw_pass(n);
	for (uint32_t j = 0; r == 0 && (uint32_t)n == max && j < max; j++)
		r = dw_scene_hold(scene, threads[j], thing, n_readers > 0, DW_GROUNDS_REFERENCE);
	return r < 0 ? dw_pass(r) : 0;
}

static int infer_all(struct dw_scene *scene)
{
	struct inferring i = {.scene = scene};
	uint32_t n = scene->facts.n_threads;
	int r = 0;

	r = dw_scene_references_new(&i.references, scene);
	for (uint32_t t = 1; r == 0 && t < n; t++) {
		const struct dw_scene_thread *seen = &scene->seen[t];

		if (!seen->meaning.address || !is_any_lock(seen->meaning.kind) ||
		    is_held(scene, seen->thing) || says_owner(&seen->meaning) ||
		    i.n_done++ >= INFERRED_MAX)
			continue;
		r = infer(&i, t);
	}
	return r < 0 ? dw_pass(r) : 0;
}

int dw_scene_find_owners(struct dw_scene *scene)
{
	int r = 0;

	for (uint32_t t = 1; r == 0 && t < scene->facts.n_threads; t++)
		r = find_thing(scene, t);
	for (uint32_t t = 1; r == 0 && t < scene->facts.n_threads; t++)
		r = find_mutex(scene, t);
	if (r == 0 && scene->sight->process)
		r = infer_all(scene);
	return r < 0 ? dw_pass(r) : 0;
}
