/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/track_parts.h"

#include "attach/contended.h"
#include "attach/named.h"
#include "attach/place.h"
#include "base/hash.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* From the begin of a function to its system call, if it makes one, takes no longer. */
#define BEGIN_NS UINT64_C(20000000)

/* Of a site: it is in a handler of a signal. */
#define IN_HANDLER (UINT64_C(1) << 63)

struct dw_taking dw_track_taking(struct dw_attached_thread *thread, uint64_t address, unsigned what,
				 unsigned how, uint64_t site)
{
	const struct dw_attached_thing *thing = dw_attached_thing(thread->process, address);

	return (struct dw_taking){
	    .thing = address,
	    .site = site,
	    .caller = site,
	    .life = thing ? thing->life : 0,
	    .how = (uint8_t)how,
	    .what = (uint8_t)what,
	};
}

static struct dw_attached_wait *new_wait(struct dw_attached_thread *thread, uint64_t now_ns)
{
	if (thread->n_waits == DW_ATTACHED_WAITS_MAX)
		dw_track_end_wait(thread, 0);
	if (thread->doing.first_wait > thread->n_waits)
		thread->doing.first_wait = thread->n_waits;
	thread->waits[thread->n_waits] = (struct dw_attached_wait){.since_ns = now_ns};
	return &thread->waits[thread->n_waits++];
}

static bool holds_in_mode(struct dw_attached_thread *thread, const struct dw_taking *taking)
{
	const struct dw_held *held = dw_thread_find(&thread->thread, taking->thing);

	return taking->how & DW_REENTRANT && held && !((held->how ^ taking->how) & DW_SHARED);
}

/* A try that fails is nothing; one that has success is told when that is known, with the stack of
 * now. */
static void on_want(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	thread->doing.wants =
	    dw_track_taking(thread, event->object, event->what, event->how, event->site);
	/* What is taken in a handler is told though it was told outside. */
	if (event->signal)
		thread->doing.wants.site |= IN_HANDLER;
	thread->doing.wants_ns = event->time_ns;
	thread->doing.deeper = holds_in_mode(thread, &thread->doing.wants);
	if (event->how & DW_TRY)
		dw_attached_stack(thread, &thread->doing.wants);
	else if (!thread->doing.deeper)
		dw_thread_want(&thread->thread, &thread->doing.wants);
}

/* Who has nobody to wait for any more would have had to, had it come sooner. */
static void on_asks(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_taking taking =
	    dw_track_taking(thread, event->object, event->what, 0, event->site);

	dw_thread_want(&thread->thread, &taking);
	dw_thread_fail(&thread->thread);
}

/*
 * Some locks are made by the very function that lets them go (pthread_spin_init() of x86-64), and
 * who has tried to read a rwlock is known only where the function that tries it shows its results.
 */
static void on_drop(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_taking taking =
	    dw_track_taking(thread, event->object, event->what, 0, event->site);

	if (dw_thread_drop(&thread->thread, event->object))
		return;
	if (event->what == DW_SPINLOCK &&
	    !dw_attached_thing_told(thread->process, event->object, 0))
		dw_attached_init(thread, event->object);
	if (event->what != DW_MUTEX || thread->thread.unsure)
		return;
	dw_thread_misuse(&thread->thread, DW_MISUSE_UNLOCK, &taking, 0);
}

static void on_destroy(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	const struct dw_held *held = dw_thread_find(&thread->thread, event->object);
	struct dw_taking taking =
	    dw_track_taking(thread, event->object, event->what, 0, event->site);

	if (held)
		dw_thread_misuse(&thread->thread, DW_MISUSE_DESTROY, &taking, held->chain);
	dw_attached_destroy(thread->process, event->object);
}

static void on_frees(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	dw_attached_freed(thread, event->object, event->other, event->how);
}

static void on_post(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_taking taking =
	    dw_track_taking(thread, event->object, event->what, 0, event->site);

	if (thread->process->every_taking)
		dw_thread_post(&thread->thread, &taking);
	else
		dw_contended_gives(thread, &taking);
}

/* Of a thread that was there before, only the kernel's number is known. */
static uint32_t joined_by(const struct dw_attached_thread *thread,
			  const struct dw_wire_event *event)
{
	uint32_t number = dw_attached_of_handle(thread->process, event->object);
	const struct dw_attached_thread *other =
	    number ? NULL : dw_attached_find_inside(thread->process, (pid_t)event->other);

	return other ? other->thread.number : number;
}

