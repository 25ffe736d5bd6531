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
#include "bpf/function.h"
#include "bpf/kernel.h"
#include "bpf/once.h"
#include "bpf/signal.h"
#include "bpf/tell.h"
#include "bpf/under_way.h"

#include "attach/wire.h"

#include <bpf/bpf_helpers.h>
#include <stddef.h>

/* The program is GPL, or some of the kernel's functions would not be to be had. */
char LICENSE[] SEC("license") = "GPL";

#define CLONE_VM 0x00000100
#define CLONE_THREAD 0x00010000
#define SIGNAL_GROUP_EXIT 4
#define EXIT_SIGNAL 0x7f /* of an exit code */
#define SYS_MUNMAP 11
#define SYS_RT_SIGRETURN 15
#define SYS_EXIT 60

SEC("uprobe")
int function_entry(struct pt_regs *regs)
{
	return on_function(regs);
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

/* The current thread is about to end by itself: where it does is of interest if it holds something.
 */
static __always_inline int end_thread(struct pt_regs *regs)
{
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid();
	struct dw_wire_thread *thread = bpf_map_lookup_elem(&threads, &tid);
	struct dw_wire_event event = {.kind = DW_WIRE_ENDS};

	if (thread && thread->depth)
		note(thread, &event, regs);
	return 0;
}

SEC("tp_btf/sys_enter")
int call_entry(uint64_t *context)
{
	struct pt_regs *regs = (struct pt_regs *)context[0];
	uint64_t number = (uint32_t)context[1];

	if (number == SYS_RT_SIGRETURN)
		return leave_handler();
	if (number == SYS_EXIT)
		return end_thread(regs);
	if (number == SYS_MUNMAP)
		return on_freed(regs, regs->di, regs->di + regs->si, DW_WIRE_STAYS);
	return is_known(number) ? begin_call(number, regs) : 0;
}

SEC("tp_btf/sys_exit")
int call_return(uint64_t *context)
{
	struct pt_regs *regs = (struct pt_regs *)context[0];

	return may_end_known(regs->orig_ax) ? end_call((int64_t)context[1], regs) : 0;
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
		end(thread, -EINTR, regs);
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
	event.site = number_inside(task);
	event.object = task->thread.fsbase;
	if (!(context[1] & CLONE_THREAD)) {
		event.kind = DW_WIRE_FORK;
		event.how = context[1] & CLONE_VM ? DW_WIRE_SHARES : 0;
		follow(thread->pid, (uint32_t)event.other);
	} else {
		know(thread->pid, (uint32_t)event.other, (uint32_t)event.site);
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

	if (!thread)
		return 0;
	_Static_assert(offsetof(struct dw_wire_event, other) ==
			   offsetof(struct dw_wire_event, object) + 8,
		       "a name has 16 bytes");
	bpf_get_current_comm(&event.object, 2 * sizeof(event.object));
	event.site = task->signal->flags & SIGNAL_GROUP_EXIT ? 1 : 0;
	event.what = event.site ? task->exit_code & EXIT_SIGNAL : 0;
	end_onces(thread, UINT64_MAX);
	note(thread, &event, NULL);
	forget(thread);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int task_exec(void *context)
{
	struct dw_wire_thread *thread = this_thread();
	struct dw_wire_event event = {.kind = DW_WIRE_EXEC};

	if (!thread)
		return 0;
	note(thread, &event, NULL);
	forget(thread); /* it holds nothing any more */
	return 0;
}

/* For the collector: a state that it read and wrote back would undo what the thread does meanwhile.
 */
SEC("syscall")
int watch(struct dw_wire_watch *wanted)
{
	struct dw_wire_thread *thread = know(wanted->pid, wanted->tid, wanted->inside);

	if (thread)
		thread->watched = wanted->watched;
	return 0;
}
