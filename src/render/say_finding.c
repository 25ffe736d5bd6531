/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A finding's title, and why it is no deadlock. */
#include "model/event.h"
#include "render/chain.h"
#include "render/say.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>

const char *dw_say_verdict(struct dw_telling *telling, const struct dw_finding *finding)
{
	if (finding->excuse)
		return dw_tell_text(telling, "no deadlock (%s)", dw_excuse_word(finding->excuse));
	return finding->verdict == DW_POTENTIAL ? "potential deadlock"
						: dw_verdict_word(finding->verdict);
}

/* "main unlocks new_lock, which it does not hold" */
static const char *deed_text(struct dw_telling *telling, const struct dw_misuse *misuse)
{
	struct dw_words_deed deed = dw_words_deed(misuse->kind);
	const char *thread = dw_names_thread(telling->process->names, misuse->thread);

	return dw_tell_text(telling, "%s %s %s%s", dw_tell_name(telling, thread), deed.verb,
			    dw_tell_thing(telling, misuse->thing), deed.rest);
}

const char *dw_say_chain(struct dw_telling *telling, const struct dw_finding *finding)
{
	const char **words;
	struct dw_pieces said;
	size_t n = 0;

	if (finding->verdict == DW_MISUSE)
		return deed_text(telling, &telling->process->facts->misuses[finding->misuse]);
	words = dw_chain_words(telling->process, finding, telling->arena, &n);
	if (!words)
		telling->full = true;
	dw_tell_pieces(&said);
	for (size_t i = 0; words && i < n; i++)
		dw_tell_piece(&said, "%s%s", i ? " -> " : "", dw_tell_name(telling, words[i]));
	return dw_tell_whole(telling, &said);
}

const char *dw_say_waits(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_chain *waits = &telling->process->facts->chains[finding->legs[0].needs];

	if (waits->n_waits == 0)
		return "";
	if (waits->n_waits == 1)
		return dw_tell_text(telling, "1 wait, %s", dw_tell_span(telling, waits->waited_ns));
	return dw_tell_text(telling, "%" PRIu32 " waits, %s in all, %s the longest", waits->n_waits,
			    dw_tell_span(telling, waits->waited_ns),
			    dw_tell_span(telling, waits->longest_ns));
}

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

const char *dw_say_excuse(struct dw_telling *telling, const struct dw_finding *finding)
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
	case DW_EXCUSE_PAUSED:
		return dw_tell_text(telling, "of %s and %s, one has paused the other meanwhile",
				    one, other);
	case DW_EXCUSE_MASKED:
		return dw_tell_text(telling,
				    "when %s had %s elsewhere, %s was blocked, or had no handler",
				    one, needed, dw_words_signal(leg->signal));
	}
	return "of a kind that is not known here";
}
