/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/wait.h"

uint64_t shim_now_ns(void)
{
	/* Where the clock is no part of the vDSO, it takes a system call. */
	return shim->writer.sealed ? 0 : dw_writer_now_ns();
}

void shim_measured(uint32_t chain, uint64_t since_ns)
{
	uint64_t now_ns = since_ns ? shim_now_ns() : 0;
	struct dw_rec_chain *record;

	if (!chain || chain == DW_CHAIN_LOST || !now_ns)
		return;
	record = dw_writer_record(&shim->writer, chain);
	record->n_waits++;
	record->waited_ns += now_ns - since_ns;
	if (now_ns - since_ns > record->longest_ns)
		record->longest_ns = now_ns - since_ns;
}

/* Of a condition's mutex, the event says how it is taken again. */
static void note_wait(const struct shim_wait *wait, enum dw_event_kind kind)
{
	struct dw_taking taking = wait->taking;

	taking.how |= wait->mutex.how & (uint8_t)~DW_RETAKEN;
	shim_event(wait->t, kind, &taking, wait->mutex.thing, 0);
}

static void begun(struct shim_wait *wait)
{
	if (wait->waiting.chain)
		wait->since_ns = shim_now_ns();
	if (shim_unlikely(wait->t->thread.open == SHIM_EVENTS))
		note_wait(wait, DW_PARK);
}

void shim_wait(struct shim_wait *wait, uint64_t thing, enum dw_thing_kind what, unsigned how,
	       uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);

	*wait = (struct shim_wait){.t = t};
	if (!t)
		return;
	wait->taking = shim_taking(t, (void *)thing, what, how | DW_WAITS, caller);
	dw_thread_wait(&t->thread, &wait->taking, /* sleeps= */ false, &wait->waiting);
	begun(wait);
}

void shim_park(struct shim_wait *wait, const volatile void *condition, pthread_mutex_t *mutex,
	       unsigned how, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);

	*wait = (struct shim_wait){.t = t};
	shim_qemu_refresh();
	if (!t)
		return;
	wait->taking = shim_taking(t, condition, DW_CONDITION, DW_WAITS | (how & DW_TIMED), caller);
	wait->mutex = shim_taking(t, mutex, DW_MUTEX, how & ~(unsigned)DW_TIMED, caller);
	wait->retakes = dw_thread_park(&t->thread, &wait->mutex, &wait->taking, &wait->waiting);
	begun(wait);
}

/* Whoever waited for one of these has slept until others gave it; a join is no such point. */
static bool is_idle_point(unsigned what)
{
	return what != DW_ENDING;
}

/*
 * The mutex is had again before a cancelled thread unwinds. A child that was forked by a signal
 * handler comes back from its parent's wait, and knows nothing of it.
 */
void shim_waited(struct shim_wait *wait)
{
	struct shim_thread *t = wait->t;
	int error = errno;

	if (t != shim_self || !t->thread.slot)
		return;
	dw_thread_waited(&t->thread, &wait->waiting);
	shim_measured(wait->waiting.chain, wait->since_ns);
	if (is_idle_point(wait->taking.what))
		shim_idle(t, &wait->taking);
	if (wait->retakes)
		dw_thread_retake(&t->thread, &wait->mutex);
	if (shim_unlikely(t->thread.open == SHIM_EVENTS))
		note_wait(wait, DW_WAKE);
	errno = error;
}

void shim_post(const volatile void *thing, enum dw_thing_kind what, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);
	struct dw_taking taking;

	shim_qemu_refresh();
	if (!t)
		return;
	taking = shim_taking(t, thing, what, 0, caller);
	dw_thread_post(&t->thread, &taking);
	if (shim_unlikely(t->thread.open == SHIM_EVENTS))
		shim_event(t, DW_POST, &taking, 0, 0);
}

void shim_idle(struct shim_thread *t, const struct dw_taking *at)
{
	dw_thread_idle(&t->thread, at);
	t->woken_what = at->what;
	t->exit = 0;
	t->exit_address = 0;
}

void shim_polled(struct shim_thread *t)
{
	uint64_t now_ns = t->thread.slot->top ? shim_now_ns() : 0;

	if (now_ns)
		dw_thread_poll(&t->thread, now_ns);
}
