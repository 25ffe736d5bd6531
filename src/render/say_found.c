/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor knows beyond the legs: what the finding rests on, who used to give. */
#include "analysis/leg.h"
#include "model/event.h"
#include "render/chain.h"
#include "render/inspected.h"
#include "render/say.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <string.h>

/* A shorter time would say nothing. */
#define SPAN_MIN_NS 1000000

const char *dw_say_span(struct dw_telling *telling, const struct dw_finding *finding)
{
	uint64_t span_ns = dw_leg_found(telling->process->facts, finding)->span_ns;

	if (span_ns < SPAN_MIN_NS)
		return "";
	return dw_tell_text(telling, "for %s at least", dw_tell_span(telling, span_ns));
}

const char *dw_say_waited(struct dw_telling *telling, const struct dw_found_leg *waiter)
{
	const char *name = dw_chain_waited(telling->process, waiter);

	return name ? name : "a thing that is not known";
}

static bool is_same_way(struct dw_telling *telling, const struct dw_giver *a,
			const struct dw_giver *b)
{
	return a->thread == b->thread &&
	       !strcmp(dw_tell_function(telling, a->frame), dw_tell_function(telling, b->frame));
}

static bool is_among(struct dw_telling *telling, const struct dw_giver *givers, uint32_t n,
		     const struct dw_giver *one)
{
	for (uint32_t i = 0; i < n; i++)
		if (is_same_way(telling, &givers[i], one))
			return true;
	return false;
}

uint32_t dw_say_givers(struct dw_telling *telling, const struct dw_finding *finding,
		       uint32_t *ret_thing, struct dw_giver ret[DW_GIVERS_MAX])
{
	const struct dw_facts *facts = telling->process->facts;
	const struct dw_found *found = dw_leg_found(facts, finding);
	const struct dw_found_leg *last;
	uint32_t n = 0;

	if (found->verdict != DW_FOUND_STALL || found->n_legs == 0)
		return 0;
	last = &found->legs[found->n_legs - 1];
	*ret_thing = last->needs ? facts->chains[last->needs].thing : last->thing;
	for (uint32_t i = 1; *ret_thing && i < facts->n_posts && n < DW_GIVERS_MAX; i++) {
		struct dw_giver giver = {facts->posts[i].thread,
					 dw_names_post(telling->process->names, i)};

		if (facts->posts[i].thing == *ret_thing && !facts->posts[i].is_completion &&
		    giver.frame && !is_among(telling, ret, n, &giver))
			ret[n++] = giver;
	}
	return n;
}

/* What is waited for at the end: the last thing that has a name. */
static const char *last_needed(struct dw_telling *telling, const struct dw_finding *finding)
{
	const char *needed = NULL;

	if (finding->n_legs)
		needed = dw_chain_needed(telling->process, finding, finding->n_legs - 1);
	return dw_tell_name(telling, needed ? needed : "what is waited for");
}

/* Who waits for a lock does not hold it: of a text, that is all that can be told of the holder. */
static const char *why_unseen(const struct dw_reported_process *process,
			      const struct dw_found *found)
{
	if (!process->inspected)
		return "it is taken without a call";
	if (!process->inspected->is_text)
		return "the lock does not say so, or says that it is a thread which has ended";
	if (found->n_legs + found->n_waiters + 1 == process->facts->n_threads)
		return "it is no thread of the text, as all of these wait for it";
	return "the text does not say so; it is none of those who wait for it";
}

/* The function that completes a call, by the first leg that is in it. */
static const char *completion_of(struct dw_telling *telling, const struct dw_found *found)
{
	const struct dw_frame *frame;
	uint32_t i = 0;

	while (i + 1 < found->n_legs && !found->legs[i].post)
		i++;
	frame = dw_names_post(telling->process->names, found->legs[i].post);
	return frame ? dw_tell_function(telling, frame) : "a function of its own";
}

uint32_t dw_say_flags(struct dw_telling *telling, const struct dw_finding *finding,
		      const char *ret[DW_SAY_FLAGS_MAX])
{
	const struct dw_found *found = dw_leg_found(telling->process->facts, finding);
	uint32_t flags = found->flags, n = 0;
	const char *last = last_needed(telling, finding);

	if (found->peer && found->peer_pid == telling->process->facts->pid)
		ret[n++] = dw_tell_text(telling, "%s: the other end is the process's own", last);
	else if (found->peer)
		ret[n++] =
		    dw_tell_text(telling, "%s: the other end is that of process %s (%" PRIu32 ")",
				 last, dw_tell_name(telling, found->peer), found->peer_pid);
	if (flags & DW_FOUND_INFERRED)
		ret[n++] = "inferred: nobody else was seen giving what is waited for, which does "
			   "not mean that nobody can";
	if (flags & DW_FOUND_NO_POSTER)
		ret[n++] = dw_tell_text(telling, "nobody was ever seen giving %s", last);
	if (flags & DW_FOUND_POSTERS_GONE)
		ret[n++] =
		    dw_tell_text(telling, "all threads that were seen giving %s have ended", last);
	if (flags & DW_FOUND_POLLING)
		ret[n++] = "a thread does not sleep, but asks again and again without progress";
	if (flags & DW_FOUND_RUNNING)
		ret[n++] = "the last thread does not wait for anything that is known, but runs";
	if (flags & DW_FOUND_UNSEEN)
		ret[n++] = dw_tell_text(telling, "who holds %s cannot be seen: %s", last,
					why_unseen(telling->process, found));
	if (flags & DW_FOUND_REFERENCE)
		ret[n++] = "inferred: a lock that does not say who holds it is held by the thread "
			   "that has its address on the stack, or is between two uses of it in a "
			   "function";
	if (flags & DW_FOUND_KICKED)
		ret[n++] = "inferred: who asks again and again kicks the thread that waits for its "
			   "lock, which is woken all the time, and goes on waiting";
	if (flags & DW_FOUND_COMPLETION)
		ret[n++] =
		    dw_tell_text(telling,
				 "inferred: a profile says that the call returns only when %s has "
				 "run; it was not seen giving what the call waits for",
				 completion_of(telling, found));
	return n;
}
