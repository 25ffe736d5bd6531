/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Activities: what a thread took in them, and so needs for what it gives. */
#include "model/told.h"

/* @taking, which is no lock, is being given. */
struct giving {
	const struct dw_taking *taking;
	uint32_t number; /* the teller's, of the thing; 0: it is not told yet, or was lost */
};

/*
 * A post that was told keeps the number in its entry: another life of the thing is another key. A
 * thread ends but once: what it gives then is asked for once, and not remembered.
 */
static void post_one(struct dw_thread *thread, struct giving *giving, uint64_t key, uint32_t chain,
		     uint32_t said)
{
	const struct dw_taking *taking = giving->taking;
	uint64_t post =
	    dw_hash(dw_hash(dw_hash(dw_hash(DW_POST, taking->thing), taking->life), key), said);
	bool ends = taking->what == DW_ENDING;
	const struct dw_told *told;

	post = dw_key_even(post);
	told = ends ? NULL : dw_told_find(thread, post);
	if (told) {
		giving->number = told->chain;
		return;
	}
	giving->number = thread->teller->post(thread, taking, chain, said);
	if (!ends)
		dw_told_add(thread, post, giving->number);
}

/* What was given since @told was last used. */
static uint32_t said_since(const struct dw_thread *thread, const struct dw_told *told)
{
	return told->stamp < thread->said_at ? thread->said : 0;
}

/* A chain of this activity is given with it; a table that grows meanwhile forgets nothing. */
static void post_chain(struct dw_thread *thread, struct giving *giving, uint64_t key)
{
	const struct dw_told *told = dw_told_find(thread, key);

	if (told && told->chain != DW_CHAIN_LOST)
		post_one(thread, giving, key, told->chain, said_since(thread, told));
}

static void post_recent(struct dw_thread *thread, struct giving *giving)
{
	for (uint32_t i = 0; i < thread->n_recent; i++)
		post_chain(thread, giving, thread->recent[i]);
}

static void post_line(struct dw_thread *thread, struct giving *giving,
		      const struct dw_told_line *line)
{
	const struct dw_told_line *table = thread->told;

	for (unsigned i = 0; i < DW_TOLD_WIDTH && table == thread->told; i++)
		if (dw_key_of_taking(line->low[i]) && line->told[i].stamp >= thread->activity_began)
			post_chain(thread, giving, dw_told_key(line, i));
}

/* Telling adds to the table, which may move: then the search begins again. */
static void post_told(struct dw_thread *thread, struct giving *giving)
{
	const struct dw_told_line *table = thread->told;

	for (uint32_t n = 0; n < dw_told_lines(thread); n++) {
		post_line(thread, giving, &table[n]);
		if (table != thread->told) {
			table = thread->told;
			n = UINT32_MAX;
		}
	}
}

/* Return: the teller's number of what is given; 0: it could not be told. */
static uint32_t post_all(struct dw_thread *thread, const struct dw_taking *taking)
{
	struct giving giving = {.taking = taking};

	if (thread->n_recent == 0)
		post_one(thread, &giving, 0, 0, 0);
	else if (thread->n_recent <= DW_RECENT_MAX)
		post_recent(thread, &giving);
	else
		post_told(thread, &giving);
	return giving.number;
}

void dw_thread_post(struct dw_thread *thread, const struct dw_taking *taking)
{
	uint32_t open = thread->open;

	thread->open = 0;
	thread->said = post_all(thread, taking);
	dw_next_stamp(thread);
	thread->said_at = thread->stamp;
	thread->open = open;
}

/*
 * Who is asked for the first time has gone to idle points before, and by then had taken all that
 * it has ever taken.
 */
static void give_answer(struct dw_thread *thread, const struct dw_taking *answer)
{
	if (thread->slot->asked == DW_ASKED) {
		thread->slot->asked = DW_ANSWERS;
		thread->activity_began = 0;
		thread->n_recent = UINT32_MAX;
		thread->said = 0; /* that was in this activity */
		thread->said_at = 0;
	}
	if (thread->n_recent)
		post_all(thread, answer);
}

void dw_thread_idle_slow(struct dw_thread *thread, const struct dw_taking *at)
{
	struct dw_taking answer = *at;
	uint32_t open = thread->open;

	thread->open = 0;
	answer.thing = dw_thing_address(DW_ANSWER, thread->number);
	answer.what = DW_ANSWER;
	answer.life = 0;
	if (thread->slot->asked)
		give_answer(thread, &answer);
	dw_next_stamp(thread);
	thread->activity_began = thread->stamp;
	thread->n_recent = 0;
	thread->said = 0;
	thread->said_at = 0;
	thread->woken_by = at->thing;
	thread->open = open;
}
