/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutexes that threads had to wait for, and who has them: of a mutex that is free, the kernel never
 * hears. glibc keeps the owner in the mutex, and whoever lets go of one that was waited for wakes
 * somebody. So a thread has such a mutex from when it, or somebody who waits for it, has said so
 * until it wakes, as long as the mutex says the same.
 *
 * Functions that are not static are verified once, and not wherever they are called.
 */
#pragma once

#include "bpf/call.h"
#include "bpf/kernel.h"
#include "bpf/signal.h"
#include "bpf/tell.h"

#include "attach/wire.h"

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

/* Where glibc keeps a mutex's kind (x86-64, since 2.4). */
#define MUTEX_KIND 16
#define MUTEX_TYPE 3
#define MUTEX_RECURSIVE 1
#define MUTEX_ROBUST 16

/* All bits that a mutex's kind may have. What has others is no mutex. */
#define MUTEX_KINDS 0x3ff

/*
 * The number of the thread that has it, in its own namespace; 0: nobody has, or it is no mutex.
 */
static __always_inline uint32_t mutex_owner(uint64_t mutex)
{
	struct {
		uint32_t lock, count, owner, users, kind;
	} words;

	if (bpf_probe_read_user(&words, sizeof(words), (void *)mutex) || words.kind & ~MUTEX_KINDS)
		return 0;
	return words.owner;
}

/*
 * Thread @thread has @mutex, or will: it waits for it, with stack pointer @sp; or others do (0).
 * They may say so at the same time as it does. Return: whether there was room for it.
 */
__noinline int contend(struct dw_wire_thread *thread, uint64_t mutex, uint64_t sp)
{
	struct dw_wire_contended *all;

	if (!thread)
		return 0;
	all = thread->contended;
	for (int i = 0; i < DW_WIRE_CONTENDED_MAX; i++) {
		if (all[i].mutex != mutex)
			continue;
		if (sp)
			all[i].sp = sp;
		return 1;
	}
	for (int i = 0; i < DW_WIRE_CONTENDED_MAX; i++) {
		if (__sync_val_compare_and_swap(&all[i].mutex, 0, mutex))
			continue;
		all[i].sp = sp;
		return 1;
	}
	return 0;
}

/* The current thread @thread wakes who waits for @mutex. */
__noinline int let_go(struct dw_wire_thread *thread, uint64_t mutex)
{
	for (int i = 0; thread && i < DW_WIRE_CONTENDED_MAX; i++) {
		if (thread->contended[i].mutex != mutex)
			continue;
		thread->contended[i].sp = 0;
		thread->contended[i].mutex = 0;
	}
	return 0;
}

/*
 * Which of its mutexes thread @thread has: one bit each. @is_own: it is the current one, which
 * forgets the others.
 */
__noinline int find_held(struct dw_wire_thread *thread, uint32_t is_own)
{
	uint32_t held = 0;

	for (int i = 0; thread && i < DW_WIRE_CONTENDED_MAX; i++) {
		uint64_t mutex = thread->contended[i].mutex;

		if (!mutex || mutex == thread->waits_for)
			continue;
		if (mutex_owner(mutex) == thread->inside) {
			held |= 1u << i;
		} else if (is_own) {
			thread->contended[i].sp = 0;
			thread->contended[i].mutex = 0;
		}
	}
	return (int)held;
}

