/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor knows beyond the legs: who else waits, and what the finding rests on. */
#include "analysis/leg.h"
#include "base/arena.h"
#include "model/event.h"
#include "render/chain.h"
#include "render/tell.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <string.h>

/* Ways in which a thing was given that are shown: enough to know where to look. */
#define GIVERS_MAX 4

/* The waiters, and which of them are told already. */
struct waiters {
	const struct dw_found_leg *all;
	uint32_t n;
	bool *told;
};

static const char *waited_name(struct dw_telling *telling, const struct dw_found_leg *waiter)
{
	const char *name = dw_chain_waited(telling->process, waiter);

	return name ? name : "a thing that is not known";
}

static bool waits_alike(struct dw_telling *telling, const struct dw_found_leg *a,
			const struct dw_found_leg *b)
{
	return strcmp(waited_name(telling, a), waited_name(telling, b)) == 0;
}

static const struct dw_named_stack *now(struct dw_telling *telling,
					const struct dw_found_leg *waiter)
{
	return dw_names_stack(telling->process->names, waiter->stack, /* hint= */ 0);
}

/* Those that wait for the same as waiter @first, at the same place: their names, then the place. */
static void tell_place(struct dw_telling *telling, struct waiters *waiters, uint32_t first)
{
	const struct dw_found_leg *one = &waiters->all[first];
	const struct dw_named_stack *stack = now(telling, one);
	const char *separator = "  ";

	for (uint32_t i = first; i < waiters->n; i++) {
		const struct dw_found_leg *other = &waiters->all[i];

		if (waiters->told[i] || !waits_alike(telling, one, other) ||
		    !dw_tell_stacks_equal(stack, now(telling, other)))
			continue;
		waiters->told[i] = true;
		dw_tell(telling, DW_STYLE_PLAIN, "%s%s", separator,
			dw_tell_thread(telling, other->thread));
		separator = ", ";
	}
	dw_tell(telling, DW_STYLE_PLAIN, stack->n_frames ? ", now at:\n" : "\n");
	if (stack->n_frames)
		dw_tell_frames(telling, stack);
}

/* "14 more threads wait for BQL:", and who they are. */
static void tell_waiters_of(struct dw_telling *telling, struct waiters *waiters, uint32_t first)
{
	const struct dw_found_leg *one = &waiters->all[first];
	uint32_t n = 0;

	for (uint32_t i = first; i < waiters->n; i++)
		n += waits_alike(telling, one, &waiters->all[i]);
	dw_tell(telling, DW_STYLE_PLAIN, "\n  %" PRIu32 " more %s for %s:\n", n,
		n == 1 ? "thread waits" : "threads wait",
		dw_tell_name(telling, waited_name(telling, one)));
	for (uint32_t i = first; i < waiters->n; i++)
		if (!waiters->told[i] && waits_alike(telling, one, &waiters->all[i]))
			tell_place(telling, waiters, i);
}

static void tell_waiters(struct dw_telling *telling, const struct dw_found *found)
{
	struct waiters waiters = {.all = found->legs + found->n_legs, .n = found->n_waiters};

	waiters.told = dw_arena_alloc(telling->arena, waiters.n + 1);
	if (!waiters.told) {
		telling->full = true;
		return;
	}
	for (uint32_t i = 0; i < waiters.n; i++)
		if (!waiters.told[i])
			tell_waiters_of(telling, &waiters, i);
}

static bool is_same_way(struct dw_telling *telling, uint32_t one, uint32_t other)
{
	const struct dw_post *posts = telling->process->facts->posts;
	const struct dw_frame *a = dw_names_post(telling->process->names, one);
	const struct dw_frame *b = dw_names_post(telling->process->names, other);

	return posts[one].thread == posts[other].thread &&
	       !strcmp(dw_tell_function(telling, a), dw_tell_function(telling, b));
}

static void tell_giver(struct dw_telling *telling, uint32_t post)
{
	const struct dw_post *given = &telling->process->facts->posts[post];
	const struct dw_frame *frame = dw_names_post(telling->process->names, post);

	dw_tell(telling, DW_STYLE_PLAIN, "  %s in %s  %s\n", dw_tell_thread(telling, given->thread),
		dw_tell_function(telling, frame), dw_tell_line(telling, frame));
}

/* Who used to give what is waited for at the end of a stall, and does not any more. */
static void tell_givers(struct dw_telling *telling, const struct dw_found *found)
{
	const struct dw_facts *facts = telling->process->facts;
	const struct dw_found_leg *last = &found->legs[found->n_legs - 1];
	uint32_t thing = last->needs ? facts->chains[last->needs].thing : last->thing;
	uint32_t told[GIVERS_MAX], n = 0;

	if (found->verdict != DW_FOUND_STALL || !thing)
		return;
	for (uint32_t i = 1; i < facts->n_posts && n < GIVERS_MAX; i++) {
		bool known =
		    facts->posts[i].thing != thing || !dw_names_post(telling->process->names, i);

		for (uint32_t j = 0; j < n && !known; j++)
			known = is_same_way(telling, told[j], i);
		if (known)
			continue;
		if (n == 0)
			dw_tell(telling, DW_STYLE_PLAIN, "\n  %s was given before by:\n",
				dw_tell_thing(telling, thing));
		told[n++] = i;
		tell_giver(telling, i);
	}
}

/* What is waited for at the end: the last thing that has a name. */
static const char *last_needed(struct dw_telling *telling, const struct dw_finding *finding)
{
	const char *needed = NULL;

	if (finding->n_legs)
		needed = dw_chain_needed(telling->process, finding, finding->n_legs - 1);
	return dw_tell_name(telling, needed ? needed : "what is waited for");
}

/* What a reader has to know before believing it, a line each. */
static void tell_flags(struct dw_telling *telling, const struct dw_finding *finding,
		       const struct dw_found *found)
{
	const char *last = last_needed(telling, finding);

	if (found->flags)
		dw_tell(telling, DW_STYLE_PLAIN, "\n");
	if (found->flags & DW_FOUND_INFERRED)
		dw_tell(
		    telling, DW_STYLE_PLAIN,
		    "  inferred: nobody else was seen giving what is waited for, which does not "
		    "mean that nobody can\n");
	if (found->flags & DW_FOUND_NO_POSTER)
		dw_tell(telling, DW_STYLE_PLAIN, "  nobody was ever seen giving %s\n", last);
	if (found->flags & DW_FOUND_POSTERS_GONE)
		dw_tell(telling, DW_STYLE_PLAIN,
			"  all threads that were seen giving %s have ended\n", last);
	if (found->flags & DW_FOUND_POLLING)
		dw_tell(telling, DW_STYLE_PLAIN,
			"  a thread does not sleep, but asks again and again without progress\n");
	if (found->flags & DW_FOUND_RUNNING)
		dw_tell(telling, DW_STYLE_PLAIN,
			"  the last thread does not wait for anything that is known, but runs\n");
	if (found->flags & DW_FOUND_UNSEEN)
		dw_tell(telling, DW_STYLE_PLAIN,
			"  who holds %s cannot be seen: it is taken without a call\n", last);
}

void dw_tell_found(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_found *found = dw_leg_found(telling->process->facts, finding);

	tell_waiters(telling, found);
	tell_givers(telling, found);
	tell_flags(telling, finding, found);
}
