/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that can block: their begins, a kind each, and their ends. Nearly all calls that
 * processes make are of no interest here, and there may be millions in a second: they cost a look
 * at their number.
 */
#pragma once

#include "bpf/call.h"
#include "bpf/contended.h"
#include "bpf/kernel.h"
#include "bpf/once.h"
#include "bpf/tell.h"

#include "attach/wire.h"

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

#define KVM_RUN 0xae80
#define SYS_RESTART_SYSCALL 219
#define SYS_TGKILL 234

static __always_inline bool is_known(uint64_t number)
{
	return number < DW_WIRE_CALLS_MAX && (calls[number].flags || calls[number].number);
}

/*
 * Whether a known call may end where @number does: the kernel makes some again by a call of its
 * own, and a debugger may have changed the number into none.
 */
static __always_inline bool may_end_known(uint64_t number)
{
	return number == SYS_RESTART_SYSCALL || number >= DW_WIRE_CALLS_MAX || is_known(number);
}

/* Who kicks may hold a lock of those that are taken without a call. */
static __always_inline void kick(struct dw_wire_thread *thread, uint64_t other)
{
	struct dw_wire_event event = {.kind = DW_KICK, .other = other};

	if (!every_taking && !thread->watched && !thread->depth)
		return;
	thread->kicks = every_taking;
	note(thread, &event, NULL);
}

static __always_inline bool sleeps(const struct dw_wire_call *call,
				   const struct dw_wire_thread *thread)
{
	return call->flags & DW_WIRE_SLEEPS ||
	       (call->flags & DW_WIRE_POLLS && thread->arguments[1] == 0) ||
	       (call->flags & DW_WIRE_SELECTS && thread->arguments[0] == 0);
}

/* Whether what follows the call is a new activity. */
static __always_inline bool is_idle(const struct dw_wire_call *call,
				    const struct dw_wire_thread *thread)
{
	return call->flags & DW_WIRE_IDLE &&
	       !(call->flags & DW_WIRE_KVM && thread->arguments[1] != KVM_RUN);
}

/* Whether it is told that the thread is in this call: it holds something, awaits an answer, or
 * somebody wants to know. */
static __always_inline bool is_heard(const struct dw_wire_call *call,
				     const struct dw_wire_thread *thread)
{
	return thread->watched || thread->depth || (thread->kicks && sleeps(call, thread));
}

/* The current thread begins a call that can block, and somebody wants to know. */
static __always_inline void enter(struct dw_wire_thread *thread, const struct dw_wire_call *call,
				  struct pt_regs *regs)
{
	struct dw_wire_event event = {.kind = DW_ENTER, .what = DW_CALL};

	event.how = limit_of(call, thread);
	if (event.how == 0xff)
		return;
	event.object = DW_NO_MEMORY | (uint64_t)DW_CALL << 40 | call->number;
	event.site = caller_of(thread, regs);
	event.other = sleeps(call, thread);
	note(thread, &event, regs);
}

static __always_inline void keep_arguments(struct dw_wire_thread *thread,
					   const struct pt_regs *regs)
{
	thread->arguments[0] = regs->di;
	thread->arguments[1] = regs->si;
	thread->arguments[2] = regs->dx;
	thread->arguments[3] = regs->r10;
	thread->arguments[4] = regs->r8;
	thread->arguments[5] = regs->r9;
}

/* From now on the current thread is in call @number. */
static __noinline int begin(struct dw_wire_thread *thread, uint32_t number, struct pt_regs *regs)
{
	if (!thread)
		return 0;
	end_onces(thread, regs->sp);
	fill_registers(&thread->registers, regs);
	thread->since_ns = bpf_ktime_get_ns();
	thread->seq++;
	thread->call = number + 1;
	return 0;
}

static __always_inline void begin_futex(struct dw_wire_thread *thread, uint32_t number,
					struct pt_regs *regs)
{
	struct dw_wire_call call = calls[number];

