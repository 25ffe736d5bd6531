/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor knows beyond the legs: who else waits, and what the finding rests on. */
#include "analysis/leg.h"
#include "base/arena.h"
#include "render/say.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <string.h>

/* The waiters, and which of them are told already. */
struct waiters {
	const struct dw_found_leg *all;
	uint32_t n;
	bool *told;
};

static bool waits_alike(struct dw_telling *telling, const struct dw_found_leg *a,
			const struct dw_found_leg *b)
{
	return strcmp(dw_say_waited(telling, a), dw_say_waited(telling, b)) == 0;
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
		dw_tell_name(telling, dw_say_waited(telling, one)));
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

static void tell_givers(struct dw_telling *telling, const struct dw_finding *finding)
{
	struct dw_giver givers[DW_GIVERS_MAX];
	uint32_t thing, n = dw_say_givers(telling, finding, &thing, givers);

	if (n)
		dw_tell(telling, DW_STYLE_PLAIN, "\n  %s was given before by:\n",
			dw_tell_thing(telling, thing));
	for (uint32_t i = 0; i < n; i++)
		dw_tell(telling, DW_STYLE_PLAIN, "  %s in %s  %s\n",
			dw_tell_thread(telling, givers[i].thread),
			dw_tell_function(telling, givers[i].frame),
			dw_tell_line(telling, givers[i].frame));
}

static void tell_flags(struct dw_telling *telling, const struct dw_finding *finding)
{
	const char *flags[DW_SAY_FLAGS_MAX];
	uint32_t n = dw_say_flags(telling, finding, flags);

	for (uint32_t i = 0; i < n; i++)
		dw_tell(telling, DW_STYLE_PLAIN, "%s  %s\n", i ? "" : "\n", flags[i]);
}

void dw_tell_found(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_found *found = dw_leg_found(telling->process->facts, finding);

	tell_waiters(telling, found);
	tell_givers(telling, finding);
	tell_flags(telling, finding);
}
