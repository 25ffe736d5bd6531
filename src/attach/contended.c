/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/contended.h"

#include "attach/place.h"
#include "attach/track.h"
#include "base/hash.h"

#include <string.h>

/* Where the id is of the stack with which @thread waited for @mutex, its stack pointer @sp. */
static uint32_t *stack_of(struct dw_attached_thread *thread, uint64_t mutex, uint64_t sp)
{
	uint64_t hash = dw_hash(dw_hash(dw_hash(2, thread->thread.number), mutex), sp);

	return dw_attached_stack_id(thread->process, hash);
}

/* The innermost function that is known; 0: none is. */
static uint64_t site_of(struct dw_attached *process, uint32_t stack)
{
	const struct dw_rec_stack *record = dw_writer_record(&process->writer, stack);

	return stack && record->n_frames ? record->frames[0] : 0;
}

static struct dw_taking taking_at(struct dw_attached_thread *thread, uint64_t mutex, uint32_t stack,
				  unsigned how)
{
	const struct dw_attached_thing *thing = dw_attached_thing(thread->process, mutex);
	uint64_t site = site_of(thread->process, stack);

	return (struct dw_taking){.thing = mutex,
				  .site = site,
				  .caller = site,
				  .life = thing ? thing->life : 0,
				  .how = (uint8_t)how,
				  .what = DW_MUTEX};
}

void dw_contended_has(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	if (thread->n_has < DW_WIRE_CONTENDED_MAX)
		thread->has[thread->n_has++] =
		    (struct dw_wire_contended){.mutex = event->object, .sp = event->other};
}

static void find_held(struct dw_attached_thread *thread, const struct dw_wire_contended *has)
{
	uint32_t *stack = has->sp ? stack_of(thread, has->mutex, has->sp) : NULL;
	struct dw_taking taking = taking_at(thread, has->mutex, stack ? *stack : 0, 0);

	thread->process->stack = stack ? *stack : 0;
	if (!dw_thread_find(&thread->thread, has->mutex))
		dw_thread_found(&thread->thread, &taking);
}

/* What a thread's slot says, while something is told that the thread did with other locks. */
struct aside {
	struct dw_held held[DW_WIRE_CONTENDED_MAX + 2];
	uint32_t top;
};

/* From now on @thread has what @has says, and nothing else. */
static void put_aside(struct dw_attached_thread *thread, const struct dw_wire_contended *has,
		      uint32_t n, struct aside *ret)
{
	struct dw_slot *slot = thread->thread.slot;

	_Static_assert(DW_WIRE_CONTENDED_MAX <= 32, "no slot has less room");
	dw_track_interrupt(thread);
	ret->top = slot->top;
	memcpy(ret->held, slot->held, sizeof(ret->held));
	slot->top = 0;
	for (uint32_t i = 0; i < n; i++)
		find_held(thread, &has[i]);
}

static void take_back(struct dw_attached_thread *thread, const struct aside *aside)
{
	struct dw_slot *slot = thread->thread.slot;

	memcpy(slot->held, aside->held, sizeof(aside->held));
	slot->top = aside->top;
	dw_track_resume(thread);
}

/* Tells that @thread waits with what @has says, and with nothing else. */
static void tell(struct dw_attached_thread *thread, const struct dw_wire_event *event,
		 const struct dw_wire_contended *has, uint32_t n, uint32_t stack)
{
	struct dw_taking wants = taking_at(thread, event->object, stack, event->how);
	const struct dw_slot *slot;
	struct aside aside;

	put_aside(thread, has, n, &aside);
	thread->process->stack = stack;
	dw_thread_want(&thread->thread, &wants);
	slot = thread->thread.slot;
	dw_attached_set_waited(thread->process, event->slept_ns, slot->held[slot->top + 1].chain);
	dw_thread_fail(&thread->thread);
	take_back(thread, &aside);
}

void dw_contended_gives(struct dw_attached_thread *thread, const struct dw_taking *taking)
{
	const struct dw_teller *teller = thread->thread.teller;
	uint32_t n = thread->n_has;
	const struct dw_slot *slot;
	struct aside aside;

	thread->n_has = 0;
	put_aside(thread, thread->has, n, &aside);
	thread->process->stack = 0;
	slot = thread->thread.slot;
	if (slot->top == 0)
		teller->post(&thread->thread, taking, /* chain= */ 0, /* said= */ 0);
	for (uint32_t i = 1; i <= slot->top; i++)
		if (slot->held[i].chain != DW_CHAIN_LOST)
			teller->post(&thread->thread, taking, slot->held[i].chain, /* said= */ 0);
	take_back(thread, &aside);
}

void dw_contended_awaits(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_attached *process = thread->process;
	struct dw_attached_thread *who = dw_attached_find(process, (pid_t)event->site);
	uint32_t n = thread->n_has;
	uint32_t *stack = who ? stack_of(who, event->object, event->other) : NULL;

	thread->n_has = 0;
	if (!stack)
		return;
	if (event->stack_size)
		*stack = dw_attached_event_stack(process);
	tell(who, event, thread->has, n, *stack);
}

static struct dw_rec_chain *chain_of(struct dw_attached *process, uint32_t index)
{
	uint32_t chain = process->waited[index].chain;

	return chain && chain != DW_CHAIN_LOST ? dw_writer_record(&process->writer, chain) : NULL;
}

void dw_contended_measure(struct dw_attached *process, struct dw_probe *probe)
{
	for (uint32_t i = 1; i <= process->waited_keys.n && i < process->waited_room; i++) {
		struct dw_rec_chain *chain = chain_of(process, i);
		struct dw_wire_waits waits;

		if (!chain || !dw_probe_waits(probe, process->waited[i].key, &waits))
			continue;
		chain->n_waits += waits.n;
		chain->waited_ns += waits.waited_ns;
		if (waits.longest_ns > chain->longest_ns)
			chain->longest_ns = waits.longest_ns;
	}
}
