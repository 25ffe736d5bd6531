/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handlers of signals: which one a thread is in, and which signals could come.
 *
 * A set of signals is a word, whose bit 0 is signal 1.
 */
#pragma once

#include "bpf/kernel.h"

#include "attach/wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

#define SIGNALS 64
#define SIGNAL(number) (UINT64_C(1) << ((number)-1))

/* What a thread's own instructions bring about (SIGILL, TRAP, BUS, FPE, SEGV, SYS): that comes when
 * it comes; and the C library's own signals. */
#define UNEXPECTED                                                                              \
	(SIGNAL(4) | SIGNAL(5) | SIGNAL(7) | SIGNAL(8) | SIGNAL(11) | SIGNAL(31) | SIGNAL(32) | \
	 SIGNAL(33))

/* In place of a handler: the usual is done, or nothing. */
#define NO_HANDLER_MAX 1

/* No larger is the stack of a thread; who is farther away is on another. */
#define STACK_MAX (UINT64_C(8) << 20)

/* Signals that have a handler, and can come to the current thread. */
static __noinline uint64_t find_exposed(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	uint64_t blocked = BPF_CORE_READ(task, blocked.sig[0]), found = 0;
	const char *actions = (const char *)BPF_CORE_READ(task, sighand) +
			      bpf_core_field_offset(struct sighand_struct, action) +
			      bpf_core_field_offset(struct k_sigaction, sa.sa_handler);

	for (uint32_t i = 0; i < SIGNALS; i++) {
		uint64_t handler = 0;

		bpf_probe_read_kernel(&handler, sizeof(handler),
				      actions + i * bpf_core_type_size(struct k_sigaction));
		if (handler > NO_HANDLER_MAX)
			found |= UINT64_C(1) << i;
	}
	return found & ~blocked & ~UNEXPECTED;
}

/* A handler of @signal is about to run; the stack is at @sp. */
static __always_inline void begin_handler(struct dw_wire_thread *thread, uint64_t signal,
					  uint64_t sp)
{
	struct dw_wire_handler *handler =
	    &thread->handlers[thread->n_handlers % DW_WIRE_HANDLERS_MAX];

	if (thread->n_handlers == DW_WIRE_HANDLERS_MAX)
		return;
	handler->sp = sp;
	handler->signal = signal;
	thread->n_handlers++;
}

/* Handlers that were left by a jump: the stack is at @sp again, where they had interrupted. */
static __always_inline void end_handlers(struct dw_wire_thread *thread, uint64_t sp)
{
	for (int i = 0; i < DW_WIRE_HANDLERS_MAX && thread->n_handlers; i++) {
		uint64_t at = thread->handlers[(thread->n_handlers - 1u) % DW_WIRE_HANDLERS_MAX].sp;

		if (sp < at || sp - at > STACK_MAX)
			break;
		thread->n_handlers--;
	}
}

/* Whose handler the thread is in; 0: none. */
static __always_inline uint8_t signal_of(const struct dw_wire_thread *thread)
{
	if (!thread->n_handlers)
		return 0;
	return (uint8_t)thread->handlers[(thread->n_handlers - 1u) % DW_WIRE_HANDLERS_MAX].signal;
}
