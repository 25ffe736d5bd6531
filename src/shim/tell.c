/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shim's teller: what is new in a thread goes into the recording, with a stack.
 */
#include "shim/handler.h"
#include "shim/named.h"
#include "shim/shim.h"

#include <string.h>

/* Hints are few: one for each line that takes a lock. */
#define HINT_PROBES 32

static struct shim_thread *shim_thread_of(struct dw_thread *thread)
{
	return (struct shim_thread *)thread;
}

static uint32_t write_hint(struct shim_thread *t)
{
	size_t n = strlen(t->hint_file);
	struct dw_rec_hint *hint =
	    dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*hint) + n + 1);

	if (!hint)
		return 0;
	hint->line = t->hint_line;
	memcpy(hint->file, t->hint_file, n);
	return dw_writer_submit(&shim->writer, hint, DW_REC_HINT);
}

/* Hints are told once; the table is keyed by the hash that is the hint's site. */
static uint32_t tell_hint(struct shim_thread *t)
{
	uint64_t hash = t->hint_site;

	if (!hash)
		return 0;
	for (uint32_t i = 0; i < HINT_PROBES; i++) {
		uint64_t *entry = &shim->hints[(hash + i) & (SHIM_HINTS - 1)];
		uint64_t there = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
		uint32_t id;

		if (there >> 32 == hash >> 32)
			return (uint32_t)there;
		if (there)
			continue;
		id = write_hint(t);
		if (id)
			__atomic_compare_exchange_n(entry, &there, hash >> 32 << 32 | id, 0,
						    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
		return id;
	}
	return write_hint(t);
}

static void count_locked(struct shim_thread *t)
{
	if (t->locked)
		return;
	t->locked = 1;
	__atomic_fetch_add(&shim->writer.header->n_locked, 1, __ATOMIC_RELAXED);
}

static void fill_taken(struct shim_thread *t, struct dw_rec_chain *chain,
		       const struct dw_taking *taking, uint32_t thing)
{
	shim_qemu_refresh();
	chain->thing = thing;
	chain->stack = shim_stack(t, taking->caller);
	chain->hint = tell_hint(t);
	chain->how = taking->how;
	t->event_stack = chain->stack;
	count_locked(t);
}

/* Nothing was taken: thing, stack and hint are those of when it was. */
static void fill_remaining(struct dw_rec_chain *chain, const struct dw_taking *taking,
			   uint32_t remains)
{
	const struct dw_rec_chain *taken = dw_writer_record(&shim->writer, remains);

	chain->thing = taken->thing;
	chain->stack = taken->stack;
	chain->hint = taken->hint;
	chain->how = taking->how;
}

/* What the thread had waited for may be gone by now; it is told all the same. */
static void fill_origin(struct shim_thread *t, struct dw_rec_chain *chain)
{
	uint64_t woken_by = t->thread.woken_by;

	chain->exit = t->exit;
	chain->address = t->exit_address;
	if (woken_by)
		chain->woken_by = shim_thing_told(t, woken_by, t->woken_what);
}

/* Whether the lock was taken in a handler, or where one could have come; see struct dw_chain. */
static void tell_signal(struct shim_thread *t, uint32_t chain, uint32_t stack)
{
	uint64_t exposed = t->interrupted ? 0 : shim_exposed(t, stack);
	struct dw_rec_signal *signal;

	if (!t->signal && !exposed)
		return;
	signal = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*signal));
	if (!signal)
		return;
	signal->chain = chain;
	signal->handler = t->signal;
	signal->exposed = exposed;
	dw_writer_submit(&shim->writer, signal, DW_REC_SIGNAL);
}

static uint32_t tell_chain(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
			   uint32_t remains)
{
	struct shim_thread *t = shim_thread_of(thread);
	struct dw_rec_chain filled = {.below = below,
				      .thread = thread->number,
				      .from = thread->segment,
				      .to = thread->segment};
	uint32_t thing = remains ? 0 : shim_thing(t, taking->thing, taking->what);
	struct dw_rec_chain *chain;
	uint32_t id;

	if (!remains && !thing)
		return DW_CHAIN_LOST;
	if (remains)
		fill_remaining(&filled, taking, remains);
	else
		fill_taken(t, &filled, taking, thing);
	fill_origin(t, &filled);
	/* What is wanted no more is held by now: under it, the loader is not to be waited for. */
	if (!below && thread->slot->wants)
		shim_got_rescan(t);
	/* Reserved last: what is reserved must be submitted, and nothing may come in between. */
	chain = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*chain));
	if (!chain)
		return DW_CHAIN_LOST;
	filled.head = chain->head;
	filled.order = __atomic_add_fetch(&shim->writer.header->n_chains, 1, __ATOMIC_RELAXED);
	*chain = filled;
	id = dw_writer_submit(&shim->writer, chain, DW_REC_CHAIN);
	t->settled = 0;
	if (__atomic_load_n(&shim_caught, __ATOMIC_RELAXED) && !remains && dw_is_lock(taking->what))
		tell_signal(t, id, filled.stack);
	return id;
}

