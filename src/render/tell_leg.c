/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks of a finding's legs: where each thread took or gave what the leg before needs,
 * where it needs or waits for the next, and where it is now.
 *
 * A thread mostly held the first lock on its way to the second, so their outer frames
 * are the same; those are told once, with the first.
 */
#include "analysis/leg.h"
#include "model/event.h"
#include "render/chain.h"
#include "render/tell.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>

/* ", in an MMIO exit at 0xe0000000,": what the thread's activity had begun with; "" if not so. */
static const char *origin_text(struct dw_telling *telling, const struct dw_leg *leg)
{
	const struct dw_chain *chains = telling->process->facts->chains;
	const struct dw_origin *origin = &chains[leg->needs ? leg->needs : leg->holds].origin;
	struct dw_words_exit words;

	if (!origin->exit)
		return "";
	words = dw_words_exit(origin->exit - 1);
	if (!words.word)
		return dw_tell_text(telling, ", in a guest's exit %" PRIu32 ",", origin->exit - 1);
	if (!origin->address)
		return dw_tell_text(telling, ", in %s %s exit,", words.article, words.word);
	return dw_tell_text(telling, ", in %s %s exit at 0x%" PRIx64 ",", words.article, words.word,
			    origin->address);
}

/* "gives CFRelease", "ends", "answers"; @is_done: it was seen doing so. */
static const char *gives_text(struct dw_telling *telling, const struct dw_finding *finding,
			      uint32_t number, bool is_done)
{
	const struct dw_facts *facts = telling->process->facts;
	const char *given = dw_chain_given(telling->process, finding, number);

	switch (facts->things[dw_leg_given(facts, finding, number)].kind) {
	case DW_ENDING:
		return is_done ? "ends" : "has not ended";
	case DW_ANSWER:
		return is_done ? "answers" : "has not answered";
	default:
		return dw_tell_text(telling, "%s %s", is_done ? "gives" : "has not given",
				    dw_tell_name(telling, given));
	}
}

/* Return: the stack that was told; that of nothing if none was. */
static const struct dw_named_stack *tell_given(struct dw_telling *telling,
					       const struct dw_finding *finding, uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];
	const struct dw_chain *holds = &telling->process->facts->chains[leg->holds];
	const struct dw_post *post = &telling->process->facts->posts[leg->post];
	struct dw_names *names = telling->process->names;
	const struct dw_named_stack *stack;

	dw_tell(telling, DW_STYLE_PLAIN, "\n  %s%s", dw_tell_thread(telling, leg->thread),
		origin_text(telling, leg));
	if (leg->holds) {
		stack = dw_names_stack(names, holds->stack, holds->hint);
		dw_tell(telling, DW_STYLE_PLAIN, " holds %s%s, %s:\n",
			dw_tell_thing(telling, holds->thing), dw_words_how(holds->how),
			dw_words_taken(holds->how));
		dw_tell_frames(telling, stack);
	} else if (leg->post) {
		stack = dw_names_stack(names, post->stack, post->hint);
		dw_tell(telling, DW_STYLE_PLAIN, " %s at:\n",
			gives_text(telling, finding, number, /* is_done= */ true));
		dw_tell_frames(telling, stack);
	} else {
		stack = dw_names_stack(names, /* stack= */ 0, /* hint= */ 0);
		if (dw_leg_given(telling->process->facts, finding, number))
			dw_tell(telling, DW_STYLE_PLAIN, " %s",
				gives_text(telling, finding, number, /* is_done= */ false));
		dw_tell(telling, DW_STYLE_PLAIN, "\n");
	}
	return stack;
}

/* What is taken: a lock, as it was seen. */
static void tell_needed(struct dw_telling *telling, const struct dw_leg *leg,
			const struct dw_named_stack *outer)
{
	const struct dw_chain *needs = &telling->process->facts->chains[leg->needs];

	dw_tell(telling, DW_STYLE_PLAIN, "  %s %s%s, %s:\n",
		leg->holds ? "and needs" : "only after taking",
		dw_tell_thing(telling, needs->thing), dw_words_how(needs->how),
		dw_words_taken(needs->how));
	dw_tell_frames_below(
	    telling, dw_names_stack(telling->process->names, needs->stack, needs->hint), outer);
}

/* What is waited for: at the place where it first was, or where the thread is now. */
static void tell_waiting(struct dw_telling *telling, const struct dw_finding *finding,
			 uint32_t number, const struct dw_named_stack *outer)
{
	const struct dw_leg *leg = &finding->legs[number];
	const struct dw_chain *needs = &telling->process->facts->chains[leg->needs];
	const char *needed = dw_chain_needed(telling->process, finding, number);
	uint32_t stack = leg->stack ? leg->stack : needs->stack;
	uint32_t hint = leg->stack ? 0 : needs->hint;

	if (needed)
		dw_tell(telling, DW_STYLE_PLAIN, "  and waits for %s%s%s:\n",
			dw_tell_name(telling, needed), dw_words_how(needs->how),
			leg->stack ? ", now at" : " at");
	else
		dw_tell(telling, DW_STYLE_PLAIN, "  and is now at:\n");
	dw_tell_frames_below(telling, dw_names_stack(telling->process->names, stack, hint), outer);
}

/* Where the thread of leg @number is, unless that was told with what it or a leg before waits for.
 */
static void tell_now(struct dw_telling *telling, const struct dw_finding *finding, uint32_t number,
		     const struct dw_named_stack *outer)
{
	const struct dw_leg *leg = &finding->legs[number];

	if (!leg->stack)
		return;
	for (uint32_t i = 0; i < finding->n_legs; i++)
		if (finding->legs[i].thread == leg->thread && i != number &&
		    (i < number || dw_leg_waits(telling->process->facts, finding, i)))
			return;
	dw_tell(telling, DW_STYLE_PLAIN, "  and is now at:\n");
	dw_tell_frames_below(
	    telling, dw_names_stack(telling->process->names, leg->stack, /* hint= */ 0), outer);
}

void dw_tell_legs(struct dw_telling *telling, const struct dw_finding *finding)
{
	for (uint32_t i = 0; i < finding->n_legs; i++) {
		const struct dw_named_stack *outer = tell_given(telling, finding, i);

		if (dw_leg_waits(telling->process->facts, finding, i)) {
			tell_waiting(telling, finding, i, outer);
		} else {
			tell_needed(telling, &finding->legs[i], outer);
			tell_now(telling, finding, i, outer);
		}
	}
}
