/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits for what is no lock, and the kicks that make a sleep one. */
#include "model/told.h"

#include "model/facts.h"

/* The chain of what is held up to @below and of @taking, which is no lock. */
static uint32_t chain_to(struct dw_thread *thread, const struct dw_held *below,
			 const struct dw_taking *taking)
{
	uint64_t key = dw_key_even(dw_thread_key(below->key, taking));
	uint32_t chain = dw_told_chain(thread, below->chain, taking, key, 0);

	return chain == DW_CHAIN_LOST ? 0 : chain;
}

/* The last of the locks that were held at @kick and have been held ever since; held[0]: none. */
static const struct dw_held *held_since(const struct dw_thread *thread, const struct dw_kick *kick)
{
	const struct dw_slot *slot = thread->slot;
	uint32_t i = slot->top < kick->depth ? slot->top : kick->depth;

	while (i > 0 && slot->held[i].key != kick->keys[i - 1])
		i--;
	return &slot->held[i];
}

/*
 * await_answers(): for each kick k: what was held at k and is held still needs k's answer; and
 * all that is held does as long as that is to come. Published is the first one that is.
 */
static void await_answers(struct dw_thread *thread, const struct dw_taking *taking,
			  struct dw_held *published)
{
	struct dw_taking answer = {
	    .site = taking->site, .caller = taking->caller, .how = DW_WAITS, .what = DW_ANSWER};
	uint32_t n = 0;
	bool found = false;

	for (uint32_t i = 0; i < thread->n_kicks; i++) {
		struct dw_kick *kick = &thread->kicks[i];
		bool is_to_come = thread->teller->ask(thread, kick->other) == kick->idles;
		const struct dw_held *below =
		    is_to_come ? &thread->slot->held[thread->slot->top] : held_since(thread, kick);
		uint32_t chain = 0;

		/* Answered, and of no more interest: nothing of what was held then is held now. */
		if (!is_to_come && below == thread->slot->held)
			continue;
		answer.thing = dw_thing_address(DW_ANSWER, kick->other);
		if (below != thread->slot->held)
			chain = chain_to(thread, below, &answer);
		if (!found && is_to_come) {
			*published = (struct dw_held){answer.thing, answer.caller, chain,
						      .manner = dw_manner(DW_WAITS, DW_ANSWER)};
			found = true;
		}
		thread->kicks[n++] = *kick;
	}
	thread->n_kicks = n;
}

static bool is_named(const struct dw_held *waits)
{
	return waits->what == DW_CALL && dw_thing_number(waits->thing) >= DW_CALL_NAMED;
}

/* Of a call with a name and a system call in it, the name says more: others may complete it. */
static void publish(struct dw_slot *slot, const struct dw_held *waits)
{
	if (waits->what != DW_CALL || is_named(waits) || !is_named(&slot->waits))
		slot->waits = *waits;
}

void dw_thread_wait(struct dw_thread *thread, const struct dw_taking *taking, bool sleeps,
		    struct dw_waiting *ret)
{
	struct dw_slot *slot = thread->slot;
	uint32_t open = thread->open;
	struct dw_held waits = {.thing = taking->thing,
				.key = taking->caller,
				.manner = dw_manner(taking->how, taking->what)};

	thread->open = 0;
	ret->outer = slot->waits;
	if (slot->top)
		waits.chain = chain_to(thread, &slot->held[slot->top], taking);
	ret->chain = waits.chain;
	if (taking->what == DW_LOCK_WORD)
		waits.deeper = ++thread->n_words;
	if (sleeps && thread->n_kicks)
		await_answers(thread, taking, &waits);
	publish(slot, &waits);
	thread->open = open;
}

void dw_thread_waited(struct dw_thread *thread, const struct dw_waiting *waiting)
{
	thread->slot->waits = waiting->outer;
}

void dw_thread_poll(struct dw_thread *thread, uint64_t now_ns)
{
	struct dw_slot *slot = thread->slot;
	struct dw_held *held = &slot->held[slot->top];

	if (held->polled) {
		slot->n_polls++;
		return;
	}
	held->polled = 1;
	slot->n_polls = 1;
	slot->polling_ns = now_ns;
}

bool dw_thread_park(struct dw_thread *thread, struct dw_taking *mutex,
		    const struct dw_taking *condition, struct dw_waiting *ret)
{
	const struct dw_held *held = dw_thread_find(thread, mutex->thing);
	bool lets_go = held && !held->deeper;

	if (!held && !thread->unsure)
		dw_thread_misuse(thread, DW_MISUSE_PARK, mutex, 0);
	if (held && held->deeper)
		dw_thread_misuse(thread, DW_MISUSE_PARK_TWICE, mutex, held->chain);
	if (lets_go)
		dw_thread_drop(thread, mutex->thing);
	dw_thread_wait(thread, condition, /* sleeps= */ false, ret);
	if (!lets_go)
		return false;
	mutex->how |= DW_RETAKEN;
	dw_thread_want(thread, mutex);
	thread->slot->wants = 0; /* for now it waits for the condition */
	return true;
}

/* It belongs to the activity that the wait's end began, not to the one that saw it readied. */
void dw_thread_retake(struct dw_thread *thread, const struct dw_taking *mutex)
{
	struct dw_told *told;
	uint64_t key;

	dw_thread_hold(thread, mutex);
	key = thread->slot->held[thread->slot->top].key;
	told = dw_told_find(thread, key);
	if (!told)
		return;
	told->stamp = thread->stamp;
	dw_told_remember(thread, key);
}

/* The kick of @other that is still kept, or room for it; NULL: none. */
static struct dw_kick *kick_of(struct dw_thread *thread, uint32_t other)
{
	uint32_t i = 0;

	if (!thread->kicks)
		thread->kicks =
		    thread->teller->memory(thread, DW_KICKS_MAX * sizeof(*thread->kicks));
	if (!thread->kicks)
		return NULL;
	while (i < thread->n_kicks && thread->kicks[i].other != other)
		i++;
	if (i == DW_KICKS_MAX)
		return NULL;
	if (i == thread->n_kicks) {
		thread->kicks[i] = (struct dw_kick){.other = other, .idles = UINT32_MAX};
		thread->n_kicks++;
	}
	return &thread->kicks[i];
}

/* Who asks again before the answer asks the same; who asks anew starts to wait anew. */
static void ask(struct dw_thread *thread, uint32_t other)
{
	const struct dw_slot *slot = thread->slot;
	uint32_t idles = thread->teller->ask(thread, other);
	struct dw_kick *kick = idles == UINT32_MAX ? NULL : kick_of(thread, other);

	if (!kick) {
		if (idles != UINT32_MAX)
			thread->teller->lost(thread, DW_LOSS_KICKS);
		return;
	}
	if (kick->idles != idles)
		thread->slot->held[0].polled = 0;
	kick->idles = idles;
	kick->depth = slot->top < DW_KICK_DEPTH ? slot->top : DW_KICK_DEPTH;
	for (uint32_t i = 0; i < kick->depth; i++)
		kick->keys[i] = slot->held[i + 1].key;
}

void dw_thread_kick(struct dw_thread *thread, uint32_t other)
{
	uint32_t open = thread->open;

	thread->open = 0;
	ask(thread, other);
	thread->open = open;
}