/* Its thread has let go of a lock in a call that does so: that is when it waits for the call. */
static void wait_for_outer(struct dw_attached_thread *thread)
{
	struct dw_attached_wait *outer =
	    thread->n_waits > 1 ? &thread->waits[thread->n_waits - 2] : NULL;

	if (!outer || !outer->releases)
		return;
	dw_thread_wait(&thread->thread, &outer->taking, /* sleeps= */ false, &outer->waiting);
	dw_thread_waited(&thread->thread, &outer->waiting);
}

static void on_park(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	uint32_t joins = event->what == DW_ENDING ? joined_by(thread, event) : 0;
	uint64_t object = joins ? dw_thing_address(DW_ENDING, joins) : event->object;
	struct dw_attached_wait *wait;

	if (event->what == DW_ENDING && !joins)
		return;
	/* Who arrives at a barrier gives it, and waits for the others. */
	if (event->what == DW_BARRIER)
		on_post(thread, event);
	wait = new_wait(thread, event->time_ns);
	wait->joins = joins;
	wait->taking = dw_track_taking(thread, object, event->what,
				       DW_WAITS | (event->how & DW_TIMED), event->site);
	if (event->what == DW_CONDITION)
		wait->mutex = dw_track_taking(thread, event->other, DW_MUTEX,
					      event->how & (DW_REENTRANT | DW_ROBUST), event->site);
	if (!wait->mutex.thing)
		dw_thread_wait(&thread->thread, &wait->taking, false, &wait->waiting);
	else if (!dw_thread_park(&thread->thread, &wait->mutex, &wait->taking, &wait->waiting))
		wait->mutex.thing = 0;
	else
		wait_for_outer(thread);
	if (event->how & DW_TIMED && dw_thread_has_to_wait(&thread->thread))
		dw_thread_poll(&thread->thread, event->time_ns);
}

/* Calls that the C library makes on its way are told apart by how deep in it they are made. */
static struct dw_taking call_of(struct dw_attached_thread *thread,
				const struct dw_wire_event *event)
{
	uint64_t caller = dw_attached_caller(thread->process, event), site = caller;
	struct dw_taking call;

	if (dw_attached_is_system(thread->process, caller))
		site = dw_hash(caller, event->registers.sp);
	call = dw_track_taking(thread, event->object, DW_CALL, DW_WAITS | (event->how & DW_TIMED),
			       site);
	call.caller = caller;
	return call;
}

static void on_enter(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_attached_wait *wait;
	bool sleeps = event->other != 0;

	if (!(sleeps ? dw_thread_has_to_wait(&thread->thread) : thread->thread.slot->top != 0))
		return;
	wait = new_wait(thread, event->time_ns);
	wait->taking = call_of(thread, event);
	wait->sp = event->registers.sp;
	wait->releases = dw_named_releases(thread->process->named, event->object);
	if (wait->releases)
		return;
	dw_thread_wait(&thread->thread, &wait->taking, sleeps, &wait->waiting);
	if (event->how & DW_TIMED)
		dw_thread_poll(&thread->thread, event->time_ns);
}

static void on_left(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_rec_thread *record = dw_writer_record(&thread->process->writer, thread->record);
	struct dw_taking at = {0};

	if (event->other == DW_WIRE_LEFT_PLAIN)
		return;
	at.site = at.caller = dw_attached_caller(thread->process, event);
	/* What it answers, if it is asked to, it answers here. */
	if (event->stack_size)
		dw_attached_stack(thread, &at);
	if (event->other == DW_WIRE_LEFT_GUEST) {
		dw_slot_ask(thread->thread.slot);
		record->flags |= DW_THREAD_VCPU;
	}
	dw_thread_idle(&thread->thread, &at);
}

static void on_kick(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	const struct dw_attached_thread *other =
	    dw_attached_find_inside(thread->process, (pid_t)event->other);

	if (other)
		dw_thread_kick(&thread->thread, other->thread.number);
}

static void play(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	static void (*const handlers[])(struct dw_attached_thread *,
					const struct dw_wire_event *) = {
	    [DW_DESTROY] = on_destroy,
	    [DW_WANT] = on_want,
	    [DW_DROP] = on_drop,
	    [DW_PARK] = on_park,
	    [DW_POST] = on_post,
	    [DW_BORN] = dw_track_born,
	    [DW_EXIT] = dw_track_exit,
	    [DW_ENTER] = on_enter,
	    [DW_WIRE_MAKES] = dw_track_makes,
	    [DW_KICK] = on_kick,
	    [DW_WIRE_LEFT] = on_left,
	    [DW_WIRE_FREES] = on_frees,
	    [DW_WIRE_ASKS] = on_asks,
	    [DW_WIRE_ENDS] = dw_track_ends,
	    [DW_WIRE_HAS] = dw_contended_has,
	    [DW_WIRE_AWAITS] = dw_contended_awaits,
	};

	if (event->kind == DW_WIRE_MAPPED)
		thread->process->has_mapped = true;
	else if (event->kind == DW_INIT)
		dw_attached_init(thread, event->object);
	else if (event->kind < sizeof(handlers) / sizeof(*handlers) && handlers[event->kind])
		handlers[event->kind](thread, event);
}