	if (!every_taking && is_wake(thread))
		let_go(thread, thread->arguments[0]);
	if (!is_word_wait(thread))
		return;
	begin(thread, number, regs);
	if (!every_taking)
		await_mutex(thread, limit_of(&call, thread), regs);
}

/* All others, as far as they do not say that they will not wait. */
static __always_inline void begin_wait(struct dw_wire_thread *thread, uint32_t number,
				       struct pt_regs *regs)
{
	struct dw_wire_call call = calls[number];

	if (is_at_once(&call, thread))
		return;
	if (call.flags & DW_WIRE_KVM && thread->arguments[1] != KVM_RUN && !thread->depth)
		return; /* its state is left as it is */
	begin(thread, number, regs);
	if (is_heard(&call, thread))
		enter(thread, &call, regs);
}

/* The current thread makes call @number, which is known. One that is made again has not ended. */
static __always_inline int begin_call(uint32_t number, struct pt_regs *regs)
{
	struct dw_wire_thread *thread = this_thread();
	uint16_t flags;

	if (!thread || number >= DW_WIRE_CALLS_MAX ||
	    (thread->restarts && number + 1 == thread->call))
		return 0;
	flags = calls[number].flags;
	keep_arguments(thread, regs);
	if (flags & DW_WIRE_KICK)
		kick(thread, thread->arguments[number == SYS_TGKILL ? 1 : 0]);
	else if (flags & DW_WIRE_FUTEX)
		begin_futex(thread, number, regs);
	else if (!(flags & DW_WIRE_MAPS))
		begin_wait(thread, number, regs);
	else if (maps_code(thread))
		begin(thread, number, regs);
	return 0;
}

static __always_inline void end_futex(struct dw_wire_thread *thread, int64_t result)
{
	thread->slept_ns += bpf_ktime_get_ns() - thread->since_ns;
	thread->n_over += !is_interrupted(result);
}

static __always_inline void end_mapping(struct dw_wire_thread *thread)
{
	struct dw_wire_event event = {.kind = DW_WIRE_MAPPED};

	note(thread, &event, NULL);
}

static __always_inline void end_wait(struct dw_wire_thread *thread, uint32_t number,
				     struct pt_regs *regs)
{
	struct dw_wire_event event = {.kind = DW_WIRE_LEFT};
	struct dw_wire_call call = calls[number];

	event.object = call.number;
	event.registers.sp = regs->sp;
	if (is_idle(&call, thread)) {
		thread->n_idles++;
		thread->kicks = thread->kicks && sleeps(&call, thread);
		event.other = call.flags & DW_WIRE_KVM ? DW_WIRE_LEFT_GUEST : DW_WIRE_LEFT_IDLE;
		event.site = caller_of(thread, regs);
	}
	if (every_taking && event.other)
		note(thread, &event, regs);
	else if (is_heard(&call, thread))
		note(thread, &event, NULL);
}

/* The current thread is back from the call that it was in. */
static __noinline int end(struct dw_wire_thread *thread, int64_t result, struct pt_regs *regs)
{
	uint32_t number;
	uint16_t flags;

	if (!thread)
		return 0;
	number = thread->call - 1;
	thread->call = 0;
	thread->restarts = 0;
	thread->seq++;
	if (thread->waits_for)
		measure(thread);
	thread->waits_for = 0;
	if (number >= DW_WIRE_CALLS_MAX)
		return 0;
	flags = calls[number].flags;
	if (flags & DW_WIRE_FUTEX)
		end_futex(thread, result);
	else if (flags & DW_WIRE_MAPS)
		end_mapping(thread);
	else
		end_wait(thread, number, regs);
	return 0;
}

/* The current thread is back from a call with @result, unless the kernel makes that again. */
static __always_inline int end_call(int64_t result, struct pt_regs *regs)
{
	uint64_t both = bpf_get_current_pid_tgid();
	uint32_t tid = (uint32_t)both;
	struct dw_wire_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread || !thread->call || thread->pid != both >> 32)
		return 0;
	thread->restarts = is_made_again(result);
	return thread->restarts ? 0 : end(thread, result, regs);
}
