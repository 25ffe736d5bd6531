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
#include "bpf/function.h"
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
#define SYS_RESTART_SYSCALL 219
#define SYS_TGKILL 234

SEC("uprobe")
int function_entry(struct pt_regs *regs)
{
	return on_function(regs);
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

/* The current thread is about to go on with what a signal has interrupted. */
static __always_inline int leave_handler(void)
{
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid();
	struct dw_wire_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (thread && thread->n_handlers)
		thread->n_handlers--;
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
	if (!thread || (thread->restarts && number + 1 == thread->call))
		return 0;
	thread->arguments[0] = regs->di;
	thread->arguments[1] = regs->si;
	thread->arguments[2] = regs->dx;
	thread->arguments[3] = regs->r10;
	thread->arguments[4] = regs->r8;
	thread->arguments[5] = regs->r9;
	if (call.flags & DW_WIRE_KICK) {
		kick(thread, number == SYS_TGKILL ? thread->arguments[1] : thread->arguments[0]);
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
	if (call.number && is_heard(&call, thread))
		enter(thread, &call, regs);
	return 0;
}

static __always_inline bool is_known(uint64_t number)
{
	return number >= DW_WIRE_CALLS_MAX || number == SYS_RESTART_SYSCALL ||
	       calls[number].flags || calls[number].number;
}

/* The current thread is back from the call that it was in. */
static __noinline int leave(struct dw_wire_thread *thread, int64_t result, struct pt_regs *regs)
{
	struct dw_wire_event event = {.kind = DW_WIRE_LEFT};
	struct dw_wire_call call;
	uint32_t number;
	uint16_t flags;

	if (!thread)
		return 0;
	number = thread->call - 1;
	thread->call = 0;
	thread->restarts = 0;
	if (thread->waits_for)
		measure(thread);
	thread->waits_for = 0;
	thread->seq++;
	if (number >= DW_WIRE_CALLS_MAX)
		return 0;
	call = calls[number];
	flags = call.flags;
	if (flags & DW_WIRE_KVM && thread->arguments[1] != KVM_RUN)
		flags &= ~DW_WIRE_IDLE;
	if (flags & DW_WIRE_FUTEX) {
		thread->slept_ns += bpf_ktime_get_ns() - thread->since_ns;
		thread->n_over += !is_interrupted(result);
		return 0;
	}
	if (flags & DW_WIRE_MAPS) {
		event.kind = DW_WIRE_MAPPED;
		note(thread, &event, NULL);
		return 0;
	}
	event.object = call.number;
	event.registers.sp = regs->sp;
	if (flags & DW_WIRE_IDLE) {
		thread->n_idles++;
		event.other = flags & DW_WIRE_KVM ? DW_WIRE_LEFT_GUEST : DW_WIRE_LEFT_IDLE;
		thread->kicks = thread->kicks && sleeps(&call, thread);
	}
	if (event.other)
		event.site = caller_of(thread, regs);
	if (every_taking && event.other)
		note(thread, &event, regs);
	else if (is_heard(&call, thread))
		note(thread, &event, NULL);
	return 0;
}

SEC("tp_btf/sys_exit")
int call_return(uint64_t *context)
{
	uint64_t both = bpf_get_current_pid_tgid();
	uint32_t tid = (uint32_t)both;
	struct pt_regs *regs = (struct pt_regs *)context[0];
	struct dw_wire_thread *thread;

	/* Nearly all calls are of no interest, and there may be millions in a second. */
	if (!is_known(regs->orig_ax))
		return 0;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (!thread || !thread->call || thread->pid != both >> 32)
		return 0;
	thread->restarts = is_made_again((int64_t)context[1]);
	return thread->restarts ? 0 : leave(thread, (int64_t)context[1], regs);
}

SEC("tp_btf/signal_deliver")
int signal_comes(uint64_t *context)
{
	struct k_sigaction *action = (struct k_sigaction *)context[2];
	struct dw_wire_thread *thread;
	struct pt_regs *regs;

	if ((uint64_t)action->sa.sa_handler <= NO_HANDLER_MAX)
		return 0;
	thread = this_thread();
	if (!thread)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	if (thread->restarts)
		leave(thread, -EINTR, regs);
	begin_handler(thread, context[0], regs->sp);
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
