/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lives of things. A life that left no trace does not count: the next one at its address has
 * its number.
 */
#include "attach/process.h"

#include "attach/named.h"
#include "attach/place.h"

#include <pthread.h>
#include <string.h>
#include <sys/uio.h>

#define PAGE 4096

/* No thing lies at an address that is no multiple of this: a futex's word does. */
#define ALIGNMENT 4

/* Whether a writer that waits stops new readers, as the lock itself says, or has said. */
static bool prefers_writers(const struct dw_attached *process, uint64_t address)
{
	const struct dw_wire_event *event = process->event;
	pthread_rwlock_t lock;
	struct iovec to = {&lock, sizeof(lock)}, from = {(void *)address, sizeof(lock)};

	if (event && event->object == address)
		return event->prefers == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
	return process_vm_readv(process->pid, &to, 1, &from, 1, 0) == sizeof(lock) &&
	       lock.__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
}

static void name(struct dw_attached *process, uint32_t thing, const char *text)
{
	size_t n = text ? strlen(text) + 1 : 0;
	struct dw_rec_name *record =
	    n ? dw_writer_reserve(&process->writer, &process->cursor, sizeof(*record) + n) : NULL;

	if (!record)
		return;
	record->thing = thing;
	memcpy(record->text, text, n);
	dw_writer_submit(&process->writer, record, DW_REC_NAME);
}

uint32_t dw_attached_thing_told(struct dw_attached *process, uint64_t address, unsigned kind)
{
	struct dw_attached_thing *thing = dw_attached_thing(process, address);
	struct dw_rec_thing *record;

	if (!thing)
		return 0;
	if (thing->record)
		return thing->record;
	record =
	    kind ? dw_writer_reserve(&process->writer, &process->cursor, sizeof(*record)) : NULL;
	if (!record)
		return 0;
	record->address = address;
	record->place = address & DW_NO_MEMORY ? 0 : dw_attached_place(process, address);
	record->life = thing->life + 1;
	record->birth = thing->birth;
	record->maker = thing->maker;
	record->kind = (uint16_t)kind;
	if (kind == DW_RWLOCK && prefers_writers(process, address))
		record->flags |= DW_THING_WRITERS;
	thing->record = dw_writer_submit(&process->writer, record, DW_REC_THING);
	dw_numbering_ensure(&process->pages, address / PAGE + 1);
	name(process, thing->record, dw_named_text(process->named, address));
	return thing->record;
}

/* NULL: nothing was told of it. */
static struct dw_rec_thing *record_of(struct dw_attached *process, uint64_t address)
{
	const struct dw_attached_thing *thing = dw_attached_thing(process, address);

	return thing && thing->record ? dw_writer_record(&process->writer, thing->record) : NULL;
}

void dw_attached_thing_infer(struct dw_attached *process, uint64_t address)
{
	struct dw_rec_thing *record = record_of(process, address);

	if (record)
		record->flags |= DW_THING_INFERRED;
}

bool dw_attached_thing_is_inferred(struct dw_attached *process, uint64_t address)
{
	const struct dw_rec_thing *record = record_of(process, address);

	return record && record->flags & DW_THING_INFERRED;
}

static void end_life(struct dw_attached *process, struct dw_attached_thing *thing, unsigned flags)
{
	struct dw_rec_thing *record;

	thing->birth = thing->maker = 0;
	if (!thing->record)
		return;
	record = dw_writer_record(&process->writer, thing->record);
	record->flags |= (uint16_t)(DW_THING_ENDED | flags);
	thing->record = 0;
	thing->life++;
}

void dw_attached_init(struct dw_attached_thread *thread, uint64_t address)
{
	struct dw_attached *process = thread->process;
	struct dw_attached_thing *thing = dw_attached_thing(process, address);
	uint32_t birth;

	if (!thing)
		return;
	end_life(process, thing, 0);
	birth = dw_attached_stack(thread, &(struct dw_taking){.thing = address,
							      .site = process->event->site,
							      .caller = process->event->site});
	thing->birth = birth;
	thing->maker = thread->thread.number;
}

void dw_attached_destroy(struct dw_attached *process, uint64_t address)
{
	struct dw_attached_thing *thing = dw_attached_thing(process, address);

	if (thing)
		end_life(process, thing, 0);
}

/* A lock whose memory was freed is held no more: what comes to lie there is another. */
static void lost_with_its_memory(struct dw_attached_thread *thread, uint64_t address)
{
	const struct dw_attached_thing *thing = dw_attached_thing(thread->process, address);
	const struct dw_held *held = dw_thread_find(&thread->thread, address);
	struct dw_taking taking = {.thing = address,
				   .site = thread->process->event->site,
				   .caller = thread->process->event->site,
				   .life = thing->life};

	if (!held)
		return;
	taking.what = held->what;
	dw_thread_misuse(&thread->thread, DW_MISUSE_FREE, &taking, held->chain);
	while (dw_thread_drop(&thread->thread, address))
		;
}

static bool is_held(const struct dw_attached *process, uint64_t address)
{
	for (uint32_t i = 1; i < process->n_threads; i++)
		if (!process->threads[i]->ended &&
		    dw_thread_find(&process->threads[i]->thread, address))
			return true;
	return false;
}

/* Whether what is at @address has gone with the memory; @how: see DW_WIRE_STAYS. */
static bool is_gone(struct dw_attached_thread *thread, uint64_t address, unsigned how)
{
	if (how & DW_WIRE_UNSIZED)
		return !is_held(thread->process, address);
	return !(how & DW_WIRE_STAYS) || !dw_thread_find(&thread->thread, address);
}

void dw_attached_freed(struct dw_attached_thread *thread, uint64_t from, uint64_t to, unsigned how)
{
	struct dw_attached *process = thread->process;

	for (uint64_t address = from; address < to;) {
		uint64_t page = address / PAGE,
			 next = (page + 1) * PAGE < to ? (page + 1) * PAGE : to;

		if (!dw_numbering_find(&process->pages, page + 1))
			address = next;
		for (; address < next; address += ALIGNMENT) {
			uint32_t index = dw_numbering_find(&process->addresses, address);

			if (!index || !process->things[index].record ||
			    !is_gone(thread, address, how))
				continue;
			lost_with_its_memory(thread, address);
			end_life(process, &process->things[index], DW_THING_FREED);
		}
	}
}
