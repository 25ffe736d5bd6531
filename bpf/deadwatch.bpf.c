/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probes of `deadwatch attach`: each says what happens, in the words of event.h, and that is
 * all. What it means is decided by the collector's tracker.
 *
 * Facts are told once, and so are stacks: one comes with an event only if the thread did this
 * holding this, here, for the first time. A thread's system calls that can block are kept in its
 * state, and told only where the collector has asked for them.
 */
#include "bpf/block.h"
#include "bpf/call.h"
#include "bpf/contended.h"
#include "bpf/kernel.h"
#include "bpf/once.h"
#include "bpf/signal.h"
#include "bpf/tell.h"

#include "attach/wire.h"

#include <bpf/bpf_helpers.h>
#include <stddef.h>

/* The program is GPL, or some of the kernel's functions would not be to be had. */
char LICENSE[] SEC("license") = "GPL";

#define CLONE_VM 0x00000100
#define CLONE_THREAD 0x00010000
#define SIGNAL_GROUP_EXIT 4
#define KVM_RUN 0xae80
#define SYS_MUNMAP 11
#define SYS_RT_SIGRETURN 15
#define SYS_FUTEX 202
#define SYS_TGKILL 234

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

/*
 * syscall() is called with these arguments. Return: whether it waits on a word or wakes who does;
 * then @event says so. All locks that are words are waited for with the value 2.
 */
