/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a thread was about to do, or waited for, is over. */
#include "attach/track_parts.h"

/* Of stack that a call takes. QEMU's coroutines have stacks of a MiB. */
#define CALL_STACK_MAX (UINT64_C(256) << 10)

static void measure(struct dw_attached *process, uint32_t chain, uint64_t waited_ns)
{
	struct dw_rec_chain *record;

	if (!chain || chain == DW_CHAIN_LOST || !waited_ns)
		return;
	record = dw_writer_record(&process->writer, chain);
	record->n_waits++;
	record->waited_ns += waited_ns;
	if (waited_ns > record->longest_ns)
		record->longest_ns = waited_ns;
}

/* Nobody gets a second time what is not made for it: it is refused, or waited for in vain. */
bool dw_track_has_already(struct dw_attached_thread *thread)
{
	return !thread->doing.deeper && dw_thread_find(&thread->thread, thread->doing.wants.thing);
}

/* The lock that the thread wanted: @got. */
void dw_track_end_want(struct dw_attached_thread *thread, bool got, uint64_t slept_ns)
{
	struct dw_taking *wants = &thread->doing.wants;
	const struct dw_held *held;

	got = got && !dw_track_has_already(thread);
	if (got && thread->doing.deeper) {
		dw_thread_rehold(&thread->thread, wants);
	} else if (got) {
		if (wants->how & DW_TRY)
			dw_thread_want(&thread->thread, wants);
		dw_thread_hold(&thread->thread, wants);
		held = dw_thread_find(&thread->thread, wants->thing);
		if (held)
			measure(thread->process, held->chain, slept_ns);
	} else {
		dw_thread_fail(&thread->thread);
		dw_thread_poll(&thread->thread, dw_writer_now_ns());
	}
	wants->thing = 0;
}

static bool is_idle_point(unsigned what)
{
	return what != DW_ENDING && what != DW_LOCK_WORD && what != DW_CALL;
}

/* The innermost wait is over. */
void dw_track_end_wait(struct dw_attached_thread *thread, uint64_t waited_ns)
{
	struct dw_attached *process = thread->process;
	struct dw_attached_wait *wait = &thread->waits[--thread->n_waits];
	const struct dw_attached_wait *within = dw_track_innermost(thread);

	if (wait->releases)
		return;
	if (wait->mutex.thing && within && within->releases)
		measure(process, within->waiting.chain, waited_ns);
	dw_thread_waited(&thread->thread, &wait->waiting);
	measure(process, wait->waiting.chain, waited_ns);
	if (is_idle_point(wait->taking.what))
		dw_thread_idle(&thread->thread, &wait->taking);
	if (wait->mutex.thing)
		dw_thread_retake(&thread->thread, &wait->mutex);
	if (wait->joins && process->threads[wait->joins]->ended)
		dw_track_joined(thread, wait->joins);
}

struct dw_attached_wait *dw_track_innermost(struct dw_attached_thread *thread)
{
	return thread->n_waits > thread->doing.first_wait ? &thread->waits[thread->n_waits - 1]
							  : NULL;
}

bool dw_track_has_name(const struct dw_attached_wait *wait)
{
	return wait->taking.what == DW_CALL && dw_thing_number(wait->taking.thing) >= DW_CALL_NAMED;
}

/* What was shown by a picture is not any more. */
void dw_track_end_pictured(struct dw_attached_thread *thread)
{
	if (thread->doing.wants.thing)
		dw_thread_fail(&thread->thread);
	thread->doing.wants.thing = 0;
	while (dw_track_innermost(thread))
		dw_track_end_wait(thread, 0);
	thread->pictured = false;
}

/*
 * Whether a call that has a name is over when the stack is at @sp: not if it has grown since.
 * Another stack, as of a coroutine, is farther away than a call makes it grow.
 */
bool dw_track_is_over(const struct dw_attached_wait *wait, uint64_t sp)
{
	return sp && (sp >= wait->sp || wait->sp - sp > CALL_STACK_MAX);
}

/* The calls that have a name and that the thread is not in any more. */
static void end_named(struct dw_attached_thread *thread, uint64_t sp, uint64_t slept_ns)
{
	struct dw_attached_wait *wait = dw_track_innermost(thread);

	while (wait && dw_track_has_name(wait)) {
		wait->slept_ns += slept_ns;
		if (!dw_track_is_over(wait, sp))
			return;
		slept_ns = wait->slept_ns;
		dw_track_end_wait(thread, slept_ns);
		wait = dw_track_innermost(thread);
	}
}

/* What it waits for without end it has, if it goes on; of what it tried the lock says that. */
static bool has_got(const struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	return !(thread->doing.wants.how & (DW_TRY | DW_TIMED)) || event->got != DW_WIRE_GOT_NOT;
}

/* A thread that does something new has done with what it did. */
void dw_track_end_last(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	const struct dw_attached_wait *wait = dw_track_innermost(thread);
	uint64_t slept_ns = event->slept_ns;

	if (thread->pictured) {
		dw_track_end_pictured(thread);
		return;
	}
	if (thread->doing.wants.thing)
		dw_track_end_want(thread, has_got(thread, event), event->slept_ns);
	if (wait && !dw_track_has_name(wait)) {
		if (wait->taking.what == DW_CALL)
			slept_ns = event->time_ns - wait->since_ns;
		dw_track_end_wait(thread, slept_ns);
	}
	end_named(thread, event->registers.sp, slept_ns);
}

/* What the thread does goes on when the handler is over that has interrupted it. */
static void begin_handler(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	if (thread->pictured)
		dw_track_end_pictured(thread);
	if (thread->doing.wants.thing && event->got != DW_WIRE_GOT_NOT)
		dw_track_end_want(thread, /* got= */ true, event->slept_ns);
	dw_thread_fail(&thread->thread);
	thread->interrupted[thread->n_interrupted++] = thread->doing;
	thread->doing = (struct dw_attached_doing){.first_wait = thread->n_waits};
}

static void end_handler(struct dw_attached_thread *thread)
{
	if (thread->doing.wants.thing)
		dw_track_end_want(thread, /* got= */ true, 0);
	while (dw_track_innermost(thread))
		dw_track_end_wait(thread, 0);
	thread->doing = thread->interrupted[--thread->n_interrupted];
}

void dw_track_follow_handlers(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	while (thread->n_interrupted > event->n_handlers)
		end_handler(thread);
	while (thread->n_interrupted < event->n_handlers &&
	       thread->n_interrupted < DW_WIRE_HANDLERS_MAX)
		begin_handler(thread, event);
}