/* Whether the C library, or the loader, does it for its own ends, and not for its caller's. */
static bool is_internal(struct dw_attached *process, const struct dw_wire_event *event)
{
	switch (event->kind) {
	case DW_INIT:
	case DW_DESTROY:
	case DW_WANT:
	case DW_DROP:
	case DW_PARK:
	case DW_POST:
	case DW_WIRE_ASKS:
		return dw_attached_is_system(process, event->site);
	default:
		return false;
	}
}

/* Who holds what is not known any more; what is taken from now on is. */
static void forget_all(struct dw_attached *process)
{
	for (uint32_t i = 1; i < process->n_threads; i++) {
		struct dw_attached_thread *thread = process->threads[i];

		if (thread->ended)
			continue;
		thread->doing = (struct dw_attached_doing){0};
		thread->n_interrupted = thread->n_waits = thread->n_has = 0;
		thread->thread.unsure = 1;
		dw_thread_fail(&thread->thread);
		thread->thread.slot->waits = (struct dw_held){0};
		while (thread->thread.slot->top)
			dw_thread_drop(&thread->thread,
				       thread->thread.slot->held[thread->thread.slot->top].thing);
	}
}

void dw_track_event(struct dw_attached *process, const struct dw_wire_event *event)
{
	struct dw_attached_thread *thread;

	if (event->n_lost != process->n_lost)
		forget_all(process);
	process->n_lost = event->n_lost;
	if (is_internal(process, event))
		return;
	thread = event->kind == DW_EXIT
		     ? dw_attached_find(process, (pid_t)event->tid)
		     : dw_attached_thread(process, (pid_t)event->tid, /* flags= */ 0, NULL);
	if (!thread)
		return;
	dw_track_follow_handlers(thread, event);
	dw_track_end_last(thread, event);
	process->event = event;
	process->stack = 0;
	thread->doing.signal = event->signal;
	thread->doing.exposed = event->exposed;
	if (thread->thread.unsure && (event->kind == DW_WANT || event->kind == DW_DROP))
		dw_numbering_ensure(&process->touched,
				    dw_hash(thread->thread.number, event->object));
	play(thread, event);
	process->event = NULL;
}

/* Asleep in what the thread is about to do: on a word of memory, or in the call that was told. */
static bool is_asleep(struct dw_attached_thread *thread, const struct dw_wire_thread *state)
{
	const struct dw_attached_wait *wait = dw_track_innermost(thread);

	if (!state->call)
		return false;
	if (!thread->doing.wants.thing && wait && wait->taking.what == DW_CALL)
		return !dw_track_has_name(wait) || !dw_track_is_over(wait, state->registers.sp);
	return state->call - 1 == SYS_futex;
}

void dw_track_interrupt(struct dw_attached_thread *thread)
{
	if (thread->doing.wants.thing && !thread->doing.deeper)
		dw_thread_fail(&thread->thread);
	for (uint32_t i = thread->n_waits; i > 0; i--)
		if (!thread->waits[i - 1].releases)
			dw_thread_waited(&thread->thread, &thread->waits[i - 1].waiting);
}

void dw_track_resume(struct dw_attached_thread *thread)
{
	for (uint32_t i = 0; i < thread->n_waits; i++)
		if (!thread->waits[i].releases)
			dw_thread_wait(&thread->thread, &thread->waits[i].taking,
				       /* sleeps= */ false, &thread->waits[i].waiting);
	if (thread->doing.wants.thing && !thread->doing.deeper &&
	    !(thread->doing.wants.how & DW_TRY))
		dw_thread_want(&thread->thread, &thread->doing.wants);
}

void dw_track_pictured(struct dw_attached_thread *thread, uint64_t address)
{
	const struct dw_attached_wait *wait = dw_track_innermost(thread);
	uint64_t shown = thread->doing.wants.thing ? thread->doing.wants.thing
			 : wait                    ? wait->taking.thing
						   : 0;

	if (thread->pictured && shown != address)
		dw_track_end_pictured(thread);
}

bool dw_track_is_free(struct dw_attached_thread *thread, uint64_t address)
{
	const struct dw_attached_wait *wait = dw_track_innermost(thread);

	if (!thread->doing.wants.thing && !wait)
		return true;
	if (!thread->pictured)
		return false;
	if (thread->doing.wants.thing == address || (wait && wait->taking.thing == address))
		return wait && wait->taking.what == DW_ANSWER;
	dw_track_end_pictured(thread);
	return true;
}

