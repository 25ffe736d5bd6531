/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/chain.h"

#include "analysis/leg.h"
#include "base/arena.h"
#include "model/event.h"
#include "render/render.h"
#include "render/words.h"
#include "symbol/names.h"

const char *dw_chain_needed(const struct dw_reported_process *process,
			    const struct dw_finding *finding, uint32_t leg)
{
	uint32_t needed = dw_leg_needed(process->facts, finding, leg);

	if (finding->legs[leg].needs)
		return dw_names_taken(process->names, finding->legs[leg].needs);
	return needed ? dw_names_thing(process->names, needed) : NULL;
}

/* What is given is called as the leg before calls what it needs: calls differ by their place. */
const char *dw_chain_given(const struct dw_reported_process *process,
			   const struct dw_finding *finding, uint32_t leg)
{
	uint32_t given = dw_leg_given(process->facts, finding, leg);
	uint32_t before = dw_leg_before(finding, leg);

	if (!finding->legs[leg].holds && before < finding->n_legs)
		return dw_chain_needed(process, finding, before);
	return given ? dw_names_thing(process->names, given) : NULL;
}

const char *dw_chain_waited(const struct dw_reported_process *process,
			    const struct dw_found_leg *found)
{
	if (found->needs)
		return dw_names_taken(process->names, found->needs);
	return found->thing ? dw_names_thing(process->names, found->thing) : NULL;
}

/*
 * What comes between what leg @leg holds or gives and what it needs: a signal; or the function that
 * gives, where that says more than the thing's name.
 */
static const char *between(const struct dw_reported_process *process,
			   const struct dw_finding *finding, uint32_t leg)
{
	const struct dw_leg *one = &finding->legs[leg];
	const struct dw_frame *frame;
	uint32_t thing;

	if (one->signal)
		return dw_words_signal(one->signal);
	if (one->holds || !one->post)
		return NULL;
	thing = process->facts->posts[one->post].thing;
	/* A call that a profile names is given by what completes it: that is what is not obvious.
	 */
	if (process->facts->things[thing].kind != DW_CALL &&
	    dw_names_thing_is_own(process->names, thing))
		return NULL;
	frame = dw_names_post(process->names, one->post);
	return frame ? dw_names_frame(process->names, frame) : NULL;
}

const char **dw_chain_words(const struct dw_reported_process *process,
			    const struct dw_finding *finding, struct dw_arena *arena, size_t *ret_n)
{
	const char **words =
	    dw_arena_alloc(arena, ((size_t)finding->n_legs * 2 + 1) * sizeof(*words));
	const char *last;
	size_t n = 0;

	if (!words)
		return NULL;
	for (uint32_t i = 0; i < finding->n_legs; i++) {
		const char *more[] = {dw_chain_given(process, finding, i),
				      between(process, finding, i)};

		for (unsigned j = 0; j < 2; j++)
			if (more[j])
				words[n++] = more[j];
	}
	last = dw_leg_is_cycle(finding) ? words[0]
					: dw_chain_needed(process, finding, finding->n_legs - 1);
	if (last)
		words[n++] = last;
	*ret_n = n;
	return words;
}
