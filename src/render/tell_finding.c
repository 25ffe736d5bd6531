/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One finding in words: its title, its legs side by side, what is known beyond them. */
#include "analysis/leg.h"
#include "model/event.h"
#include "render/block.h"
#include "render/chain.h"
#include "render/tell.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>

/* Not believed blindly: an excuse may concern no leg in particular. */
static const struct dw_leg *excused_leg(const struct dw_finding *finding, unsigned which)
{
	uint32_t leg = finding->excused[which];

	return &finding->legs[leg < finding->n_legs ? leg : 0];
}

/* Of the legs concerned, that which gives what others gave as well. */
static const char *posters_text(struct dw_telling *telling, const struct dw_finding *finding)
{
	uint32_t i = finding->excused[0] < finding->n_legs ? finding->excused[0] : 0;

	for (uint32_t n = 0; n < finding->n_legs && !finding->legs[i].post; n++)
		i = (i + 1) % finding->n_legs;
	return dw_tell_text(telling, "another thread was seen giving %s without taking %s first",
			    dw_tell_name(telling, dw_chain_given(telling->process, finding, i)),
			    dw_tell_name(telling, dw_chain_needed(telling->process, finding, i)));
}

/* The excuse's reason: what keeps the legs from meeting. */
static const char *excuse_text(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_leg *leg = excused_leg(finding, 0);
	const char *one = dw_tell_thread(telling, leg->thread);
	const char *other = dw_tell_thread(telling, excused_leg(finding, 1)->thread);
	const char *needed =
	    dw_tell_name(telling, dw_names_taken(telling->process->names, leg->needs));

	switch ((enum dw_excuse)finding->excuse) {
	case DW_NO_EXCUSE:
		break;
	case DW_EXCUSE_REUSED:
		return dw_tell_text(
		    telling, "%s needs %s, and %s holds another lock that lived at its address",
		    one, needed, other);
	case DW_EXCUSE_SINGLE_THREAD:
		return dw_tell_text(telling, "%s alone was seen doing two of the legs", one);
	case DW_EXCUSE_TRY:
		return dw_tell_text(telling, "%s does not wait for %s, or not for ever", one,
				    needed);
	case DW_EXCUSE_READERS:
		return dw_tell_text(telling,
				    "%s and %s both have %s for reading, and no writer that waits "
				    "can come between them",
				    one, other, needed);
	case DW_EXCUSE_GATED:
		return dw_tell_text(telling,
				    "%s and %s hold %s around their legs, and so never meet", one,
				    other, dw_tell_thing(telling, finding->gate));
	case DW_EXCUSE_ORDERED:
		return dw_tell_text(
		    telling, "creating and joining threads keeps %s and %s from meeting here", one,
		    other);
	case DW_EXCUSE_POSTERS:
		return posters_text(telling, finding);
	}
	return "of a kind that is not known here";
}

static void tell_cycle(struct dw_telling *telling, const struct dw_finding *finding)
{
	dw_block_legs(telling, finding);
	dw_tell_legs(telling, finding);
	if (finding->found)
		dw_tell_found(telling, finding);
	if (finding->excuse)
		dw_tell(telling, DW_STYLE_PLAIN, "\n  excuse: %s: %s\n",
			dw_excuse_word(finding->excuse), excuse_text(telling, finding));
}

/* What was done, and how the lock was held then, as far as either is known. */
static void tell_misuse(struct dw_telling *telling, const struct dw_misuse *misuse)
{
	const struct dw_chain *chain = &telling->process->facts->chains[misuse->chain];
	struct dw_names *names = telling->process->names;
	const struct dw_named_stack *stack = dw_names_stack(names, misuse->stack, misuse->hint);

	dw_block_misuse(telling, misuse);
	dw_tell(telling, DW_STYLE_PLAIN, "\n  %s %s %s at:\n",
		dw_tell_thread(telling, misuse->thread), dw_words_deed(misuse->kind).verb,
		dw_tell_thing(telling, misuse->thing));
	dw_tell_frames(telling, stack);
	if (misuse->chain) {
		stack = dw_names_stack(names, chain->stack, chain->hint);
		dw_tell(telling, DW_STYLE_PLAIN, "  %s holds it, %s:\n",
			dw_tell_thread(telling, chain->thread), dw_words_taken(chain->how));
		dw_tell_frames(telling, stack);
	} else if (misuse->holder) {
		dw_tell(telling, DW_STYLE_PLAIN, "  %s holds it\n",
			dw_tell_thread(telling, misuse->holder));
	}
}