static uint32_t tell_post(struct dw_thread *thread, const struct dw_taking *taking, uint32_t chain,
			  uint32_t said)
{
	struct shim_thread *t = shim_thread_of(thread);
	uint32_t thing = shim_thing(t, taking->thing, taking->what);
	uint32_t stack = shim_stack(t, taking->caller), hint = tell_hint(t);
	struct dw_rec_post *post;

	shim_qemu_refresh();
	t->event_stack = stack;
	post = thing ? dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*post)) : NULL;
	if (!post)
		return thing;
	post->thing = thing;
	post->thread = thread->number;
	post->chain = chain;
	post->said = said;
	post->stack = stack;
	post->hint = hint;
	dw_writer_submit(&shim->writer, post, DW_REC_POST);
	return thing;
}

/* The other thread may look at any time whether it was asked. */
static uint32_t ask(struct dw_thread *thread, uint32_t other)
{
	struct dw_slot *slot = shim_roll_slot(other);

	(void)thread;
	if (!slot)
		return UINT32_MAX;
	dw_slot_ask(slot);
	return __atomic_load_n(&slot->n_idles, __ATOMIC_RELAXED);
}

/* Extends the chain's latest run of segments by this one, or begins a new run. */
static void tell_again(struct dw_thread *thread, uint32_t id)
{
	struct shim_thread *t = shim_thread_of(thread);
	struct dw_rec_chain *chain = dw_writer_record(&shim->writer, id);
	struct dw_rec_again *again = dw_writer_record(&shim->writer, chain->again);
	uint32_t *to = chain->again ? &again->to : &chain->to;

	if (thread->segment <= *to + 1) {
		*to = thread->segment;
		return;
	}
	again = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*again));
	if (!again)
		return;
	again->chain = id;
	again->from = again->to = thread->segment;
	again->before = chain->again;
	chain->again = dw_writer_submit(&shim->writer, again, DW_REC_AGAIN);
}

static void write_misuse(struct shim_thread *t, enum dw_misuse_kind kind,
			 const struct dw_taking *taking, uint32_t chain)
{
	uint32_t thing = shim_thing(t, taking->thing, taking->what);
	uint32_t stack = shim_stack(t, taking->caller), hint = tell_hint(t);
	struct dw_rec_misuse *misuse =
	    dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*misuse));

	if (!misuse)
		return;
	misuse->kind = kind;
	misuse->thread = t->thread.number;
	misuse->thing = thing;
	misuse->stack = stack;
	misuse->hint = hint;
	misuse->chain = chain;
	count_locked(t);
	dw_writer_submit(&shim->writer, misuse, DW_REC_MISUSE);
}

/*
 * Two signals in one lock call, the second in the few instructions in which the first one's lock
 * seems to be held, make its handler seem to want what the thread has. The mutex knows better.
 */
static bool is_mistaken(const struct shim_thread *t, enum dw_misuse_kind kind,
			const struct dw_taking *taking)
{
	const pthread_mutex_t *mutex = (const pthread_mutex_t *)taking->thing;

	return kind == DW_MISUSE_RELOCK && taking->what == DW_MUTEX &&
	       (uint32_t)__atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED) != t->tid;
}

static void tell_misuse(struct dw_thread *thread, enum dw_misuse_kind kind,
			const struct dw_taking *taking, uint32_t chain)
{
	struct shim_thread *t = shim_thread_of(thread);

	if (!is_mistaken(t, kind, taking))
		write_misuse(t, kind, taking, chain);
}

/* Locks that others have let go since we last looked. If too many, we know no more. */
static void revise_held(struct shim_thread *t)
{
	struct dw_thread *thread = &t->thread;
	uint64_t n = __atomic_load_n(&shim->n_handed, __ATOMIC_ACQUIRE);

	if (n - t->n_handed > SHIM_HANDED_MAX) {
		thread->unsure = 1;
		t->n_handed = n - SHIM_HANDED_MAX;
	}
	for (; t->n_handed < n; t->n_handed++) {
		const struct shim_handed *handed = &shim->handed[t->n_handed % SHIM_HANDED_MAX];
		uint64_t address = __atomic_load_n(&handed->address, __ATOMIC_ACQUIRE);

		if (handed->tid == t->tid)
			dw_thread_drop(thread, address);
	}
}

static void revise(struct dw_thread *thread, struct dw_taking *taking)
{
	struct shim_thread *t = shim_thread_of(thread);

	revise_held(t);
	if (taking && __atomic_load_n(&shim_caught, __ATOMIC_RELAXED) && shim->settings.stacks)
		shim_mark_handler(t, taking);
}

static void *get_memory(struct dw_thread *thread, size_t size)
{
	(void)thread;
	return shim_pool_get(size);
}

static void put_memory(struct dw_thread *thread, void *memory, size_t size)
{
	(void)thread;
	shim_pool_put(memory, size);
}

static struct dw_slot *tell_slot(struct dw_thread *thread, uint32_t max)
{
	struct shim_thread *t = shim_thread_of(thread);
	struct dw_rec_slot *record =
	    dw_writer_reserve(&shim->writer, &t->cursor, sizeof(record->head) + dw_slot_size(max));
	struct dw_rec_thread *self = dw_writer_record(&shim->writer, t->record);

	if (!record)
		return NULL;
	record->slot.max = max;
	record->slot.thread = thread->number;
	self->slot = dw_writer_submit(&shim->writer, record, DW_REC_SLOT);
	return &record->slot;
}

static void count_lost(struct dw_thread *thread, unsigned loss)
{
	(void)thread;
	shim_lost(loss);
}

const struct dw_teller shim_teller = {
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
