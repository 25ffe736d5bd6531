/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks that need more than a look at the entry of a function: what is done once, which ends where
 * no function of the C library begins, and spin locks, whose functions are a few instructions.
 */
#pragma once

#include "bpf/kernel.h"
#include "bpf/tell.h"

#include "attach/wire.h"

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

/* The C library's word of what was done once (glibc, unchanged since 2.0). */
#define ONCE_DONE 2

/* Of stack that a routine takes which is run once; farther away is another stack. */
#define ONCE_STACK_MAX (256 << 10)

/* The processor's flag that says that the last result was zero (x86-64). */
#define ZERO_FLAG 0x40

/* What is done once in this thread is done: from the innermost on, where the stack is at @sp. */
static __noinline int end_onces(struct dw_wire_thread *thread, uint64_t sp)
{
	if (!thread)
		return 0;
	for (int i = 0; i < DW_WIRE_ONCES_MAX && thread->n_onces; i++) {
		struct dw_wire_once *once =
		    &thread->onces[(thread->n_onces - 1u) % DW_WIRE_ONCES_MAX];
		struct dw_wire_event event = {.kind = DW_DROP, .what = DW_ONCE};

		if (sp < once->sp && once->sp - sp <= ONCE_STACK_MAX)
			break;
		event.object = once->control;
		event.site = once->site;
		thread->n_onces--;
		note(thread, &event, NULL);
	}
	return 0;
}

/*
 * The thread asks for something that is to be done once. Return: whether that is of interest; then
 * @event says how.
 */
static __always_inline bool is_once(struct dw_wire_thread *thread, struct dw_wire_event *event,
				    uint64_t sp)
{
	struct dw_wire_once *once = &thread->onces[thread->n_onces % DW_WIRE_ONCES_MAX];
	uint32_t control = 0;

	bpf_probe_read_user(&control, sizeof(control), (void *)event->object);
	if (control == ONCE_DONE || thread->n_onces == DW_WIRE_ONCES_MAX) {
		event->kind = DW_WIRE_ASKS;
		return thread->depth > 0;
	}
	once->control = event->object;
	once->sp = sp;
	once->site = event->site;
	thread->n_onces++;
	return true;
}

/*
 * The thread has tried to take a spin lock, and @regs say whether it has it. Return: whether that
 * is news: who spins tries again and again.
 */
static __always_inline bool is_spin(struct dw_wire_thread *thread, struct dw_wire_event *event,
				    const struct pt_regs *regs)
{
	bool got = regs->flags & ZERO_FLAG;
	uint64_t before = thread->spins;

	if (event->how & DW_TRY)
		return got;
	thread->spins = got ? 0 : event->object;
	return got || before != event->object;
}