/* As dw_thread_park() has it, but for the mutex that was let go before. */
static void begin_wait(struct dw_attached_thread *thread, const struct dw_taking *waits,
		       uint64_t mutex, uint64_t now_ns)
{
	struct dw_attached_wait *wait = new_wait(thread, now_ns);
	struct dw_taking again = dw_track_taking(thread, mutex, DW_MUTEX, DW_RETAKEN, waits->site);

	wait->taking = *waits;
	wait->taking.how |= DW_WAITS;
	dw_thread_wait(&thread->thread, &wait->taking, /* sleeps= */ false, &wait->waiting);
	if (!mutex)
		return;
	dw_thread_want(&thread->thread, &again);
	dw_thread_fail(&thread->thread);
}

void dw_track_wait(struct dw_attached_thread *thread, const struct dw_taking *waits, uint64_t mutex,
		   const struct dw_frames *frames, uint64_t now_ns)
{
	uint64_t site = frames->n > 1 ? frames->addresses[1] : 0;
	struct dw_taking taking =
	    dw_track_taking(thread, waits->thing, waits->what, waits->how, site);
	struct dw_attached *process = thread->process;

	if (thread->pictured && dw_track_innermost(thread))
		return; /* it asks for the same answer as before */
	if (waits->what == DW_CALL && thread->thread.slot->top == 0)
		return;
	process->frames = frames;
	process->stack = 0;
	thread->pictured = true;
	if (dw_is_lock(waits->what)) {
		thread->doing.wants = taking;
		thread->doing.wants_ns = now_ns;
		thread->doing.deeper = false;
		dw_thread_want(&thread->thread, &thread->doing.wants);
	} else {
		begin_wait(thread, &taking, mutex, now_ns);
	}
	process->frames = NULL;
}

/*
 * The thread that has the lock that @thread is about to take, as the lock says; NULL: nobody that
 * is known, or it does not say.
 */
static const struct dw_attached_thread *owner_of_wanted(const struct dw_attached_thread *thread)
{
	uint64_t address = thread->doing.wants.thing;
	uint32_t owner = 0;
	struct iovec to = {&owner, sizeof(owner)}, from = {.iov_len = sizeof(owner)};

	if (thread->doing.wants.what == DW_MUTEX)
		address += offsetof(pthread_mutex_t, __data.__owner);
	else if (thread->doing.wants.what == DW_RWLOCK)
		address += offsetof(pthread_rwlock_t, __data.__cur_writer);
	else
		return NULL;
	from.iov_base = (void *)address;
	if (process_vm_readv(thread->process->pid, &to, 1, &from, 1, 0) != sizeof(owner))
		return NULL;
	return owner ? dw_attached_find_inside(thread->process, (pid_t)owner) : NULL;
}

/*
 * Who spins does not sleep, and what was tried only the lock can say. It is asked first: a thread
 * that a signal wakes is awake for a moment, while another has the lock.
 */
static void settle_want(struct dw_attached_thread *thread, const struct dw_wire_thread *state,
			uint64_t now_ns)
{
	bool is_sure = thread->doing.wants.what != DW_SPINLOCK &&
		       !(thread->doing.wants.how & (DW_TRY | DW_TIMED)) &&
		       now_ns - thread->doing.wants_ns >= BEGIN_NS && !is_asleep(thread, state);
	const struct dw_attached_thread *owner =
	    dw_track_has_already(thread) ? NULL : owner_of_wanted(thread);

	if (owner ? owner == thread : is_sure)
		dw_track_end_want(thread, true, state->slept_ns);
}

static void settle_pictured(struct dw_attached_thread *thread, const struct dw_wire_thread *state)
{
	const struct dw_attached_wait *wait = dw_track_innermost(thread);

	/* Who asks for an answer again and again is awake now and then. */
	if (!(wait && wait->taking.what == DW_ANSWER) && !is_asleep(thread, state))
		dw_track_end_pictured(thread);
}

void dw_track_settle(struct dw_attached_thread *thread, const struct dw_wire_thread *state,
		     uint64_t now_ns)
{
	const struct dw_attached_wait *wait = dw_track_innermost(thread);

	if (!thread->process->every_taking && state->n_idles > thread->thread.slot->n_idles)
		thread->thread.slot->n_idles = state->n_idles;
	if (thread->pictured)
		settle_pictured(thread, state);
	else if (thread->doing.wants.thing)
		settle_want(thread, state, now_ns);
	else if (wait && now_ns - wait->since_ns >= BEGIN_NS && !is_asleep(thread, state))
		dw_track_end_wait(thread, state->slept_ns + wait->slept_ns);
}
