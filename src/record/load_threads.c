/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads with their pictures, and what else is told by and of threads. */
#include "record/load.h"

#include "base/error.h"
#include "model/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define THREAD_FLAGS_KNOWN \
	(DW_THREAD_MAIN | DW_THREAD_EXITED | DW_THREAD_FOREIGN | DW_THREAD_FORKED | DW_THREAD_VCPU)

int dw_load_joins(struct dw_load *load)
{
	struct dw_joined *joins = dw_load_array(load, load->kinds[DW_REC_JOINED].n, sizeof(*joins));
	uint32_t n = 1;

	if (!joins)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < load->kinds[DW_REC_JOINED].n; i++) {
		struct dw_rec_joined record;

		dw_load_record(load, DW_REC_JOINED, i, &record, sizeof(record));
		if (!dw_load_thread(load, record.thread) || !dw_load_thread(load, record.other))
			continue; /* and counted */
		if (record.thread == record.other || record.segment == 0) {
			load->damaged++;
			continue;
		}
		joins[n++] = (struct dw_joined){
		    .thread = record.thread,
		    .segment = record.segment,
		    .other = record.other,
		};
	}
	load->facts->joins = joins;
	load->facts->n_joins = n;
	return 0;
}

/* What is wrong with @ret when it is false is counted. */
static bool load_misuse(struct dw_load *load, struct dw_misuse *ret, uint32_t i)
{
	struct dw_rec_misuse record;

	dw_load_record(load, DW_REC_MISUSE, i, &record, sizeof(record));
	if (!dw_load_misuse_known(record.kind)) {
		load->damaged++;
		return false;
	}
	*ret = (struct dw_misuse){
	    .kind = record.kind,
	    .thread = dw_load_thread(load, record.thread),
	    .thing = dw_load_number(load, DW_REC_THING, record.thing),
	    .stack = dw_load_optional(load, DW_REC_STACK, record.stack),
	    .hint = dw_load_optional(load, DW_REC_HINT, record.hint),
	    .chain = dw_load_optional(load, DW_REC_CHAIN, record.chain),
	    .holder = dw_load_optional_thread(load, record.holder),
	};
	return ret->thread && ret->thing;
}

int dw_load_misuses(struct dw_load *load)
{
	uint32_t n_records = load->kinds[DW_REC_MISUSE].n, n = 1;
	struct dw_misuse *misuses = dw_load_array(load, n_records, sizeof(*misuses));
	struct dw_misuse misuse;

	if (!misuses)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n_records; i++)
		if (load_misuse(load, &misuse, i))
			misuses[n++] = misuse;
	load->facts->misuses = misuses;
	load->facts->n_misuses = n;
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct dw_event *left = a, *right = b;

	return (left->seq > right->seq) - (left->seq < right->seq);
}

static bool names_a_thread(const struct dw_event *event)
{
	return event->kind == DW_BORN || event->kind == DW_JOIN || event->kind == DW_KICK;
}

/* What is wrong with @ret when it is false is counted. */
static bool load_event(struct dw_load *load, struct dw_event *ret, uint32_t i)
{
	struct dw_rec_event record;

	dw_load_record(load, DW_REC_EVENT, i, &record, sizeof(record));
	*ret = record.event;
	if (ret->seq == 0 || !dw_load_event_kind_known(ret->kind) ||
	    (ret->what && !dw_load_thing_kind_known(ret->what)) ||
	    (names_a_thread(ret) && ret->other > UINT32_MAX)) {
		load->damaged++;
		return false;
	}
	if (!dw_load_thread(load, ret->thread) ||
	    (names_a_thread(ret) && !dw_load_thread(load, (uint32_t)ret->other)) ||
	    (ret->object && !dw_load_address(load, ret->what, ret->object)))
		return false;
	ret->stack = dw_load_optional(load, DW_REC_STACK, ret->stack);
	ret->how &= DW_LOAD_HOWS;
	return true;
}

/* Two events with one number cannot both be right, and which of them is cannot be told. */
static size_t drop_equal_seq(struct dw_load *load, size_t n_read)
{
	size_t n = 0;

	for (size_t i = 0; i < n_read; i++) {
		if (n > 0 && load->events[n - 1].seq == load->events[i].seq)
			load->damaged++;
		else
			load->events[n++] = load->events[i];
	}
	return n;
}