/* What waits for mutexes have taken, by dw_wire_thread::waits_key. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, uint64_t);
	__type(value, struct dw_wire_waits);
} waits SEC(".maps");

static __always_inline uint8_t mutex_how(uint64_t mutex)
{
	uint32_t kind = 0;

	bpf_probe_read_user(&kind, sizeof(kind), (void *)(mutex + MUTEX_KIND));
	return ((kind & MUTEX_TYPE) == MUTEX_RECURSIVE ? DW_REENTRANT : 0) |
	       (kind & MUTEX_ROBUST ? DW_ROBUST : 0);
}

/* Says what thread @thread has: of its mutexes those whose bits are in @held. Return: as above. */
__noinline int tell_held(struct dw_wire_thread *thread, uint32_t held, struct dw_wire_thread *self)
{
	for (int i = 0; thread && self && i < DW_WIRE_CONTENDED_MAX; i++) {
		struct dw_wire_event event = {.kind = DW_WIRE_HAS};

		if (!(held & 1u << i))
			continue;
		event.object = thread->contended[i].mutex;
		event.other = thread->contended[i].sp;
		event.signal = signal_of(self);
		event.n_handlers = self->n_handlers;
		if (!tell_alone(NULL, &event))
			return 0;
	}
	return 1;
}

/*
 * Thread @thread, number @tid, waits for a mutex: says so, if what it has then is news. @self: the
 * current one; @regs: its registers; NULL: @thread is another one, which may go on meanwhile.
 */
static __noinline int tell_contended(struct dw_wire_thread *thread, uint32_t tid,
				     struct dw_wire_thread *self, struct pt_regs *regs)
{
	struct dw_wire_event event = {.kind = DW_WIRE_AWAITS, .what = DW_MUTEX, .site = tid};
	uint64_t seq, key;
	uint32_t held;
	uint8_t yes = 1;

	if (!thread || !self)
		return 0;
	seq = *(volatile uint64_t *)&thread->seq;
	event.object = thread->waits_for;
	event.other = thread->waits_sp;
	event.how = thread->waits_how;
	held = find_held(thread, regs != NULL);
	if (!event.object || (!regs && *(volatile uint64_t *)&thread->seq != seq))
		return 0;
	key = mix(mix(mix(event.object, event.other), tid), event.how);
	for (int i = 0; i < DW_WIRE_CONTENDED_MAX; i++)
		if (held & 1u << i)
			key += mix(thread->contended[i].mutex, thread->contended[i].sp);
	if (regs)
		thread->waits_key = key;
	if (bpf_map_lookup_elem(&told, &key))
		return 0;
	event.slept_ns = key;
	event.signal = signal_of(self);
	event.n_handlers = self->n_handlers;
	if (tell_held(thread, held, self) &&
	    (regs ? tell_with_stack(NULL, &event, regs) : tell_alone(NULL, &event)))
		bpf_map_update_elem(&told, &key, &yes, BPF_ANY);
	return 0;
}

static __always_inline bool is_wake(const struct dw_wire_thread *thread)
{
	uint32_t command = thread->arguments[1] & FUTEX_COMMAND;

	return command == FUTEX_WAKE || command == FUTEX_UNLOCK_PI;
}

/* Whether a wait with these arguments may be one for a mutex. */
static __always_inline bool is_mutex_wait(const struct dw_wire_thread *thread)
{
	uint32_t command = thread->arguments[1] & FUTEX_COMMAND, value = thread->arguments[2];

	return command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 || value == 2 ||
	       value & FUTEX_WAITERS;
}

/* Our number of the thread that has @mutex, by what thread @thread, number @tid, is called itself.
 */
static __always_inline uint32_t owner_outside(const struct dw_wire_thread *thread, uint32_t tid,
					      uint64_t mutex)
{
	struct own_number key = {thread->pid, mutex_owner(mutex)};
	const uint32_t *outside;

	if (thread->inside == tid)
		return key.number;
	outside = bpf_map_lookup_elem(&outsides, &key);
	return outside ? *outside : 0;
}

/* Somebody waits for @mutex of process @pid. */
static __always_inline void remember(uint32_t pid, uint64_t mutex)
{
	struct dw_wire_target *target = bpf_map_lookup_elem(&targets, &pid);

	if (!target)
		return;
	for (int i = 0; i < DW_WIRE_WAITED_MAX; i++)
		if (target->waited[i] == mutex)
			return;
	target->waited[target->n_waited++ & (DW_WIRE_WAITED_MAX - 1)] = mutex;
}

