/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks that come with events, and what they tell besides: who made a system call.
 */
#include "attach/place.h"
#include "attach/process.h"
#include "base/hash.h"

#include <string.h>

/* Of a function that makes system calls, the frame is no larger: such functions do little else. */
#define CALL_FRAME_MAX 512

static void *reserve(struct dw_attached *process, size_t size)
{
	return dw_writer_reserve(&process->writer, &process->cursor, size);
}

/* A function of the program's own that takes just one lock says which one it is. */
static bool says_which(const struct dw_attached *process)
{
	return process->has_own_probes && process->event &&
	       dw_attached_is_only_lock(process, process->event->object);
}

/*
 * The first is where the probe is; so are those of the C library, whose caller is what counts, if
 * there is one: who ends has none.
 */
static uint32_t own_frames(struct dw_attached *process, const uint64_t *frames, uint32_t n)
{
	uint32_t first = n > 1 && !says_which(process) ? 1 : 0;

	if (process->event && process->event->kind == DW_WIRE_ENDS)
		return 0;
	while (first + 1 < n && dw_attached_is_system(process, frames[first]))
		first++;
	return first;
}

static uint32_t write_stack(struct dw_attached *process, const struct dw_frames *frames)
{
	uint32_t n = frames->n, first = own_frames(process, frames->addresses, n);
	dw_place places[DW_FRAMES_MAX];
	struct dw_rec_stack *record;

	for (uint32_t i = first; i < n; i++)
		places[i - first] = dw_attached_place(process, frames->addresses[i]);
	/* All others are return addresses, behind an instruction of their function's. */
	if (n && first == 0 && says_which(process))
		places[0]++;
	record = reserve(process, sizeof(*record) + (n - first) * sizeof(*places));
	if (!record)
		return 0;
	record->n_frames = n - first;
	record->flags = frames->flags;
	memcpy(record->frames, places, (n - first) * sizeof(*places));
	return dw_writer_submit(&process->writer, record, DW_REC_STACK);
}

/* By the numbers of DWARF for x86-64. */
static struct dw_registers registers_of(const struct dw_wire_registers *from)
{
	return (struct dw_registers){
	    .values = {[3] = from->bx,
		       [6] = from->bp,
		       [7] = from->sp,
		       [12] = from->r12,
		       [13] = from->r13,
		       [14] = from->r14,
		       [15] = from->r15,
		       [16] = from->ip},
	    .known = 1u << 3 | 1u << 6 | 1u << 7 | 0xfu << 12 | 1u << 16,
	};
}

uint32_t dw_attached_event_stack(struct dw_attached *process)
{
	struct dw_registers registers = registers_of(&process->event->registers);
	struct dw_frames frames;

	dw_unwinder_walk(process->unwinder, &registers, &frames);
	return write_stack(process, &frames);
}

static uint32_t unwind(struct dw_attached *process)
{
	if (process->frames)
		return process->frames->n ? write_stack(process, process->frames) : 0;
	return process->event->stack_size ? dw_attached_event_stack(process) : 0;
}

/* The site alone. */
static uint32_t write_site(struct dw_attached *process, uint64_t site)
{
	struct dw_rec_stack *record =
	    site ? reserve(process, sizeof(*record) + sizeof(dw_place)) : NULL;

	if (!record)
		return 0;
	record->n_frames = 1;
	record->flags = DW_STACK_SHORT;
	record->frames[0] = dw_attached_place(process, site);
	process->writer.header->short_stacks++;
	return dw_writer_submit(&process->writer, record, DW_REC_STACK);
}

/*
 * A stack comes with what the probe has not told yet, as far as it can tell. Where the tracker
 * knows better, it is the one that this thread was seen with here before, with this thing or any.
 */
uint32_t dw_attached_stack(struct dw_attached_thread *thread, const struct dw_taking *taking)
{
	struct dw_attached *process = thread->process;
	uint64_t here = dw_hash(dw_hash(1, thread->thread.number), taking->site);
	uint32_t *at_all = dw_attached_stack_id(process, here);
	uint32_t *with_thing = dw_attached_stack_id(process, dw_hash(here, taking->thing));

	/* The table may have moved. */
	at_all = dw_attached_stack_id(process, here);
	if (!at_all || !with_thing)
		return 0;
	if (!process->event && !process->frames)
		return *with_thing ? *with_thing : *at_all;
	if (process->stack == 0)
		process->stack = unwind(process);
	if (process->stack == 0)
		process->stack = *with_thing ? *with_thing : *at_all;
	if (process->stack == 0)
		process->stack = write_site(process, taking->caller);
	*with_thing = *at_all = process->stack;
	return process->stack;
}

/* Where in the stack of @event @address is first found; DW_WIRE_NO_RETURN: nowhere. */
static uint32_t find_in_stack(const struct dw_wire_event *event, uint64_t address)
{
	uint64_t word;

	for (uint32_t at = 0; at < CALL_FRAME_MAX && at + sizeof(word) <= event->stack_size;
	     at += sizeof(word)) {
		memcpy(&word, event->stack + at, sizeof(word));
		if (word == address)
			return at;
	}
	return DW_WIRE_NO_RETURN;
}

uint64_t dw_attached_caller(struct dw_attached *process, const struct dw_wire_event *event)
{
	struct dw_registers registers;
	struct dw_frames frames;

	if (event->site || event->stack_size == 0)
		return event->site;
	registers = registers_of(&event->registers);
	dw_unwinder_walk(process->unwinder, &registers, &frames);
	process->learnt = (struct dw_wire_place){event->registers.ip, (uint64_t)process->pid};
	process->learnt_distance = DW_WIRE_NO_RETURN;
	if (frames.n > 1)
		process->learnt_distance = find_in_stack(event, frames.addresses[1]);
	return process->learnt_distance == DW_WIRE_NO_RETURN ? event->registers.ip
							     : frames.addresses[1];
}