static __always_inline bool is_futex(struct dw_wire_event *event, uint64_t number,
				     uint64_t operation, uint64_t value)
{
	uint32_t command = operation & FUTEX_COMMAND;

	if (number != SYS_FUTEX)
		return false;
	if (command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET) {
		event->kind = DW_POST;
		return true;
	}
	event->what = (uint32_t)value == 2 ? DW_LOCK_WORD : DW_FUTEX;
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

/* Memory is about to be freed; @how: see DW_WIRE_STAYS. */
static __always_inline int on_freed(struct pt_regs *regs, uint64_t from, uint64_t to, uint8_t how)
{
	struct dw_wire_event event = {.kind = DW_WIRE_FREES, .how = how, .object = from};
	struct dw_wire_thread *thread;

	if (to <= from || !has_things(bpf_get_current_pid_tgid() >> 32, from, to))
		return 0;
	thread = this_thread();
	if (!thread)
		return 0;
	event.other = to;
	bpf_probe_read_user(&event.site, sizeof(event.site), (void *)regs->sp);
	note(thread, &event, thread->depth ? regs : NULL);
	return 0;
}

/* A block of an allocator is about to be freed. */
static __noinline int on_free(struct pt_regs *regs, uint8_t how)
{
	uint32_t pid = bpf_get_current_pid_tgid() >> 32;
	uint64_t from = regs->di,
		 to = how & DW_WIRE_UNSIZED ? latest_end(pid, from) : block_end(from);

	return on_freed(regs, from, to, how);
}

/* The one lock that is of interest is taken, let go, or let go of by who waits. Return: it is. */
static __always_inline bool is_own(struct dw_wire_event *event)
{
	uint32_t pid = bpf_get_current_pid_tgid() >> 32;
	const struct dw_wire_target *target = bpf_map_lookup_elem(&targets, &pid);

	if (!target)
		return false;
	if (event->kind == DW_PARK)
		return event->other == target->own;
	event->object = target->own;
	return true;
}

/* The entry of a function: what it is about to do, its cookie says. */
static __always_inline int on_entry(struct pt_regs *regs)
{
	uint64_t value = bpf_get_attach_cookie(regs);
	struct dw_wire_cookie cookie;
	struct dw_wire_thread *thread;
	struct dw_wire_event event = {0};
	/* Read one by one: the verifier knows of no context at an offset that varies. */
	volatile uint64_t arguments[4] = {0, regs->di, regs->si, regs->dx};

	if (is_empty)
		return 0;
	__builtin_memcpy(&cookie, &value, sizeof(cookie));
	if (cookie.kind == DW_WIRE_FREES)
		return on_free(regs, cookie.how);
	thread = this_thread();
	if (!thread)
		return 0;
	end_onces(thread, regs->sp);
	event.kind = cookie.kind;
	event.what = cookie.what;
	event.how = cookie.how;
	event.object = arguments[cookie.object & 3];
	event.other = arguments[cookie.other & 3];
	bpf_probe_read_user(&event.site, sizeof(event.site), (void *)regs->sp);
	if (cookie.call)
		event.object = DW_NO_MEMORY | (uint64_t)DW_CALL << 40 | cookie.call;
	if (cookie.is_own && !is_own(&event))
		return 0;
	if (cookie.what == DW_MUTEX)
		event.how |= mutex_how(event.object);
	if (cookie.what == DW_RWLOCK)
		event.prefers = rwlock_prefers(event.object);
	if (cookie.what == DW_ONCE && !is_once(thread, &event, regs->sp))
		return 0;
	if (cookie.other == DW_WIRE_BY_FLAG && !is_spin(thread, &event, regs))
		return 0;
	if (cookie.kind == DW_PARK && event.other && cookie.what == DW_CONDITION)
		event.how |= mutex_how(event.other);
	if (cookie.what == DW_ENDING)
		bpf_probe_read_user(&event.other, sizeof(uint32_t),
				    (void *)(event.object + PTHREAD_TID));
	if (cookie.what == DW_FUTEX && !is_futex(&event, arguments[1], arguments[3], regs->cx))
		return 0;
	if (!(event.object & DW_NO_MEMORY) && !mark(thread->pid, event.object))
		lose(thread->pid, DW_WIRE_LOSS_PAGES);
	note(thread, &event, regs);
	count_held(thread, &event);
	if (event.kind == DW_WANT && (cookie.what == DW_MUTEX || cookie.what == DW_RWLOCK)) {
		thread->tried = event.object;
		thread->tried_what = cookie.what;
		thread->tried_in = thread->n_handlers;
	}
	return 0;
}

/* One of a kind, and all functions of a file at once, which kernels can do since Linux 6.6. */
SEC("uprobe")
int function_entry(struct pt_regs *regs)
{
	return on_entry(regs);
}

SEC("uprobe")
int functions_entry(struct pt_regs *regs)
{
	return on_entry(regs);
}

static __always_inline void kick(struct dw_wire_thread *thread, uint64_t other,
				 struct pt_regs *regs)
{
	struct dw_wire_event event = {.kind = DW_KICK, .other = other};

	if (thread->watched || thread->depth)
		note(thread, &event, regs);
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
	event.other = call->flags & DW_WIRE_SLEEPS ||
		      (call->flags & DW_WIRE_POLLS && thread->arguments[1] == 0) ||
		      (call->flags & DW_WIRE_SELECTS && thread->arguments[0] == 0);
	note(thread, &event, regs);
}

/* The current thread is about to go on with what a signal has interrupted. */
static __always_inline int leave_handler(void)
{
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid();
	struct dw_wire_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (thread && thread->n_handlers)
		thread->n_handlers--;
	return 0;
}

SEC("tp_btf/signal_deliver")
int signal_comes(uint64_t *context)
{
	struct k_sigaction *action = (struct k_sigaction *)context[2];
	struct dw_wire_thread *thread;

	if ((uint64_t)action->sa.sa_handler <= NO_HANDLER_MAX)
		return 0;
	thread = this_thread();
	if (thread)
		begin_handler(thread, context[0],
			      ((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()))->sp);
	return 0;
}

SEC("tp_btf/sys_enter")
int call_entry(uint64_t *context)
{
	struct pt_regs *regs = (struct pt_regs *)context[0];
	uint64_t number = (uint32_t)context[1];
	struct dw_wire_call call;
	struct dw_wire_thread *thread;

	if (number == SYS_RT_SIGRETURN)
		return leave_handler();
	if (number == SYS_MUNMAP)
		return on_freed(regs, regs->di, regs->di + regs->si, DW_WIRE_STAYS);
	if (number >= DW_WIRE_CALLS_MAX)
		return 0;
	call = calls[number];
	if (!call.flags && !call.number)
		return 0;
	thread = this_thread();
	if (!thread)
		return 0;
	thread->arguments[0] = regs->di;
	thread->arguments[1] = regs->si;
	thread->arguments[2] = regs->dx;
	thread->arguments[3] = regs->r10;
	thread->arguments[4] = regs->r8;
	thread->arguments[5] = regs->r9;
	if (call.flags & DW_WIRE_KICK) {
		kick(thread, number == SYS_TGKILL ? thread->arguments[1] : thread->arguments[0],
		     regs);
		return 0;
	}
	if (call.flags & DW_WIRE_KVM && thread->arguments[1] != KVM_RUN && !thread->depth)
		return 0; /* its state is left as it is */
	if (!every_taking && call.flags & DW_WIRE_FUTEX && is_wake(thread))
		let_go(thread, thread->arguments[0]);
	if (!is_of_interest(&call, thread))
		return 0;
	end_onces(thread, regs->sp);
	fill_registers(&thread->registers, regs);
	thread->since_ns = bpf_ktime_get_ns();
	thread->seq++;
	thread->call = number + 1;
	if (!every_taking && call.flags & DW_WIRE_FUTEX)
		await_mutex(thread, limit_of(&call, thread), regs);
	if ((thread->watched || thread->depth) && call.number)
		enter(thread, &call, regs);
	return 0;
}

static __always_inline bool is_known(uint64_t number)
{
	return number >= DW_WIRE_CALLS_MAX || calls[number].flags || calls[number].number;
}

SEC("tp_btf/sys_exit")
int call_return(uint64_t *context)
{
	uint64_t both = bpf_get_current_pid_tgid();
	uint32_t tid = (uint32_t)both, number;
	struct dw_wire_thread *thread;
	struct dw_wire_event event = {.kind = DW_WIRE_LEFT};
	uint16_t flags;

	/* Nearly all calls are of no interest, and there may be millions in a second. */
	if (!is_known(((struct pt_regs *)context[0])->orig_ax))
		return 0;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (!thread || !thread->call || thread->pid != both >> 32)
		return 0;
	number = thread->call - 1;
	thread->call = 0;
	if (thread->waits_for)
		measure(thread);
	thread->waits_for = 0;
	thread->seq++;
	if (number >= DW_WIRE_CALLS_MAX)
		return 0;
	flags = calls[number].flags;
	if (flags & DW_WIRE_KVM && thread->arguments[1] != KVM_RUN)
		flags &= ~DW_WIRE_IDLE;
	if (flags & DW_WIRE_FUTEX) {
		thread->slept_ns += bpf_ktime_get_ns() - thread->since_ns;
		thread->n_over += !is_interrupted((int64_t)context[1]);
		return 0;
	}
	if (flags & DW_WIRE_MAPS) {
		event.kind = DW_WIRE_MAPPED;
		note(thread, &event, NULL);
		return 0;
	}
	event.object = calls[number].number;
	event.registers.sp = ((struct pt_regs *)context[0])->sp;
	if (flags & DW_WIRE_IDLE) {
		thread->n_idles++;
		event.other = flags & DW_WIRE_KVM ? DW_WIRE_LEFT_GUEST : DW_WIRE_LEFT_IDLE;
	}
	if (event.other)
		event.site = caller_of(thread, (struct pt_regs *)context[0]);
	if (every_taking && event.other)
		note(thread, &event, (struct pt_regs *)context[0]);
	else if (thread->watched || thread->depth)
		note(thread, &event, NULL);
	return 0;
}

/* What process @pid makes is attached to from its begin, if that is. */
static __always_inline void follow(uint32_t pid, uint32_t child)
{
	const struct dw_wire_target *target = bpf_map_lookup_elem(&targets, &pid);
	const struct dw_wire_target followed = {.follows = 1};

	if (target && target->follows)
		bpf_map_update_elem(&targets, &child, &followed, BPF_NOEXIST);
}

SEC("tp_btf/task_newtask")
int task_born(uint64_t *context)
{
	struct task_struct *task = (struct task_struct *)context[0];
	struct dw_wire_thread *thread = this_thread();
	struct dw_wire_event event = {.kind = DW_BORN};

	if (!thread)
		return 0;
	event.other = (uint32_t)task->pid;
	event.object = task->thread.fsbase;
	if (!(context[1] & CLONE_THREAD)) {
		event.kind = DW_WIRE_FORK;
		event.how = context[1] & CLONE_VM ? DW_WIRE_SHARES : 0;
		follow(thread->pid, (uint32_t)event.other);
	} else {
		know(thread->pid, (uint32_t)event.other);
	}
	note(thread, &event, NULL);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int task_over(uint64_t *context)
{
	struct task_struct *task = (struct task_struct *)context[0];
	struct dw_wire_thread *thread = this_thread();
	struct dw_wire_event event = {.kind = DW_EXIT};
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid();

	if (!thread)
		return 0;
	_Static_assert(offsetof(struct dw_wire_event, other) ==
			   offsetof(struct dw_wire_event, object) + 8,
		       "a name has 16 bytes");
	bpf_get_current_comm(&event.object, 2 * sizeof(event.object));
	event.site = task->signal->flags & SIGNAL_GROUP_EXIT ? 1 : 0;
	end_onces(thread, UINT64_MAX);
	note(thread, &event, NULL);
	bpf_map_delete_elem(&threads, &tid);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int task_exec(void *context)
{
	struct dw_wire_thread *thread = this_thread();
	struct dw_wire_event event = {.kind = DW_WIRE_EXEC};
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid();

	if (!thread)
		return 0;
	note(thread, &event, NULL);
	bpf_map_delete_elem(&threads, &tid); /* it holds nothing any more */
	return 0;
}