int dw_load_events(struct dw_load *load)
{
	uint32_t n_records = load->kinds[DW_REC_EVENT].n;
	size_t n = 0;

	load->events = dw_load_array(load, n_records, sizeof(*load->events));
	if (!load->events)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n_records; i++)
		if (load_event(load, &load->events[n], i))
			n++;
	qsort(load->events, n, sizeof(*load->events), by_seq);
	load->n_events = drop_equal_seq(load, n);
	return 0;
}

/* Which thread records are believed: `numbers` of their index says, with the thread's number. */
static int choose_threads(struct dw_load *load)
{
	struct dw_load_index *index = &load->kinds[DW_REC_THREAD];
	uint8_t *taken = dw_load_array(load, load->threads_max, 1);

	if (!taken)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < index->n; i++) {
		struct dw_rec_thread record;
		uint32_t number;

		dw_load_record(load, DW_REC_THREAD, i, &record, sizeof(record));
		number = dw_load_thread(load, record.number);
		load->damaged += number && taken[number];
		index->numbers[i] = taken[number] ? 0 : number;
		taken[number] = number != 0;
		if (index->numbers[i] && record.parent <= load->threads_max &&
		    record.parent > load->threads_top)
			load->threads_top = record.parent;
	}
	return 0;
}

/* Its chain is numbered as in the facts. */
static void translate_held(struct dw_load *load, struct dw_held *held)
{
	if (held->chain != DW_CHAIN_LOST)
		held->chain = dw_load_number(load, DW_REC_CHAIN, held->chain);
	held->chain = held->chain ? held->chain : DW_CHAIN_LOST;
	held->how &= DW_LOAD_HOWS;
	held->what = dw_load_thing_kind_known(held->what) ? held->what : 0;
}

/* What it waits for that is no lock. It may be held by nobody, and no chain may tell of it. */
static void translate_waits(struct dw_load *load, struct dw_held *waits)
{
	if (!waits->thing || !dw_load_thing_kind_known(waits->what) ||
	    !dw_load_address(load, waits->what, waits->thing)) {
		*waits = (struct dw_held){0};
		return;
	}
	waits->chain = dw_load_optional(load, DW_REC_CHAIN, waits->chain);
	waits->how &= DW_LOAD_HOWS;
}

/* A condition wait has let it go, and needs it again. */
static bool is_retaken(const struct dw_slot *slot, const struct dw_held *wanted)
{
	return slot->waits.what == DW_CONDITION && wanted->thing && wanted->how & DW_RETAKEN;
}

/* The copy is as large as it must be for what is held, and what is being taken. */
static int load_slot(struct dw_load *load, const struct dw_slot **ret, uint32_t thread, uint32_t i)
{
	struct dw_rec_slot record;
	struct dw_slot *slot;
	struct dw_held *wanted;

	dw_load_record(load, DW_REC_SLOT, i, &record, sizeof(record));
	if (record.slot.thread != thread || record.slot.top > record.slot.max ||
	    dw_slot_size(record.slot.max) > record.head.size - sizeof(record.head))
		return 1;
	slot = dw_arena_alloc(load->arena, dw_slot_size(record.slot.top));
	if (!slot)
		return dw_raise(-ENOMEM);
	dw_load_behind(load, DW_REC_SLOT, i, sizeof(record.head), slot,
		       dw_slot_size(record.slot.top));
	slot->top = record.slot.top;
	slot->max = slot->top;
	for (uint32_t h = 1; h <= slot->top; h++)
		translate_held(load, &slot->held[h]);
	translate_waits(load, &slot->waits);
	wanted = &slot->held[slot->top + 1];
	if ((slot->wants && slot->wants == wanted->thing) || is_retaken(slot, wanted))
		translate_held(load, wanted);
	else
		*wanted = (struct dw_held){0}; /* a lock of some time ago */
	*ret = slot;
	return 0;
}

