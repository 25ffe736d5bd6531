/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * for each call c of the profile, and each F that completes it:
 *   waited := the things that were waited for inside c
 *   for each chain that was told inside F: its locks are held or taken while F runs
 *   for each post that was told inside F: its lock was taken on the way there
 *   each thing in `waited` needs each of these locks
 *   each thread that is inside F at this moment may give each thing in `waited`
 */
#include "profile/completion.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/pattern.h"
#include "model/event.h"

#include <errno.h>
#include <string.h>

struct completing {
	struct dw_facts *facts; /* grows */
	struct dw_arena *arena;
	const struct dw_profile_source *source;
	const struct dw_profile_call *call;
	uint32_t *waited; /* numbers of things */
	uint32_t n_waited;
	uint32_t n_chains, n_posts; /* those that were seen */
	uint32_t posts_room, stacks_room;
};

/* @array with room for one more behind @n: twice as long if it is full. */
static void *with_room(struct dw_arena *arena, const void *array, uint32_t n, size_t size,
		       uint32_t *room)
{
	uint32_t wanted = n < 32 ? 64 : n * 2;
	void *longer;

	if (n < *room)
		return (void *)array;
	longer = dw_arena_alloc(arena, wanted * size);
	if (longer && array)
		memcpy(longer, array, n * size);
	if (longer)
		*room = wanted;
	return longer;
}

/* Index of the outermost function of @stack that matches; UINT32_MAX: none. */
static uint32_t find_frame(const struct completing *c, uint32_t stack,
			   const struct dw_profile_list *functions, const char *library)
{
	const struct dw_profile_frame *frames;
	uint32_t found = UINT32_MAX;
	uint32_t n = stack ? c->source->frames(c->source->context, stack, &frames) : 0;

	for (uint32_t i = 0; i < n; i++)
		if (dw_profile_has_match(functions, frames[i].function) &&
		    (!library || dw_pattern_is_match(library, frames[i].module)))
			found = frames[i].frame;
	return found;
}

/*
 * A call that a profile names has its name, and system calls have none; else the stack says where
 * the wait was. One thing stands for all calls of a kind: that one of them was made in there says
 * nothing of the others.
 */
static bool is_in_call(const struct completing *c, const struct dw_chain *chain)
{
	const struct dw_thing *thing = &c->facts->things[chain->thing];
	const struct dw_profile_list name = {&c->call->name, 1};

	if (!(chain->how & DW_WAITS))
		return false;
	if (thing->kind == DW_CALL)
		return dw_pattern_is_match(c->call->name, thing->name);
	return find_frame(c, chain->stack, &name, c->call->library) != UINT32_MAX;
}

static bool is_waited(const struct completing *c, uint32_t thing)
{
	for (uint32_t i = 0; i < c->n_waited; i++)
		if (c->waited[i] == thing)
			return true;
	return false;
}

static int find_waited(struct completing *c)
{
	c->waited = dw_arena_alloc(c->arena, (c->facts->n_things + 1) * sizeof(*c->waited));
	if (!c->waited)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < c->n_chains; i++) {
		const struct dw_chain *chain = &c->facts->chains[i];

		if (!is_waited(c, chain->thing) && is_in_call(c, chain))
			c->waited[c->n_waited++] = chain->thing;
	}
	return 0;
}

/* A stack that begins with frame @from of @stack: what was done, F did. 0: no memory. */
static uint32_t stack_from(struct completing *c, uint32_t stack, uint32_t from)
{
	struct dw_stack *stacks = with_room(c->arena, c->facts->stacks, c->facts->n_stacks,
					    sizeof(*stacks), &c->stacks_room);

	if (!stacks)
		return 0;
	stacks[c->facts->n_stacks] = (struct dw_stack){
	    .frames = stacks[stack].frames + from,
	    .n_frames = stacks[stack].n_frames - from,
	    .flags = stacks[stack].flags,
	};
	c->facts->stacks = stacks;
	return c->facts->n_stacks++;
}

static bool is_posted(const struct completing *c, uint32_t thing, uint32_t thread, uint32_t chain)
{
	for (uint32_t i = 1; i < c->facts->n_posts; i++) {
		const struct dw_post *post = &c->facts->posts[i];

		if (post->thing == thing && post->thread == thread && post->chain == chain)
			return true;
	}
	return false;
}