/* "potential deadlock: " */
static void tell_verdict(struct dw_telling *telling, const struct dw_finding *finding)
{
	if (finding->excuse)
		dw_tell(telling, DW_STYLE_BOLD,
			"no deadlock (%s): ", dw_excuse_word(finding->excuse));
	else if (finding->verdict == DW_POTENTIAL)
		dw_tell(telling, DW_STYLE_ALARM, "potential deadlock: ");
	else if (finding->verdict == DW_HAZARD)
		dw_tell(telling, DW_STYLE_BOLD, "hazard: ");
	else
		dw_tell(telling, DW_STYLE_ALARM, "%s: ", dw_verdict_word(finding->verdict));
}

/* "BQL -> fenceq_lock -> BQL" */
static void tell_chain(struct dw_telling *telling, const struct dw_finding *finding)
{
	size_t n = 0;
	const char **words = dw_chain_words(telling->process, finding, telling->arena, &n);

	if (!words)
		telling->full = true;
	for (size_t i = 0; words && i < n; i++)
		dw_tell(telling, DW_STYLE_BOLD, "%s%s", i ? " -> " : "",
			dw_tell_name(telling, words[i]));
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}

/* "misuse: main unlocks new_lock, which it does not hold" */
static void tell_deed(struct dw_telling *telling, const struct dw_misuse *misuse)
{
	struct dw_words_deed deed = dw_words_deed(misuse->kind);
	const char *thread = dw_names_thread(telling->process->names, misuse->thread);

	dw_tell(telling, DW_STYLE_ALARM, "misuse:");
	dw_tell(telling, DW_STYLE_BOLD, " %s %s %s%s\n", dw_tell_name(telling, thread), deed.verb,
		dw_tell_thing(telling, misuse->thing), deed.rest);
}

/* How often and how long a lock was held so, as far as that was measured. */
static void tell_hazard(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_chain *waits = &telling->process->facts->chains[finding->legs[0].needs];

	dw_block_legs(telling, finding);
	if (waits->n_waits == 1)
		dw_tell(telling, DW_STYLE_PLAIN, "\n  1 wait, %s\n",
			dw_tell_span(telling, waits->waited_ns));
	else if (waits->n_waits)
		dw_tell(telling, DW_STYLE_PLAIN,
			"\n  %" PRIu32 " waits, %s in all, %s the longest\n", waits->n_waits,
			dw_tell_span(telling, waits->waited_ns),
			dw_tell_span(telling, waits->longest_ns));
}

/* A shorter time would say nothing. */
#define SPAN_MIN_NS 1000000

static void tell_body(struct dw_telling *telling, const struct dw_finding *finding)
{
	if (finding->verdict == DW_MISUSE)
		tell_misuse(telling, &telling->process->facts->misuses[finding->misuse]);
	else if (finding->verdict == DW_HAZARD)
		tell_hazard(telling, finding);
	else
		tell_cycle(telling, finding);
}

/* The fingerprint comes last: it is for copying, not for reading. */
void dw_tell_finding(struct dw_telling *telling, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;
	const struct dw_facts *facts = telling->process->facts;
	const struct dw_found *found = dw_leg_found(facts, finding);

	if (finding->verdict == DW_MISUSE) {
		tell_deed(telling, &facts->misuses[finding->misuse]);
	} else {
		tell_verdict(telling, finding);
		tell_chain(telling, finding);
	}
	if (found->span_ns >= SPAN_MIN_NS)
		dw_tell(telling, DW_STYLE_PLAIN, "  for %s at least\n",
			dw_tell_span(telling, found->span_ns));
	if (telling->is_one_of)
		dw_tell(telling, DW_STYLE_PLAIN, "  in %s\n", dw_tell_process(telling));
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
	tell_body(telling, finding);
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
	if (reported->occurrences > 1)
		dw_tell(telling, DW_STYLE_PLAIN, "  found %" PRIu32 " times\n",
			reported->occurrences);
	dw_tell(telling, DW_STYLE_DIM, "  fingerprint %s", reported->fingerprint);
	dw_tell(telling, DW_STYLE_PLAIN, "\n\n");
}