static int load_slot_of(struct dw_load *load, struct dw_told_slot *slots,
			const struct dw_rec_thread *record, uint32_t *ret)
{
	uint32_t i = dw_load_position(load, DW_REC_SLOT, record->slot);
	int r = 0;

	if (record->slot == 0)
		return 0;
	if (i != UINT32_MAX)
		r = load_slot(load, &slots[load->facts->n_slots].slot, record->number, i);
	if (r < 0)
		return dw_pass(r);
	if (i == UINT32_MAX || r > 0)
		load->damaged++;
	else
		*ret = load->facts->n_slots++;
	return 0;
}

/* @ret: by thread record, the number of its slot, or 0. */
static int load_slots(struct dw_load *load, struct dw_told_slot *slots, uint32_t *ret)
{
	const struct dw_load_index *index = &load->kinds[DW_REC_THREAD];
	int r = 0;

	load->facts->n_slots = 1;
	for (uint32_t i = 0; i < index->n && r == 0; i++) {
		struct dw_rec_thread record;

		dw_load_record(load, DW_REC_THREAD, i, &record, sizeof(record));
		if (index->numbers[i])
			r = load_slot_of(load, slots, &record, &ret[i]);
	}
	load->facts->slots = slots;
	return r < 0 ? dw_pass(r) : 0;
}

static int load_thread(struct dw_load *load, struct dw_told_thread *threads, uint32_t slot,
		       uint32_t i)
{
	struct dw_rec_thread record;
	struct dw_told_thread *thread;
	size_t n;

	dw_load_record(load, DW_REC_THREAD, i, &record, sizeof(record));
	thread = &threads[record.number];
	n = strnlen(record.name, sizeof(record.name));
	load->damaged += n == sizeof(record.name);
	if (n > 0)
		thread->name = dw_arena_text(load->arena, record.name, n);
	if (n > 0 && !thread->name)
		return dw_raise(-ENOMEM);
	thread->born_ns = record.born_ns;
	thread->tid = record.tid;
	thread->parent = dw_load_optional_thread(load, record.parent);
	thread->parent_run = thread->parent ? record.parent_segment : 0;
	thread->stack = dw_load_optional(load, DW_REC_STACK, record.stack);
	thread->start = dw_load_place(load, record.start);
	thread->flags = record.flags & THREAD_FLAGS_KNOWN;
	thread->slot = slot;
	return 0;
}

/*
 * No thread is its own ancestor. From each thread up to one that was looked at before, or
 * to the root; where that meets the way itself, the last step is taken back.
 */
static int cut_parent_loops(struct dw_load *load, struct dw_told_thread *threads, uint32_t n)
{
	uint32_t *seen = dw_load_array(load, n, sizeof(*seen)); /* from which thread on */

	if (!seen)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i <= n; i++) {
		uint32_t at = i;

		while (at && !seen[at]) {
			seen[at] = i;
			if (seen[threads[at].parent] == i) {
				threads[at].parent = 0;
				threads[at].parent_run = 0;
				load->damaged++;
			}
			at = threads[at].parent;
		}
	}
	return 0;
}

/* Slots come first: one may wait for the end of a thread that has no record yet. */
int dw_load_threads(struct dw_load *load)
{
	struct dw_load_index *index = &load->kinds[DW_REC_THREAD];
	struct dw_told_slot *slots = dw_load_array(load, index->n, sizeof(*slots));
	uint32_t *slot_of = dw_load_array(load, index->n, sizeof(*slot_of));
	struct dw_told_thread *threads;
	int r = slots && slot_of ? choose_threads(load) : dw_raise(-ENOMEM);

	if (r == 0)
		r = load_slots(load, slots, slot_of);
	if (r < 0)
		return dw_pass(r);
	threads = dw_load_array(load, load->threads_top, sizeof(*threads));
	if (!threads)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < index->n && r == 0; i++)
		if (index->numbers[i])
			r = load_thread(load, threads, slot_of[i], i);
	if (r == 0)
		r = cut_parent_loops(load, threads, load->threads_top);
	load->facts->threads = threads;
	load->facts->n_threads = load->threads_top + 1;
	return r < 0 ? dw_pass(r) : 0;
}
