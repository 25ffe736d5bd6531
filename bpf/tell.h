/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all probes share: the processes and threads that are of interest, and how the collector is
 * told of them. Stacks are told once.
 */
#pragma once

#include "bpf/kernel.h"
#include "bpf/signal.h"

#include "attach/wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

#define HASH UINT64_C(0x9e3779b97f4a7c15)

/* Where glibc keeps a mutex's owner, and a rwlock's writer (x86-64, since 2.4). */
#define MUTEX_OWNER 8
#define RWLOCK_WRITER 24

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 25); /* 32 MiB: some 2000 stacks, or 250,000 events */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, uint32_t); /* process */
	__type(value, struct dw_wire_target);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DW_WIRE_THREADS_MAX);
	__type(key, uint32_t); /* thread */
	__type(value, struct dw_wire_thread);
} threads SEC(".maps");

/* What came with a stack. Who falls out of it, or hashes alike, has one told twice, or of another.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, uint64_t);
	__type(value, uint8_t);
} told SEC(".maps");

/* What the collector has set before the programs were loaded. */
const volatile struct dw_wire_call calls[DW_WIRE_CALLS_MAX];

/* Functions that are probed say nothing: what is left is what the kernel takes for a probe. */
const volatile bool is_empty;

/* Locks are seen being taken, waited for or not. */
const volatile bool every_taking;

/* Of the ring: stacks have half of it. */
const volatile uint64_t ring_size;

/*
 * Counted up by the programs, read by the collector; of all processes together. Each event is in
 * the ring buffer, or among the losses.
 */
uint64_t losses[DW_WIRE_LOSS_MAX];
uint64_t n_events;

static __always_inline uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * HASH;
	return hash ^ hash >> 32;
}

static __noinline int lose(uint32_t pid, enum dw_wire_loss loss)
{
	struct dw_wire_target *target = bpf_map_lookup_elem(&targets, &pid);

	if ((uint32_t)loss >= DW_WIRE_LOSS_MAX)
		return 0;
	__sync_fetch_and_add(&losses[loss], 1);
	if (target)
		__sync_fetch_and_add(&target->losses[loss], 1);
	return 0;
}

/* Events of process @pid that were lost so far. Nearly always there are none of any. */
static __always_inline uint32_t n_lost_of(uint32_t pid)
{
	const struct dw_wire_target *target =
	    losses[DW_WIRE_LOSS_RING] ? bpf_map_lookup_elem(&targets, &pid) : NULL;

	return target ? (uint32_t)target->losses[DW_WIRE_LOSS_RING] : 0;
}

/* The state of a thread that has done nothing yet; too large for a stack of the kernel's. */
static const struct dw_wire_thread nothing;

/* The number of a thread in its own namespace of processes. */
static __always_inline uint32_t number_inside(const struct task_struct *task)
{
	const struct pid *pid = BPF_CORE_READ(task, thread_pid);
	uint32_t level = BPF_CORE_READ(pid, level);
	int number = 0;

	bpf_probe_read_kernel(&number, sizeof(number),
			      (const char *)pid + bpf_core_field_offset(struct pid, numbers) +
				  level * bpf_core_type_size(struct upid) +
				  bpf_core_field_offset(struct upid, nr));
	return (uint32_t)number;
}

/* A thread by its number in its own namespace. */
struct own_number {
	uint32_t pid, number;
};

/* Of those that have another one there than for us: that. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DW_WIRE_THREADS_MAX);
	__type(key, struct own_number);
	__type(value, uint32_t);
} outsides SEC(".maps");

/* There is a thread, whatever it does. Return: its state; NULL: there is no room. */
static __always_inline struct dw_wire_thread *know(uint32_t pid, uint32_t tid, uint32_t inside)
{
	struct own_number key = {pid, inside};
	struct dw_wire_thread *thread;

	bpf_map_update_elem(&threads, &tid, &nothing, BPF_NOEXIST);
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (!thread)
		return NULL;
	thread->pid = pid;
	thread->inside = inside;
	if (inside != tid)
		bpf_map_update_elem(&outsides, &key, &tid, BPF_ANY);
	return thread;
}

/* Nothing is known of the current thread any more. */
static __always_inline void forget(const struct dw_wire_thread *thread)
{
	struct own_number key = {thread->pid, thread->inside};
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid();

	if (key.number != tid)
		bpf_map_delete_elem(&outsides, &key);
	bpf_map_delete_elem(&threads, &tid);
}

/* The state of the current thread; NULL: its process is not attached to, or there is no room. */
static __noinline struct dw_wire_thread *this_thread(void)
{
	uint64_t both = bpf_get_current_pid_tgid();
	uint32_t pid = both >> 32, tid = (uint32_t)both;
	struct dw_wire_thread *thread;

	if (!bpf_map_lookup_elem(&targets, &pid))
		return NULL;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (!thread)
		thread = know(pid, tid, number_inside((void *)bpf_get_current_task()));
	if (!thread)
		lose(pid, DW_WIRE_LOSS_THREADS);
	return thread;
}

static __always_inline void fill_registers(struct dw_wire_registers *to, struct pt_regs *regs)
{
	to->ip = regs->ip;
	to->sp = regs->sp;
	to->bp = regs->bp;
	to->bx = regs->bx;
	to->r12 = regs->r12;
	to->r13 = regs->r13;
	to->r14 = regs->r14;
	to->r15 = regs->r15;
}

/*
 * What has become of the thread's last attempt, if it was seen, or the lock says so. A handler of a
 * signal may have come before that is known.
 */
