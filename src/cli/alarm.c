/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/alarm.h"

#include "analysis/now.h"
#include "analysis/wait.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "cli/bell.h"
#include "cli/found.h"
#include "cli/living.h"
#include "cli/profiles.h"
#include "cli/whereabouts.h"
#include "model/picture.h"
#include "model/thread.h"
#include "record/reader.h"
#include "symbol/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one recording and a closer look may take; see MEMORY_MAX of the collection. */
#define MEMORY_MAX ((size_t)2 << 30)

/* A process in which more goes wrong has been told enough. */
#define KNOWN_MAX 256

/* A call that takes so long may be one that does not return; before, nothing would be believed. */
#define LONG_NS DW_WAIT_BELIEVED_NS

struct dw_alarm {
	struct dw_alarm_options options;
	struct dw_writer_cursor cursor;
	struct dw_profiles *profiles; /* NULL until they are needed */
	uint64_t added_nothing_to;    /* hash of facts; 0: none */
	uint64_t known[KNOWN_MAX];    /* hashes of what was found */
	uint32_t n_known;
};

/* A closer look that is under way. */
struct look {
	struct dw_alarm *alarm;
	const struct dw_reader *reader;
	const struct dw_facts *facts; /* the reader's, and what profiles add */
	struct dw_arena *arena;
	struct dw_found_writer to;
	uint64_t now_ns;
	bool ended;
	uint32_t n_new;
	enum dw_alarm_answer answer;
};

int dw_alarm_new(struct dw_alarm **ret, const struct dw_alarm_options *options)
{
	struct dw_alarm *alarm = calloc(1, sizeof(*alarm));

	if (!alarm)
		return dw_raise(-ENOMEM);
	alarm->options = *options;
	*ret = alarm;
	return 0;
}

struct dw_alarm *dw_alarm_free(struct dw_alarm *alarm)
{
	if (!alarm)
		return NULL;
	dw_profiles_free(alarm->profiles);
	free(alarm);
	return NULL;
}

/* The address of what the thread of @leg waits for; it may never have been told. */
static uint64_t waited_for(const struct dw_facts *facts, const struct dw_found_leg *leg)
{
	uint32_t number = facts->threads[leg->thread].slot;
	const struct dw_slot *slot = number ? facts->slots[number].slot : NULL;

	if (leg->thing)
		return facts->things[leg->thing].address;
	if (!slot)
		return 0;
	return slot->wants ? slot->wants : slot->waits.thing;
}

/*
 * A deadlock is known by who is in it; a stall by its end alone, as others come to wait. What
 * was a stall, and turns out to be a deadlock, is new.
 */
static uint64_t identity(const struct dw_facts *facts, const struct dw_found *found)
{
	const struct dw_found_leg *last = &found->legs[found->n_legs - 1];
	uint64_t hash = dw_hash(found->verdict, found->n_legs);

	if (found->verdict == DW_FOUND_STALL)
		return dw_hash(dw_hash(found->verdict, last->thread), waited_for(facts, last));
	for (uint32_t i = 0; i < found->n_legs; i++)
		hash = dw_hash(dw_hash(hash, found->legs[i].thread),
			       waited_for(facts, &found->legs[i]));
	return hash;
}

/* Whether it was found before; from now on it was. */
static bool is_known(struct dw_alarm *alarm, uint64_t hash)
{
	for (uint32_t i = 0; i < alarm->n_known; i++)
		if (alarm->known[i] == hash)
			return true;
	if (alarm->n_known == KNOWN_MAX)
		return true;
	alarm->known[alarm->n_known++] = hash;
	return false;
}

static bool is_confirmed(const struct look *look, const struct dw_found *found)
{
	return look->ended ||
	       dw_watch_confirm(look->alarm->options.watch, found->legs, found->n_legs);
}

static int write_found(struct look *look, const struct dw_found *found)
{
	const struct dw_alarm_options *options = &look->alarm->options;
	int stacks, r = dw_found_write(&look->to, found, &stacks);

	if (r < 0)
		return dw_pass(r);
	if (stacks < 0 && options->verbosity > 1)
		dw_bell_say(options, "cannot see where all threads are now: %s\n",
			    strerror(-stacks));
	look->n_new++;
	if (found->verdict == DW_FOUND_DEADLOCK)
		look->answer = DW_ALARM_DEADLOCK;
	else if (look->answer == DW_ALARM_QUIET)
		look->answer = DW_ALARM_STALL;
	return 0;
}

