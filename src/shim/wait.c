/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/wait.h"

#include "shim/sandbox.h"

#include <errno.h>
#include <signal.h>

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

static uint32_t n_stops(void)
{
	return __atomic_load_n(&shim->writer.header->n_stops, __ATOMIC_RELAXED);
}

/* How long a wait took that the process was stopped in, nobody knows: it counts, and its time does
 * not.
 */
static void measure(const struct shim_wait *wait)
{
	uint32_t chain = wait->waiting.chain;
	struct dw_rec_chain *record;

	if (wait->n_stops == n_stops() || !wait->since_ns) {
		shim_measured(chain, wait->since_ns);
		return;
	}
	if (!chain || chain == DW_CHAIN_LOST)
		return;
	record = dw_writer_record(&shim->writer, chain);
	record->n_waits++;
}

/* Of a condition's mutex, the event says how it is taken again. */
static void note_wait(const struct shim_wait *wait, enum dw_event_kind kind)
{
	struct dw_taking taking = wait->taking;

	taking.how |= wait->mutex.how & (uint8_t)~DW_RETAKEN;
	shim_event(wait->t, kind, &taking, wait->mutex.thing, 0);
}

static void start_clock(struct shim_wait *wait)
{
	struct dw_thread *thread = &wait->t->thread;

	/* Who holds nothing that is known may still ask again and again for another's answer. */
	if (!dw_thread_has_to_wait(thread))
		return;
	wait->since_ns = shim_now_ns();
	wait->n_stops = n_stops();
	if (wait->since_ns && wait->taking.how & DW_TIMED)
		dw_thread_poll(thread, wait->since_ns);
}

/* Whether the alternate stack for signal handlers, if we run on that, has @address. */
static bool is_on_this_stack(uint64_t address)
{
	int error = errno;
	stack_t stack;
	bool on = false;

	if (!shim->writer.sealed && !shim_sandbox_met && sigaltstack(NULL, &stack) == 0)
		on = !(stack.ss_flags & SS_ONSTACK) ||
		     address - (uint64_t)stack.ss_sp < stack.ss_size;
	errno = error;
	return on;
}

/*
 * A wait that is interrupted by a signal handler, or has others within it, is under way: its
 * frame is there, and theirs are below it. If one begins above, the frame is gone: siglongjmp()
 * or longjmp() has left that wait, and it must not be come back to. That is certain, but it may
 * take some waits until one begins high enough. What is kept on no stack (annotations) is not known
 * to be gone.
 */
static void begin(struct shim_wait *wait)
{
	struct shim_thread *t = wait->t;
	uint64_t at = shim_is_within(t, wait) ? 0 : (uint64_t)wait;

	wait->outer_at = t->waiting_at;
	if (at && wait->outer_at && wait->outer_at <= at && is_on_this_stack(wait->outer_at)) {
		t->thread.slot->waits = (struct dw_held){0};
		wait->outer_at = 0;
	}
	t->waiting_at = at;
}

static void begun(struct shim_wait *wait)
{
	start_clock(wait);
	if (shim_unlikely(wait->t->thread.open & SHIM_EVENTS))
		note_wait(wait, DW_PARK);
}

static void delay(struct shim_thread *t, uint64_t caller)
{
	if (shim_unlikely(t->thread.open & SHIM_DELAYS))
		shim_delay(t, caller, /* chain= */ 0);
}

void shim_wait(struct shim_wait *wait, uint64_t thing, enum dw_thing_kind what, unsigned how,
	       uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);

	*wait = (struct shim_wait){.t = t};
	if (!t)
		return;
	delay(t, caller);
	wait->taking = shim_taking(t, (void *)thing, what, how | DW_WAITS, caller);
	begin(wait);
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
	delay(t, caller);
	wait->taking = shim_taking(t, condition, DW_CONDITION, DW_WAITS | (how & DW_TIMED), caller);
	wait->mutex = shim_taking(t, mutex, DW_MUTEX, how & ~(unsigned)DW_TIMED, caller);
	begin(wait);
	wait->retakes = dw_thread_park(&t->thread, &wait->mutex, &wait->taking, &wait->waiting);
	begun(wait);
}

