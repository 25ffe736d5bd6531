/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was looked at, and what was seen last. */
#include "model/picture.h"
#include "render/last.h"
#include "render/say.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>

/* The entry 0 of the facts' arrays is none of them. */
static uint64_t entries(uint32_t n)
{
	return n ? n - 1 : 0;
}

/* "3 threads, 2 locks, 1 other thing to wait for": "nothing found" among no locks is another
 * result than among thousands. */
static const char *counts_text(struct dw_telling *telling)
{
	const struct dw_reported_process *process = telling->process;
	uint64_t n_threads = entries(process->facts->n_threads);
	uint64_t n_locks = dw_render_n_locks(process);
	uint64_t n_others = entries(process->facts->n_things) - n_locks;
	const char *others = "";

	if (n_others)
		others = dw_tell_text(telling, ", %" PRIu64 " other thing%s to wait for", n_others,
				      dw_words_plural(n_others));
	return dw_tell_text(telling, "%" PRIu64 " thread%s, %" PRIu64 " lock%s%s", n_threads,
			    dw_words_plural(n_threads), n_locks, dw_words_plural(n_locks), others);
}

const char *dw_say_process(struct dw_telling *telling, bool all)
{
	const struct dw_reported_process *process = telling->process;
	uint64_t n_short = process->facts->short_stacks;
	uint64_t n_left_out = process->facts->left_out;
	const char *unwound = "", *unwatched = "", *left_out = "", *killed = "";

	/* A picture proves nothing but itself. */
	if (process->inspected)
		return dw_tell_text(telling, "%s: %s", dw_tell_process(telling),
				    counts_text(telling));
	if (n_short)
		unwound = dw_tell_text(telling, "; %" PRIu64 " stack%s could not be unwound",
				       n_short, dw_words_plural(n_short));
	if (n_left_out)
		left_out =
		    dw_tell_text(telling, "; %" PRIu64 " function%s left out, as was asked for",
				 n_left_out, dw_words_plural(n_left_out));
	/* No reason to be blind: what could happen is known all the same. */
	if (all && !process->monitored)
		unwatched = "; nobody watched for what is stuck";
	/* Nor is this: whether it was meant to happen, a gate is told, and judges. */
	if (process->was_killed)
		killed = "; it ended without saying so: it was killed, and what else it would have "
			 "done is not known";
	return dw_tell_text(telling, "%s: %s, %" PRIu64 " need%s between them%s%s%s%s",
			    dw_tell_process(telling), counts_text(telling), process->n_needs,
			    dw_words_plural(process->n_needs), unwound, left_out, unwatched,
			    killed);
}

const char *dw_say_silence(struct dw_telling *telling, uint32_t number)
{
	const struct dw_silence *silence = &telling->process->facts->silences[number];
	const char *function = dw_tell_name(telling, silence->function);
	const char *quiet = dw_tell_span(telling, silence->quiet_ns);
	const char *usual = dw_tell_span(telling, silence->usual_ns);
	const char *was =
	    silence->flags & DW_SILENCE_OVER
		? dw_tell_text(telling, "did not run for %s, and ran again", quiet)
		: dw_tell_text(telling, "last ran %s before it was last looked at", quiet);

	return dw_tell_text(telling, "%s %s; it used to run every %s (seen %" PRIu64 " times)",
			    function, was, usual, silence->n_beats);
}

const char *dw_say_last(struct dw_telling *telling, const struct dw_last *last)
{
	const struct dw_reported_process *process = telling->process;
	const char *before = " held ";
	struct dw_pieces said;

	dw_tell_pieces(&said);
	dw_tell_piece(&said, "%s", dw_tell_thread(telling, last->thread));
	for (uint32_t i = 1; i <= last->slot->top; i++, before = ", ")
		dw_tell_piece(
		    &said, "%s%s", before,
		    dw_tell_name(telling, dw_names_taken(process->names, dw_last_held(last, i))));
	dw_tell_piece(&said, "%swaited for %s", last->slot->top ? ", and " : " ",
		      dw_tell_name(telling, dw_names_taken(process->names, last->waits)));
	before = ", held by ";
	for (uint32_t t = dw_last_holder(process, last, 1); t;
	     t = dw_last_holder(process, last, t + 1), before = ", ")
		dw_tell_piece(&said, "%s%s", before, dw_tell_thread(telling, t));
	return dw_tell_whole(telling, &said);
}