static int add_post(struct completing *c, const struct dw_post *post)
{
	struct dw_post *posts;

	if (is_posted(c, post->thing, post->thread, post->chain))
		return 0;
	if (c->facts->n_posts == 0) /* 0 is none */
		c->facts->n_posts = 1;
	posts =
	    with_room(c->arena, c->facts->posts, c->facts->n_posts, sizeof(*posts), &c->posts_room);
	if (!posts)
		return dw_raise(-ENOMEM);
	posts[c->facts->n_posts++] = *post;
	c->facts->posts = posts;
	return 0;
}

/* F ran in @thread, and @chain's lock was taken for it; 0: as far as is known, none was. */
static int complete_by(struct completing *c, uint32_t thread, uint32_t chain, uint32_t stack)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < c->n_waited; i++)
		r = add_post(c, &(struct dw_post){.thing = c->waited[i],
						  .thread = thread,
						  .chain = chain,
						  .stack = stack,
						  .is_completion = true});
	return r < 0 ? dw_pass(r) : 0;
}

static int complete_by_chain(struct completing *c, uint32_t number)
{
	const struct dw_chain *chain = &c->facts->chains[number];
	uint32_t frame = find_frame(c, chain->stack, &c->call->completed_by, NULL), stack;
	int r = 0;

	if (frame == UINT32_MAX || chain->how & DW_REMAINS)
		return 0;
	stack = stack_from(c, chain->stack, frame);
	if (!stack)
		return dw_raise(-ENOMEM);
	/* A lock that is waited for will be held. */
	if (chain->how & DW_WAITS && !dw_is_lock(c->facts->things[chain->thing].kind))
		number = chain->below;
	for (; r == 0 && number; number = c->facts->chains[number].below)
		r = complete_by(c, chain->thread, number, stack);
	return r < 0 ? dw_pass(r) : 0;
}

static int complete_by_post(struct completing *c, uint32_t number)
{
	const struct dw_post post = c->facts->posts[number];
	uint32_t frame = find_frame(c, post.stack, &c->call->completed_by, NULL), stack;
	int r;

	if (frame == UINT32_MAX)
		return 0;
	stack = stack_from(c, post.stack, frame);
	r = stack ? complete_by(c, post.thread, post.chain, stack) : -ENOMEM;
	return r < 0 ? dw_pass(r) : 0;
}

/* F runs in @thread now, whether it needs a lock for that or not. */
static int complete_by_thread(struct completing *c, uint32_t thread)
{
	uint32_t now = c->facts->threads[thread].now, stack;
	uint32_t frame = find_frame(c, now, &c->call->completed_by, NULL);
	int r;

	if (frame == UINT32_MAX)
		return 0;
	stack = stack_from(c, now, frame);
	r = stack ? complete_by(c, thread, /* chain= */ 0, stack) : -ENOMEM;
	return r < 0 ? dw_pass(r) : 0;
}

static int complete_call(struct completing *c)
{
	int r = find_waited(c);

	if (r < 0)
		return dw_pass(r);
	if (c->n_waited == 0)
		return 0;
	for (uint32_t i = 1; r == 0 && i < c->n_chains; i++)
		r = complete_by_chain(c, i);
	for (uint32_t i = 1; r == 0 && i < c->n_posts; i++)
		r = complete_by_post(c, i);
	for (uint32_t t = 1; r == 0 && t < c->facts->n_threads; t++)
		r = complete_by_thread(c, t);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_profile_complete(struct dw_facts *facts, struct dw_arena *arena,
			const struct dw_profile *profile, const struct dw_profile_source *source)
{
	struct completing c = {.facts = facts,
			       .arena = arena,
			       .source = source,
			       .n_chains = facts->n_chains,
			       .n_posts = facts->n_posts};
	int r = 0;

	for (size_t i = 0; r == 0 && i < profile->n_calls; i++) {
		c.call = &profile->calls[i];
		c.n_waited = 0;
		if (c.call->completed_by.n)
			r = complete_call(&c);
	}
	return r < 0 ? dw_pass(r) : 0;
}
