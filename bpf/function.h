/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entry of a function: what that is about to do its cookie says, what with its arguments, and
 * the thing itself all else.
 */
#pragma once

#include "bpf/block.h"
#include "bpf/call.h"
#include "bpf/contended.h"
#include "bpf/kernel.h"
#include "bpf/once.h"
#include "bpf/tell.h"

#include "attach/wire.h"

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

#define SYS_FUTEX 202

/* Where glibc keeps a rwlock's flags (x86-64, since 2.25). */
#define RWLOCK_FLAGS 48

/* Where a pthread_t has the kernel's number of its thread (glibc, x86-64). */
#define PTHREAD_TID 0x2d0

/* Who has precedence at a rwlock, by glibc's number. */
static __always_inline uint8_t rwlock_prefers(uint64_t lock)
{
	uint32_t flags = 0;

	bpf_probe_read_user(&flags, sizeof(flags), (void *)(lock + RWLOCK_FLAGS));
	return (uint8_t)flags;
}

/* The kernel's number of thread @handle; 0: it has ended. */
static __always_inline uint32_t tid_of(uint64_t handle)
{
	uint32_t tid = 0;

	bpf_probe_read_user(&tid, sizeof(tid), (void *)(handle + PTHREAD_TID));
	return tid;
}

/*
 * syscall() is called. Return: whether it waits on a word or wakes who does; then @event says so.
 * All locks that are words are waited for with the value 2.
 */
static __always_inline bool is_futex(struct dw_wire_event *event, const struct pt_regs *regs)
{
	uint32_t command = regs->dx & FUTEX_COMMAND;

	if (regs->di != SYS_FUTEX)
		return false;
	if (command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET) {
		event->kind = DW_POST;
		return true;
	}
	event->what = (uint32_t)regs->cx == 2 ? DW_LOCK_WORD : DW_FUTEX;
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

/*
 * One of the locks that are of interest is taken, let go, or let go of by who waits: that which the
 * cookie says, or the arguments. Return: whether it is one.
 */
static __always_inline bool is_only_lock(struct dw_wire_event *event, uint8_t number)
{
	uint32_t pid = bpf_get_current_pid_tgid() >> 32;
	const struct dw_wire_target *target = bpf_map_lookup_elem(&targets, &pid);
	uint64_t lock = event->kind == DW_PARK ? event->other : event->object;

	if (!target)
		return false;
	if (number != DW_WIRE_ANY_LOCK) {
		event->object = target->only_locks[(number - 1u) % DW_WIRE_ONLY_MAX];
		return true;
	}
	for (int i = 0; i < DW_WIRE_ONLY_MAX; i++)
		if (lock && target->only_locks[i] == lock)
			return true;
	return false;
}

/* What the cookie and the arguments say. */
static __always_inline void read_entry(struct dw_wire_event *event,
				       const struct dw_wire_cookie *cookie, struct pt_regs *regs)
{
	/* Read one by one: the verifier knows of no context at an offset that varies. */
	volatile uint64_t arguments[4] = {0, regs->di, regs->si, regs->dx};

	event->kind = cookie->kind;
	event->what = cookie->what;
	event->how = cookie->how;
	event->object = arguments[cookie->object & 3];
	event->other = arguments[cookie->other & 3];
	if (cookie->call)
		event->object = DW_NO_MEMORY | (uint64_t)DW_CALL << 40 | cookie->call;
	bpf_probe_read_user(&event->site, sizeof(event->site), (void *)regs->sp);
}

/* What the thing says of itself, a kind each. Return: whether that is news. */
static __always_inline bool read_thing(struct dw_wire_event *event, struct dw_wire_thread *thread,
				       struct pt_regs *regs)
{
	switch (event->what) {
	case DW_MUTEX:
		event->how |= mutex_how(event->object);
		break;
	case DW_RWLOCK:
		event->prefers = rwlock_prefers(event->object);
		break;
	case DW_SPINLOCK:
		return event->kind != DW_WANT || is_spin(thread, event, regs);
	case DW_ONCE:
		return is_once(thread, event, regs->sp);
	case DW_CONDITION:
		if (event->kind == DW_PARK && event->other)
			event->how |= mutex_how(event->other);
		break;
	case DW_ENDING:
		event->other = tid_of(event->object);
		break;
	case DW_FUTEX:
		return is_futex(event, regs);
	}
	return true;
}

/* What the thread has tried last is about to return. A reader's lock does not say who has it. */
static __always_inline int on_result(struct dw_wire_thread *thread, const struct pt_regs *regs)
{
	if (thread->tried && thread->tried_in == thread->n_handlers)
		thread->tried_got = (uint32_t)regs->ax == 0 ? DW_WIRE_GOT : DW_WIRE_GOT_NOT;
	return 0;
}

static __always_inline int on_function(struct pt_regs *regs)
{
	uint64_t value = bpf_get_attach_cookie(regs);
	struct dw_wire_cookie cookie;
	struct dw_wire_thread *thread;
	struct dw_wire_event event = {0};

	if (is_empty)
		return 0;
	__builtin_memcpy(&cookie, &value, sizeof(cookie));
	if (cookie.kind == DW_WIRE_FREES)
		return on_free(regs, cookie.how);
	thread = this_thread();
	if (!thread)
		return 0;
	if (cookie.kind == DW_WIRE_RESULT)
		return on_result(thread, regs);
	end_onces(thread, regs->sp);
	read_entry(&event, &cookie, regs);
	if ((cookie.lock && !is_only_lock(&event, cookie.lock)) ||
	    !read_thing(&event, thread, regs))
		return 0;
	if (!every_taking)
		return give(thread, &event, regs);
	if (!(event.object & DW_NO_MEMORY) && !mark(thread->pid, event.object))
		lose(thread->pid, DW_WIRE_LOSS_PAGES);
	note(thread, &event, regs);
	return 0;
}
