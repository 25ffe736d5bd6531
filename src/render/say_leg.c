/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks of a finding's legs: where each thread took or gave what the leg before needs,
 * where it needs or waits for the next, and where it is now.
 */
#include "analysis/leg.h"
#include "model/event.h"
#include "render/chain.h"
#include "render/say.h"
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

static const struct dw_named_stack *stack_of(struct dw_telling *telling, uint32_t stack,
					     uint32_t hint)
{
	return dw_names_stack(telling->process->names, stack, hint);
}

static struct dw_saying given(struct dw_telling *telling, const struct dw_finding *finding,
			      uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];
	const struct dw_chain *holds = &telling->process->facts->chains[leg->holds];
	const struct dw_post *post = &telling->process->facts->posts[leg->post];
	const char *who = dw_tell_text(telling, "%s%s", dw_tell_thread(telling, leg->thread),
				       origin_text(telling, leg));

	if (leg->holds && !holds->stack && telling->process->inspected)
		return (struct dw_saying){
		    dw_tell_text(telling, "%s holds %s%s; where it was taken is not known", who,
				 dw_tell_thing(telling, holds->thing), dw_words_how(holds->how)),
		    NULL};
	if (leg->holds)
		return (struct dw_saying){dw_tell_text(telling, "%s holds %s%s, %s", who,
						       dw_tell_thing(telling, holds->thing),
						       dw_words_how(holds->how),
						       dw_words_taken(holds->how)),
					  stack_of(telling, holds->stack, holds->hint)};
	if (leg->post)
		return (struct dw_saying){
		    dw_tell_text(telling, "%s %s at", who,
				 gives_text(telling, finding, number, /* is_done= */ true)),
		    stack_of(telling, post->stack, post->hint)};
	if (!dw_leg_given(telling->process->facts, finding, number))
		return (struct dw_saying){who, NULL};
	return (struct dw_saying){
	    dw_tell_text(telling, "%s %s", who,
			 gives_text(telling, finding, number, /* is_done= */ false)),
	    NULL};
}

/* " in the handler of SIGPIPE" */
static const char *handler_text(struct dw_telling *telling, const struct dw_leg *leg)
{
	if (!leg->signal)
		return "";
	return dw_tell_text(telling, " in the handler of %s", dw_words_signal(leg->signal));
}

/* What is taken: a lock, as it was seen. */
static struct dw_saying needed(struct dw_telling *telling, const struct dw_leg *leg)
{
	const struct dw_chain *needs = &telling->process->facts->chains[leg->needs];

	return (struct dw_saying){
	    dw_tell_text(telling, "%s %s%s%s, %s", leg->holds ? "and needs" : "only after taking",
			 dw_tell_thing(telling, needs->thing), dw_words_how(needs->how),
			 handler_text(telling, leg), dw_words_taken(needs->how)),
	    stack_of(telling, needs->stack, needs->hint)};
}

/* What is waited for: at the place where it first was, or where the thread is now. */
static struct dw_saying waiting(struct dw_telling *telling, const struct dw_finding *finding,
				uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];
	const struct dw_chain *needs = &telling->process->facts->chains[leg->needs];
	const char *name = dw_chain_needed(telling->process, finding, number);
	struct dw_saying saying = {"and is now at", NULL};

	if (name)
		saying.text =
		    dw_tell_text(telling, "and waits for %s%s%s", dw_tell_name(telling, name),
				 dw_words_how(needs->how), leg->stack ? ", now at" : " at");
	saying.stack = leg->stack ? stack_of(telling, leg->stack, /* hint= */ 0)
				  : stack_of(telling, needs->stack, needs->hint);
	return saying;
}

/* Whether it is still to be said where the thread of leg @number is: neither that leg nor one
 * before has said so by what it waits for. */
static bool is_elsewhere(struct dw_telling *telling, const struct dw_finding *finding,
			 uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];

	if (!leg->stack)
		return false;
	for (uint32_t i = 0; i < finding->n_legs; i++)
		if (finding->legs[i].thread == leg->thread && i != number &&
		    (i < number || dw_leg_waits(telling->process->facts, finding, i)))
			return false;
	return true;
}

uint32_t dw_say_leg(struct dw_telling *telling, const struct dw_finding *finding, uint32_t number,
		    struct dw_saying ret[DW_SAYINGS_MAX])
{
	const struct dw_leg *leg = &finding->legs[number];
	uint32_t n = 0;

	ret[n++] = given(telling, finding, number);
	if (dw_leg_waits(telling->process->facts, finding, number)) {
		ret[n++] = waiting(telling, finding, number);
		return n;
	}
	ret[n++] = needed(telling, leg);
	if (is_elsewhere(telling, finding, number))
		ret[n++] = (struct dw_saying){"and is now at",
					      stack_of(telling, leg->stack, /* hint= */ 0)};
	return n;
}

uint32_t dw_say_misuse(struct dw_telling *telling, const struct dw_misuse *misuse,
		       struct dw_saying ret[DW_SAYINGS_MAX])
{
	const struct dw_chain *chain = &telling->process->facts->chains[misuse->chain];
	uint32_t n = 0;

	ret[n++] = (struct dw_saying){
	    dw_tell_text(telling, "%s %s %s at", dw_tell_thread(telling, misuse->thread),
			 dw_words_deed(misuse->kind).verb, dw_tell_thing(telling, misuse->thing)),
	    stack_of(telling, misuse->stack, misuse->hint)};
	if (misuse->chain)
		ret[n++] = (struct dw_saying){dw_tell_text(telling, "%s holds it, %s",
							   dw_tell_thread(telling, chain->thread),
							   dw_words_taken(chain->how)),
					      stack_of(telling, chain->stack, chain->hint)};
	else if (misuse->holder)
		ret[n++] = (struct dw_saying){
		    dw_tell_text(telling, "%s holds it", dw_tell_thread(telling, misuse->holder)),
		    NULL};
	return n;
}