static void idle(struct shim_thread *t, const struct dw_taking *at)
{
	dw_thread_idle(&t->thread, at);
	t->woken_what = at->what;
	t->exit = 0;
	t->exit_address = 0;
}

/*
 * A child that was forked by a signal handler comes back from its parent's wait, and knows
 * nothing of it.
 */
static bool is_under_way(const struct shim_wait *wait)
{
	return wait->t == shim_self && wait->t->thread.slot;
}

static void ended(struct shim_wait *wait)
{
	wait->t->waiting_at = wait->outer_at;
	dw_thread_waited(&wait->t->thread, &wait->waiting);
	measure(wait);
}

/* The mutex is had again before a cancelled thread unwinds. A join is no idle point, nor a lock. */
void shim_waited(struct shim_wait *wait)
{
	struct shim_thread *t = wait->t;
	int error = errno;

	if (!is_under_way(wait))
		return;
	ended(wait);
	if (wait->taking.what != DW_ENDING && wait->taking.what != DW_LOCK_WORD)
		idle(t, &wait->taking);
	if (wait->retakes)
		dw_thread_retake(&t->thread, &wait->mutex);
	if (shim_unlikely(t->thread.open & SHIM_EVENTS))
		note_wait(wait, DW_WAKE);
	if (wait->retakes && shim_unlikely(t->thread.open & SHIM_DELAYS))
		shim_delay_holder(t, wait->mutex.caller);
	errno = error;
}

void shim_enter(struct shim_wait *wait, uint32_t number, unsigned how, unsigned flags,
		uint64_t caller)
{
	uint64_t call = dw_thing_address(DW_CALL, number);
	struct shim_thread *t = shim_self;
	bool sleeps = flags & SHIM_SLEEPS;
	int error = errno;

	if (how != SHIM_AT_ONCE)
		delay(t, caller);
	*wait = (struct shim_wait){.t = t, .flags = flags};
	wait->taking = shim_taking(t, (void *)call, DW_CALL, DW_WAITS | (how & DW_TIMED), caller);
	if (how == SHIM_AT_ONCE) {
		wait->taking.thing = 0;
		return;
	}
	begin(wait);
	dw_thread_wait(&t->thread, &wait->taking, sleeps, &wait->waiting);
	start_clock(wait);
	if (shim_unlikely(t->thread.open & SHIM_EVENTS))
		shim_event(t, DW_ENTER, &wait->taking, sleeps, 0);
	errno = error;
}

void shim_left(struct shim_wait *wait)
{
	struct shim_thread *t = wait->t;
	int error = errno;

	if (!is_under_way(wait))
		return;
	if (wait->taking.thing) {
		ended(wait);
		if (shim_unlikely(t->thread.open & SHIM_EVENTS))
			shim_event(t, DW_LEAVE, &wait->taking, 0, 0);
	}
	if (wait->flags & SHIM_IDLES)
		shim_back(t, wait->taking.caller, /* from_guest= */ false);
	errno = error;
}

void shim_back(struct shim_thread *t, uint64_t caller, bool from_guest)
{
	struct dw_taking at = {.site = caller, .caller = caller};
	int error = errno;

	if (!t->thread.open)
		return;
	idle(t, &at);
	if (shim_unlikely(t->thread.open & SHIM_EVENTS))
		shim_event(t, DW_IDLE, &at, from_guest, 0);
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
	if (shim_unlikely(t->thread.open & SHIM_EVENTS))
		shim_event(t, DW_POST, &taking, 0, 0);
}

void shim_polled(struct shim_thread *t)
{
	uint64_t now_ns = t->thread.slot->top ? shim_now_ns() : 0;

	if (now_ns)
		dw_thread_poll(&t->thread, now_ns);
}
