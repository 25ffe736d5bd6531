/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that are watched, as the recording tells of them, and what their slots show. */
#include "cli/watch_parts.h"

#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>

/* Entries of a slot that are compared from look to look; what lies deeper rarely changes alone. */
#define COMPARED_MAX 64

static const struct dw_rec_thread *thread_at(const struct dw_watch *watch, uint32_t id)
{
	return dw_writer_find(watch->writer, id, DW_REC_THREAD, sizeof(struct dw_rec_thread));
}

static int add_thread(struct dw_watch *watch, uint32_t id, const struct dw_rec_thread *record)
{
	uint32_t room = watch->room ? 2 * watch->room : 64;
	struct dw_watched *grown;

	if (watch->n_threads == watch->room) {
		grown = reallocarray(watch->threads, room, sizeof(*grown));
		if (!grown)
			return dw_raise(-ENOMEM);
		watch->threads = grown;
		watch->room = room;
	}
	watch->threads[watch->n_threads++] =
	    (struct dw_watched){.record = id, .number = record->number, .tid = (pid_t)record->tid};
	return 0;
}

static bool has_ended(const struct dw_rec_thread *record)
{
	return !record || __atomic_load_n(&record->flags, __ATOMIC_RELAXED) & DW_THREAD_EXITED;
}

/* From the latest thread to those that are known: no more steps than there are threads. */
static int find_new(struct dw_watch *watch)
{
	uint32_t last = __atomic_load_n(&watch->writer->header->last_thread, __ATOMIC_ACQUIRE);
	uint32_t n_max = watch->writer->header->n_threads, id = last;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i <= n_max && id != watch->newest; i++) {
		const struct dw_rec_thread *record = thread_at(watch, id);

		if (!record)
			break;
		if (!has_ended(record))
			r = add_thread(watch, id, record);
		id = record->before;
	}
	watch->newest = last;
	return r < 0 ? dw_pass(r) : 0;
}

static void forget_ended(struct dw_watch *watch)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < watch->n_threads; i++)
		if (!has_ended(thread_at(watch, watch->threads[i].record)))
			watch->threads[n++] = watch->threads[i];
	watch->n_threads = n;
}

const struct dw_slot *dw_watch_slot(const struct dw_watch *watch, const struct dw_watched *thread)
{
	const struct dw_rec_thread *record = thread_at(watch, thread->record);
	const struct dw_rec_slot *slot = NULL;

	if (record)
		slot =
		    dw_writer_find(watch->writer, __atomic_load_n(&record->slot, __ATOMIC_ACQUIRE),
				   DW_REC_SLOT, sizeof(*slot));
	if (!slot || dw_slot_size(slot->slot.max) > slot->head.size - sizeof(slot->head) ||
	    slot->slot.top > slot->slot.max)
		return NULL;
	return &slot->slot;
}

static uint64_t hash_held(uint64_t hash, const struct dw_held *held)
{
	return dw_hash(dw_hash(hash, held->thing), held->chain);
}

/* Whether the slot's thread waits without a limit for what others have to give. */
static bool is_endless(const struct dw_slot *slot, uint32_t top, const struct dw_held *waits)
{
	const struct dw_held *next = &slot->held[top + 1];

	if (slot->wants && slot->wants == next->thing)
		return !(next->how & (DW_TRY | DW_TIMED));
	return waits->thing && waits->what != DW_CALL && waits->what != DW_ANSWER &&
	       !(waits->how & DW_TIMED);
}

bool dw_watch_glance(const struct dw_watch *watch, const struct dw_watched *thread,
		     struct dw_glance *ret)
{
	const struct dw_slot *slot = dw_watch_slot(watch, thread);
	struct dw_held waits;
	uint32_t top;

	if (!slot)
		return false;
	top = slot->top;
	waits = slot->waits;
	if (top > slot->max)
		return false;
	*ret = (struct dw_glance){.wants = slot->wants, .top = top, .n_polls = slot->n_polls};
	ret->waits_for = waits.thing ? waits.what : 0;
	ret->on_word = dw_is_word(ret->waits_for) && !ret->wants && !(waits.how & DW_TIMED);
	ret->ends_with = ret->waits_for == DW_ENDING ? dw_thing_number(waits.thing) : 0;
	ret->is_endless = is_endless(slot, top, &waits);
	ret->polled = slot->held[top].polled;
	ret->signature = dw_hash(hash_held(dw_hash(top + 1, ret->wants), &waits), slot->n_idles);
	ret->signature = dw_hash(ret->signature, waits.deeper);
	for (uint32_t i = 1; i <= top && i < COMPARED_MAX; i++)
		ret->signature = hash_held(ret->signature, &slot->held[i]);
	return true;
}

struct dw_watched *dw_watch_find(const struct dw_watch *watch, uint32_t number)
{
	for (uint32_t i = 0; i < watch->n_threads; i++)
		if (watch->threads[i].number == number)
			return &watch->threads[i];
	return NULL;
}

int dw_watch_renew(struct dw_watch *watch)
{
	forget_ended(watch);
	return find_new(watch);
}
