/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The teller of the collector: what is new in a thread goes into the recording, with the stack
 * that came with the event.
 */
#include "attach/place.h"
#include "attach/process.h"

#include <stdlib.h>
#include <string.h>

static struct dw_attached_thread *self(struct dw_thread *thread)
{
	return (struct dw_attached_thread *)thread;
}

static void *reserve(struct dw_attached *process, size_t size)
{
	return dw_writer_reserve(&process->writer, &process->cursor, size);
}

static void count_locked(struct dw_attached_thread *thread)
{
	if (!thread->locked)
		thread->process->writer.header->n_locked++;
	thread->locked = true;
}

/* Of a lock that was found to be held it may be known where it was waited for: that is its site. */
static void fill_taken(struct dw_attached_thread *thread, struct dw_rec_chain *chain,
		       const struct dw_taking *taking)
{
	chain->thing = dw_attached_thing_told(thread->process, taking->thing, taking->what);
	chain->how = taking->how;
	if (!(taking->how & DW_REMAINS) || taking->site)
		chain->stack = dw_attached_stack(thread, taking);
	count_locked(thread);
}

static void fill_remaining(struct dw_attached *process, struct dw_rec_chain *chain,
			   const struct dw_taking *taking, uint32_t remains)
{
	const struct dw_rec_chain *taken = dw_writer_record(&process->writer, remains);

	chain->thing = taken->thing;
	chain->stack = taken->stack;
	chain->how = taking->how;
}

/* Whether the lock was taken in a handler, or where one could have come; see struct dw_chain. */
static void tell_signal(struct dw_attached_thread *thread, uint32_t chain)
{
	struct dw_attached *process = thread->process;
	const struct dw_attached_doing *doing = &thread->doing;
	struct dw_rec_signal *signal =
	    doing->signal || doing->exposed ? reserve(process, sizeof(*signal)) : NULL;

	if (!signal)
		return;
	signal->chain = chain;
	signal->handler = doing->signal;
	signal->exposed = doing->exposed;
	dw_writer_submit(&process->writer, signal, DW_REC_SIGNAL);
}

static uint32_t tell_chain(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
			   uint32_t remains)
{
	struct dw_attached *process = self(thread)->process;
	struct dw_rec_chain filled = {.below = below,
				      .thread = thread->number,
				      .from = thread->segment,
				      .to = thread->segment};
	struct dw_rec_chain *chain;
	uint32_t id;

	if (remains)
		fill_remaining(process, &filled, taking, remains);
	else
		fill_taken(self(thread), &filled, taking);
	if (thread->woken_by)
		filled.woken_by = dw_attached_thing_told(process, thread->woken_by, 0);
	chain = filled.thing ? reserve(process, sizeof(*chain)) : NULL;
	if (!chain)
		return DW_CHAIN_LOST;
	filled.head = chain->head;
	filled.order = ++process->writer.header->n_chains;
	*chain = filled;
	id = dw_writer_submit(&process->writer, chain, DW_REC_CHAIN);
	if (!remains && dw_is_lock(taking->what))
		tell_signal(self(thread), id);
	return id;
}

static uint32_t tell_post(struct dw_thread *thread, const struct dw_taking *taking, uint32_t chain,
			  uint32_t said)
{
	struct dw_attached *process = self(thread)->process;
	uint32_t thing = dw_attached_thing_told(process, taking->thing, taking->what);
	uint32_t stack = dw_attached_stack(self(thread), taking);
	struct dw_rec_post *post = thing ? reserve(process, sizeof(*post)) : NULL;

	if (!post)
		return thing;
	post->thing = thing;
	post->thread = thread->number;
	post->chain = chain;
	post->said = said;
	post->stack = stack;
	dw_writer_submit(&process->writer, post, DW_REC_POST);
	return thing;
}

static uint32_t ask(struct dw_thread *thread, uint32_t other)
{
	struct dw_attached *process = self(thread)->process;
	struct dw_attached_thread *asked =
	    other < process->n_threads ? process->threads[other] : NULL;

	if (!asked || asked->ended)
		return UINT32_MAX;
	dw_slot_ask(asked->thread.slot);
	return asked->thread.slot->n_idles;
}

/* Extends the chain's latest run of segments by this one, or begins a new run. */
static void tell_again(struct dw_thread *thread, uint32_t id)
{
	struct dw_attached *process = self(thread)->process;
	struct dw_rec_chain *chain = dw_writer_record(&process->writer, id);
	struct dw_rec_again *again = dw_writer_record(&process->writer, chain->again);
	uint32_t *to = chain->again ? &again->to : &chain->to;

	if (thread->segment <= *to + 1) {
		*to = thread->segment;
		return;
	}
	again = reserve(process, sizeof(*again));
	if (!again)
		return;
	again->chain = id;
	again->from = again->to = thread->segment;
	again->before = chain->again;
	chain->again = dw_writer_submit(&process->writer, again, DW_REC_AGAIN);
}

/* That the thread has the lock is inferred: it is not accused of more than what that is told as. */
static bool is_sure(struct dw_attached *process, enum dw_misuse_kind kind,
		    const struct dw_taking *taking)
{
	return kind != DW_MISUSE_RELOCK || !dw_attached_thing_is_inferred(process, taking->thing);
}

static void tell_misuse(struct dw_thread *thread, enum dw_misuse_kind kind,
			const struct dw_taking *taking, uint32_t chain)
{
	struct dw_attached *process = self(thread)->process;
	uint32_t thing = is_sure(process, kind, taking)
			     ? dw_attached_thing_told(process, taking->thing, taking->what)
			     : 0;
	uint32_t stack = dw_attached_stack(self(thread), taking);
	struct dw_rec_misuse *misuse = thing ? reserve(process, sizeof(*misuse)) : NULL;

	if (!misuse)
		return;
	misuse->kind = kind;
	misuse->thread = thread->number;
	misuse->thing = thing;
	misuse->stack = stack;
	misuse->chain = chain;
	count_locked(self(thread));
	dw_writer_submit(&process->writer, misuse, DW_REC_MISUSE);
}

/* Nothing to do: events of all threads come in the order in which they happened. */
static void revise(struct dw_thread *thread, struct dw_taking *taking)
{
	(void)thread, (void)taking;
}

/* As the tracker's tables are aligned. */
static void *get_memory(struct dw_thread *thread, size_t size)
{
	const size_t alignment = _Alignof(struct dw_told_line);
	void *memory = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);

	(void)thread;
	return memory ? memset(memory, 0, size) : NULL;
}

static void put_memory(struct dw_thread *thread, void *memory, size_t size)
{
	(void)thread, (void)size;
	free(memory);
}

static struct dw_slot *tell_slot(struct dw_thread *thread, uint32_t max)
{
	struct dw_attached *process = self(thread)->process;
	struct dw_rec_slot *record = reserve(process, sizeof(record->head) + dw_slot_size(max));
	struct dw_rec_thread *own = dw_writer_record(&process->writer, self(thread)->record);

	if (!record)
		return NULL;
	record->slot.max = max;
	record->slot.thread = thread->number;
	own->slot = dw_writer_submit(&process->writer, record, DW_REC_SLOT);
	return &record->slot;
}

static void count_lost(struct dw_thread *thread, unsigned loss)
{
	dw_writer_lost(&self(thread)->process->writer, loss);
}

const struct dw_teller dw_attached_teller = {
    .revise = revise,
    .chain = tell_chain,
    .post = tell_post,
    .ask = ask,
    .again = tell_again,
    .misuse = tell_misuse,
    .memory = get_memory,
    .memory_free = put_memory,
    .slot = tell_slot,
    .lost = count_lost,
};
