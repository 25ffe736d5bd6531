/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of a scene share: the facts while they are made.
 *
 * Internal to the scene.
 */
#pragma once

#include "inspect/scene.h"
#include "model/picture.h"

struct dw_arena;

/* A lock that a thread holds, as far as it is known. */
struct dw_holding {
	uint32_t thread; /* number */
	uint32_t thing;
	bool is_shared;
	struct dw_holding *next; /* dw_scene::holdings */
};

struct dw_scene {
	const struct dw_sight *sight;
	const struct dw_scene *before;
	uint64_t first_ns; /* CLOCK_MONOTONIC of the first look */
	struct dw_arena *arena;
	struct dw_names *names;
	struct dw_facts facts;

	/* The facts' arrays, which grow here. */
	struct dw_stack *stacks;
	struct dw_told_thread *threads;
	struct dw_thing *things;
	struct dw_chain *chains;
	struct dw_told_slot *slots;

	struct dw_scene_thread *seen; /* by thread number */
	uint8_t *grounds;             /* enum dw_grounds, by thing */
	uint8_t *places;              /* enum dw_owner_place, by thing: of DW_GROUNDS_OWNER */
	bool *was_given;              /* by thing: somebody else had it at a later look */
	struct dw_holding *holdings;  /* by thread, and then by thing */
	uint32_t n_holdings;
};

/* What is sampled has many stacks: so many in all. */
uint32_t dw_scene_count_samples(const struct dw_sight *sight);

/* What @thread waits for if it is at @stack, both numbers. */
struct dw_meaning dw_scene_meaning_of(const struct dw_scene *scene, uint32_t thread,
				      uint32_t stack);

/* What its samples tell of each thread's waiting. Return: 0, or -ENOMEM. */
int dw_scene_tell_samples(struct dw_scene *scene);

/* The thing at @address, added if it is new, of @kind then. Return: its number, or -ENOMEM. */
int64_t dw_scene_ensure_thing(struct dw_scene *scene, uint64_t address, uint8_t kind);

/* What a thread's meaning is asked with; @thread is a number. */
struct dw_asleep dw_scene_asleep(const struct dw_scene *scene, uint32_t thread);

/* The kernel's number of @thread, as the process knows it; and the thread of it, 0: none. */
uint32_t dw_scene_number_of(const struct dw_scene *scene, uint32_t thread);
uint32_t dw_scene_thread_of(const struct dw_scene *scene, uint32_t number);

/* Places of a process in its memory, and the other way. */
uint64_t dw_scene_address_of(const struct dw_scene *scene, dw_place place);
dw_place dw_scene_place_of(const struct dw_scene *scene, uint64_t address);

/* @thread holds @thing, maybe for reading, as is known by @grounds. Return: 0, or -ENOMEM. */
int dw_scene_hold(struct dw_scene *scene, uint32_t thread, uint32_t thing, bool is_shared,
		  enum dw_grounds grounds);

/* The thread that the lock at @address names, if it lives; 0: none. */
uint32_t dw_scene_owner_of(const struct dw_scene *scene, enum dw_owner_place place,
			   uint64_t address);

/* What was read to see who refers to which lock. Memory is the scene's. */
struct dw_references;
int dw_scene_references_new(struct dw_references **ret, struct dw_scene *scene);

/*
 * Whether @thread refers to the lock @thing as who holds it does: its address is on the stack, as
 * a guard has it, or as what is to be let go of in the end; or a function on its stack mentions the
 * lock both before the place where it is and behind. Who waits for it refers to it anyway:
 * of such a thread, only what it did when a signal's handler came counts.
 *
 * Return: 1 or 0, or -ENOMEM.
 */
int dw_scene_refers(struct dw_references *references, uint32_t thread, uint32_t thing);

/* It has run, not just when it was stopped by us at first. */
bool dw_scene_runs_on(const struct dw_scene *scene, const struct dw_scene_thread *seen);

/* Who holds what is waited for: as the locks say, or as can be inferred. Return: 0, or -ENOMEM. */
int dw_scene_find_owners(struct dw_scene *scene);

/* Chains and slots of what is held and waited for. Return: 0, or -ENOMEM. */
int dw_scene_tell(struct dw_scene *scene);