/* Which of the mutexes that are known the current thread @thread has: one bit each. */
static __always_inline uint32_t find_known(const struct dw_wire_target *target,
					   const struct dw_wire_thread *thread)
{
	uint32_t held = 0;

	for (int i = 0; i < DW_WIRE_WAITED_MAX; i++)
		if (target->waited[i] && mutex_owner(target->waited[i]) == thread->inside)
			held |= 1u << i;
	return held;
}

/* Says that thread @thread, the current one, has those of them whose bits are in @held. */
__noinline int tell_known(struct dw_wire_target *target, uint32_t held,
			  struct dw_wire_thread *thread)
{
	for (int i = 0; target && thread && i < DW_WIRE_WAITED_MAX; i++) {
		struct dw_wire_event event = {.kind = DW_WIRE_HAS};

		if (!(held & 1u << i))
			continue;
		event.object = target->waited[i];
		event.signal = signal_of(thread);
		event.n_handlers = thread->n_handlers;
		if (!tell_alone(NULL, &event))
			return 0;
	}
	return 1;
}

/* The current thread @thread gives what @event says: says so, if what it has then is news. */
static __noinline int give(struct dw_wire_thread *thread, struct dw_wire_event *event,
			   struct pt_regs *regs)
{
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid(), pid, held;
	struct dw_wire_target *target;
	uint64_t key;
	uint8_t yes = 1;

	if (!thread || !event)
		return 0;
	pid = thread->pid;
	target = bpf_map_lookup_elem(&targets, &pid);
	if (!target)
		return 0;
	held = find_known(target, thread);
	key = mix(mix(mix(event->object, event->site), tid), (uint64_t)held << 32 | event->kind);
	if (bpf_map_lookup_elem(&told, &key))
		return 0;
	event->signal = signal_of(thread);
	event->n_handlers = thread->n_handlers;
	if (tell_known(target, held, thread) && tell_with_stack(NULL, event, regs))
		bpf_map_update_elem(&told, &key, &yes, BPF_ANY);
	return 0;
}

/* The current thread is about to wait on a word: if that is a mutex, who has it is known now. */
static __always_inline void await_mutex(struct dw_wire_thread *thread, uint8_t how,
					struct pt_regs *regs)
{
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid(), owner;
	uint64_t mutex = thread->arguments[0];
	struct dw_wire_thread *other;

	if (!is_mutex_wait(thread))
		return;
	owner = owner_outside(thread, tid, mutex);
	other = owner && owner != tid ? bpf_map_lookup_elem(&threads, &owner) : NULL;
	if (!other || other->pid != thread->pid)
		return;
	thread->waits_sp = regs->sp;
	thread->waits_how = how | mutex_how(mutex);
	thread->waits_for = mutex;
	remember(thread->pid, mutex);
	tell_contended(thread, tid, thread, regs);
	if (!contend(other, mutex, 0) || !contend(thread, mutex, regs->sp))
		lose(thread->pid, DW_WIRE_LOSS_DEPTH);
	if (other->waits_for)
		tell_contended(other, owner, thread, NULL);
}

/* The current thread's wait for a mutex is over. Nobody else writes what is of its key. */
static __always_inline void measure(const struct dw_wire_thread *thread)
{
	uint64_t waited_ns = bpf_ktime_get_ns() - thread->since_ns;
	uint64_t key = thread->waits_key;
	struct dw_wire_waits first = {1, waited_ns, waited_ns};
	struct dw_wire_waits *all = bpf_map_lookup_elem(&waits, &key);

	if (!all) {
		bpf_map_update_elem(&waits, &key, &first, BPF_NOEXIST);
		return;
	}
	all->n++;
	all->waited_ns += waited_ns;
	if (waited_ns > all->longest_ns)
		all->longest_ns = waited_ns;
}