/* Where only waits are seen, nobody has watched who gives what. */
static struct dw_found as_seen(const struct look *look, const struct dw_found *found)
{
	struct dw_found seen = *found;

	if (dw_reader_flags(look->reader) & DW_REC_WAITS)
		seen.flags &= ~(uint32_t)(DW_FOUND_NO_POSTER | DW_FOUND_POSTERS_GONE);
	return seen;
}

static int tell(struct look *look, const struct dw_found *found)
{
	int r = 0;

	if (!is_known(look->alarm, identity(look->facts, found)))
		r = write_found(look, found);
	return r < 0 ? dw_pass(r) : 0;
}

/* What rests on more than what was told needs another look; see judge_completions(). */
static int judge(struct look *look, const struct dw_found *founds, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct dw_found found = as_seen(look, &founds[i]);

		if (!(found.flags & DW_FOUND_COMPLETION) && is_confirmed(look, &found))
			r = tell(look, &found);
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* It holds something, and has waited for a while for what is no lock. */
static bool is_in_wait(const struct dw_facts *facts, uint32_t thread,
		       const struct dw_now_look *look)
{
	uint32_t number = facts->threads[thread].slot;
	const struct dw_slot *slot = number ? facts->slots[number].slot : NULL;

	return slot && !slot->wants && slot->waits.thing && slot->waits.chain &&
	       slot->waits.chain != DW_CHAIN_LOST &&
	       (slot->waits.what == DW_CALL ? look->still_ns : look->same_ns) >= LONG_NS;
}

/* What profiles add depends on nothing but what was told. */
static uint64_t told_so_far(const struct dw_facts *facts)
{
	return dw_hash(dw_hash(facts->n_chains, facts->n_posts), facts->n_things);
}

/* @facts and what profiles add to them. */
static int ask_profiles(struct look *look, const struct dw_facts *facts)
{
	dw_auto(names) names = NULL;
	int r = dw_names_new_by(&names, facts, look->alarm->options.symbols);

	if (r == 0)
		r = dw_profiles_apply(&look->facts, look->arena, look->alarm->profiles, facts,
				      names);
	look->to.facts = look->facts;
	return r < 0 ? dw_pass(r) : 0;
}

/*
 * Profiles say what completes a call. To ask them takes names, and so time: it is done only when
 * somebody is in a wait that may be one of theirs.
 */
static int apply_profiles(struct look *look, const struct dw_now_look *looks)
{
	const struct dw_facts *facts = look->facts;
	struct dw_alarm *alarm = look->alarm;
	bool any = false;
	int r = 0;

	for (uint32_t t = 1; !any && t < facts->n_threads; t++)
		any = is_in_wait(facts, t, &looks[t]);
	if (!any || alarm->added_nothing_to == told_so_far(facts))
		return 0;
	if (!alarm->profiles)
		r = dw_profiles_new_chosen(&alarm->profiles);
	if (r == 0)
		r = ask_profiles(look, facts);
	if (r == 0 && look->facts->n_posts <= facts->n_posts)
		alarm->added_nothing_to = told_so_far(facts);
	return r < 0 ? dw_pass(r) : 0;
}

/*
 * Whether @found rests on what a profile says, and has not been asked about. It lasts as long as a
 * stall: if it is no deadlock, it is one.
 */
static bool is_questionable(struct look *look, const struct dw_found *found)
{
	uint64_t asked = dw_hash(identity(look->facts, found), DW_FOUND_COMPLETION);

	return found->flags & DW_FOUND_COMPLETION &&
	       found->span_ns >= look->alarm->options.stall_ns && is_confirmed(look, found) &&
	       !is_known(look->alarm, asked);
}

/* Marks the threads, by number, of all that is questionable. Return: whether anything is. */
static bool mark_questionable(struct look *look, const struct dw_found *founds, size_t n,
			      bool *is_marked)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!is_questionable(look, &founds[i]))
			continue;
		any = true;
		for (uint32_t j = 0; j < founds[i].n_legs; j++)
			is_marked[founds[i].legs[j].thread] = true;
	}
	return any;
}