static __always_inline uint8_t resolve(struct dw_wire_thread *thread)
{
	uint64_t lock = thread->tried;
	uint32_t owner = 0;
	bool got;

	if (!lock)
		return DW_WIRE_GOT_UNKNOWN;
	lock += thread->tried_what == DW_RWLOCK ? RWLOCK_WRITER : MUTEX_OWNER;
	got = thread->tried_got != DW_WIRE_GOT_UNKNOWN
		  ? thread->tried_got == DW_WIRE_GOT
		  : bpf_probe_read_user(&owner, sizeof(owner), (void *)lock) == 0 &&
			owner == thread->inside;
	if (got || thread->n_handlers <= thread->tried_in)
		thread->tried = 0;
	return got ? DW_WIRE_GOT : DW_WIRE_GOT_NOT;
}

/* @thread: its state; NULL: it is not of its own doing, and @from says all. */
static __always_inline void fill(struct dw_wire_event *to, const struct dw_wire_event *from,
				 struct dw_wire_thread *thread)
{
	uint64_t both = bpf_get_current_pid_tgid();

	*to = *from;
	to->time_ns = bpf_ktime_get_ns();
	to->pid = both >> 32;
	to->tid = (uint32_t)both;
	to->n_lost = n_lost_of(to->pid);
	if (!thread)
		return;
	to->signal = signal_of(thread);
	to->n_handlers = thread->n_handlers;
	to->slept_ns = thread->slept_ns;
	thread->slept_ns = 0;
}

/* What comes with a stack, if there is room for that. */
static __always_inline bool is_told(struct dw_wire_thread *thread, struct dw_wire_event *event)
{
	uint64_t key = mix(mix(event->object, event->site),
			   (uint64_t)(uint32_t)bpf_get_current_pid_tgid() << 32 |
			       (uint32_t)thread->n_handlers << 16 | event->kind << 8 | event->how);
	uint8_t yes = 1;

	key = mix(key, thread->held);
	/* The C library may have made the call on its way to what its caller wanted. */
	if (event->kind == DW_ENTER)
		key = mix(key, event->registers.sp);
	if (event->site && bpf_map_lookup_elem(&told, &key))
		return true;
	if (!thread->n_handlers)
		event->exposed = find_exposed();
	/* Where there is no room for a stack it comes with a later event. */
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > ring_size / 2) {
		lose(thread->pid, DW_WIRE_LOSS_STACK);
		return true;
	}
	bpf_map_update_elem(&told, &key, &yes, BPF_ANY);
	return false;
}

/* The event, and the stack as far as it is there. Return: whether there was room. */
static __always_inline bool tell_with_stack(struct dw_wire_thread *thread,
					    const struct dw_wire_event *event, struct pt_regs *regs)
{
	struct dw_wire_event *room =
	    bpf_ringbuf_reserve(&ring, sizeof(*room) + DW_WIRE_STACK_MAX, 0);
	uint32_t size = 0;

	__sync_fetch_and_add(&n_events, 1);
	if (!room) {
		lose(bpf_get_current_pid_tgid() >> 32, DW_WIRE_LOSS_RING);
		return false;
	}
	fill(room, event, thread);
	fill_registers(&room->registers, regs);
#pragma unroll
	for (int i = 0; i < DW_WIRE_STACK_MAX / DW_WIRE_STACK_PART; i++) {
		if (bpf_probe_read_user(room->stack + i * DW_WIRE_STACK_PART, DW_WIRE_STACK_PART,
					(void *)(room->registers.sp + i * DW_WIRE_STACK_PART)))
			break;
		size += DW_WIRE_STACK_PART;
	}
	room->stack_size = size;
	bpf_ringbuf_submit(room, 0);
	return true;
}

static __always_inline bool tell_alone(struct dw_wire_thread *thread,
				       const struct dw_wire_event *event)
{
	struct dw_wire_event *room = bpf_ringbuf_reserve(&ring, sizeof(*room), 0);

	__sync_fetch_and_add(&n_events, 1);
	if (!room) {
		lose(bpf_get_current_pid_tgid() >> 32, DW_WIRE_LOSS_RING);
		return false;
	}
	fill(room, event, thread);
	bpf_ringbuf_submit(room, 0);
	return true;
}

/* What is held is hashed such that the order of taking and letting go does not matter. */
static __always_inline void count_held(struct dw_wire_thread *thread,
				       const struct dw_wire_event *event)
{
	if (event->kind == DW_WANT) {
		thread->held ^= mix(event->object, 1);
		thread->depth++;
	} else if (event->kind == DW_DROP) {
		thread->held ^= mix(event->object, 1);
		if (thread->depth)
			thread->depth--;
	}
}

/* What comes of an attempt to take a lock that says who has it is looked up later: resolve(). */
static __always_inline void keep_attempt(struct dw_wire_thread *thread,
					 const struct dw_wire_event *event)
{
	if (event->kind != DW_WANT || (event->what != DW_MUTEX && event->what != DW_RWLOCK))
		return;
	thread->tried = event->object;
	thread->tried_what = event->what;
	thread->tried_in = thread->n_handlers;
	thread->tried_got = DW_WIRE_GOT_UNKNOWN;
}

/* Says that the current thread does what @event has. @regs: NULL where no stack is of use. */
static __always_inline void note(struct dw_wire_thread *thread, struct dw_wire_event *event,
				 struct pt_regs *regs)
{
	if (regs)
		end_handlers(thread, regs->sp);
	event->got = resolve(thread);
	if (regs)
		event->registers.sp = regs->sp;
	if (regs && !is_told(thread, event))
		tell_with_stack(thread, event, regs);
	else
		tell_alone(thread, event);
	count_held(thread, event);
	keep_attempt(thread, event);
}