static bool has_all_marked(const struct dw_found *found, const bool *is_marked)
{
	for (uint32_t i = 0; i < found->n_legs; i++)
		if (!is_marked[found->legs[i].thread])
			return false;
	return true;
}

/* With where all threads are now; where that cannot be, what was told is all that there is. */
static int find_again(struct look *look, struct dw_now *now, const struct dw_found **founds,
		      size_t *n)
{
	const struct dw_facts *facts = dw_reader_facts(look->reader);
	int r;

	if (look->ended ||
	    dw_whereabouts_add(&facts, look->arena, facts, look->alarm->options.pid) < 0)
		return 0;
	r = ask_profiles(look, facts);
	now->facts = look->facts;
	if (r == 0)
		r = dw_now_find(now, look->arena, founds, n);
	return r < 0 ? dw_pass(r) : 0;
}

/*
 * Others may be in a function that completes the call, without having taken or waited for a lock
 * there: what was told does not show them, but their stacks do. All threads are stopped for these,
 * and so have run: no more can be confirmed after that, and it is done once.
 */
static int judge_completions(struct look *look, struct dw_now *now, const struct dw_found *founds,
			     size_t n)
{
	bool *is_marked = dw_arena_alloc(look->arena, look->facts->n_threads * sizeof(*is_marked));
	int r;

	if (!is_marked)
		return dw_raise(-ENOMEM);
	if (!mark_questionable(look, founds, n, is_marked))
		return 0;
	r = find_again(look, now, &founds, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct dw_found found = as_seen(look, &founds[i]);

		if (has_all_marked(&found, is_marked))
			r = tell(look, &found);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static int analyse(struct look *look)
{
	const struct dw_alarm_options *options = &look->alarm->options;
	struct dw_now now = {
	    .looks = dw_watch_looks(options->watch, look->facts->n_threads, look->now_ns),
	    .now_ns = look->now_ns,
	    .stall_ns = options->stall_ns,
	};
	const struct dw_found *founds;
	size_t n;
	int r;

	if (!now.looks)
		return dw_raise(-ENOMEM);
	r = apply_profiles(look, now.looks);
	now.facts = look->facts;
	if (r == 0)
		r = dw_now_find(&now, look->arena, &founds, &n);
	if (r == 0)
		r = judge(look, founds, n);
	if (r == 0)
		r = judge_completions(look, &now, founds, n);
	return r < 0 ? dw_pass(r) : 0;
}

/* Whatever the recording is by now, it can be looked at again a little later. */
static int look_closely(struct look *look)
{
	const struct dw_alarm_options *options = &look->alarm->options;
	dw_auto(reader) reader = NULL;
	dw_auto(arena) arena = NULL;
	int r = dw_reader_open(&reader, options->path, MEMORY_MAX);

	if (r != 0)
		return r < 0 ? dw_pass(r) : 0;
	r = dw_arena_new(&arena, MEMORY_MAX);
	if (r == 0)
		r = dw_living_facts(&look->facts, reader, arena);
	if (r < 0)
		return dw_pass(r);
	look->reader = reader;
	look->arena = arena;
	look->to = (struct dw_found_writer){
	    .writer = options->writer,
	    .cursor = &look->alarm->cursor,
	    .reader = reader,
	    .facts = look->facts,
	    .watch = options->watch,
	    .arena = arena,
	    .pid = look->ended ? 0 : options->pid,
	};
	r = analyse(look);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_alarm_look(struct dw_alarm *alarm, uint64_t now_ns, bool ended)
{
	struct look look = {.alarm = alarm, .now_ns = now_ns, .ended = ended};
	int r = look_closely(&look), rung = 0;

	if (look.n_new > 0 && alarm->options.verbosity > 0)
		rung = dw_bell_ring(&alarm->options, look.n_new);
	if (!ended)
		dw_watch_spent(alarm->options.watch, now_ns, dw_writer_now_ns() - now_ns);
	if (r < 0)
		return dw_pass(r);
	if (rung < 0)
		return dw_pass(rung);
	return look.answer;
}
