/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads: made, joined, named, kicked. A join waits for the other's end. */
#include "shim/interpose.h"
#include "shim/monitor.h"
#include "shim/named.h"
#include "shim/real.h"
#include "shim/wait.h"

static void *run(void *argument)
{
	struct shim_thread *t = argument;
	void *(*start)(void *) = t->start;
	void *start_argument = t->start_argument;

	shim_thread_enter(t, 0);
	return start(start_argument);
}

static int run_c11(void *argument)
{
	struct shim_thread *t = argument;
	int (*start)(void *) = t->start_c11;
	void *start_argument = t->start_argument;

	shim_thread_enter(t, 0);
	return start(start_argument);
}

/* A thread that is about to be made. */
struct birth {
	struct shim_thread *t;     /* who makes it; NULL: that is not tracked */
	struct shim_thread *child; /* NULL: it will be a stranger */
	uint32_t number;
};

/* Deadlocks take two: so there is nothing to watch before. */
static void begin_to_watch(struct shim_thread *t)
{
	SHIM_OWN_WORK(t);

	shim_tls.own_work = true;
	shim_monitor_start();
	shim_tls.own_work = false;
}

static uint32_t stack_of_birth(struct shim_thread *t, uint64_t caller)
{
	SHIM_OWN_WORK(t);

	return shim_stack(t, caller);
}

/* Return: whether the thread will be known. */
static bool conceive(struct birth *birth, uint64_t caller, void *argument)
{
	struct shim_thread *t = shim_tracked(caller);
	struct shim_thread *child = t ? shim_thread_new() : NULL;

	if (!child)
		return false;
	child->birth = stack_of_birth(t, caller);
	shim_got_rescan(t);
	child->parent = t->thread.number;
	child->parent_segment = t->thread.segment;
	child->start_argument = argument;
	shim_thread_ask_name(child->inherited);
	begin_to_watch(t);
	*birth = (struct birth){.t = t, .child = child, .number = child->thread.number};
	return true;
}

/*
 * What the maker does from now on belongs to a new segment. It may join the child before that
 * has run at all, so it registers the handle if the child has not; a child that has ended, with
 * its state in other hands, has another number.
 */
static void delivered(struct birth *birth, bool success, const pthread_t *handle)
{
	struct shim_thread *child = birth->child;

	if (!success) {
		shim_thread_free(child);
		return;
	}
	if (child->thread.number == birth->number &&
	    !__atomic_load_n(&child->entered, __ATOMIC_ACQUIRE))
		shim_roll_add_handle(*handle, birth->number, 0);
	dw_thread_new_segment(&birth->t->thread);
	shim_note_plain(birth->t, DW_BORN, 0, birth->number);
}

SHIM int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
			void *argument)
{
	struct birth birth;
	int r;

	if (!conceive(&birth, SHIM_CALLER, argument))
		return shim_real.pthread_create(thread, attributes, start, argument);
	birth.child->start = start;
	r = shim_real.pthread_create(thread, attributes, run, birth.child);
	delivered(&birth, r == 0, thread);
	return r;
}

SHIM int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
	struct birth birth;
	int r;

	if (!conceive(&birth, SHIM_CALLER, argument))
		return shim_real.thrd_create(thread, start, argument);
	birth.child->start_c11 = start;
	r = shim_real.thrd_create(thread, run_c11, birth.child);
	delivered(&birth, r == thrd_success, thread);
	return r;
}

/* The thread @number has ended, and its handle may be given to another. */
static void joined(struct shim_thread *t, pthread_t handle, uint32_t number)
{
	struct dw_rec_joined *told;

	shim_roll_remove_handle(handle, number);
	dw_thread_new_segment(&t->thread);
	told = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*told));
	if (!told)
		return;
	told->thread = t->thread.number;
	told->segment = t->thread.segment;
	told->other = number;
	dw_writer_submit(&shim->writer, told, DW_REC_JOINED);
	shim_note_plain(t, DW_JOIN, 0, number);
}

/* Its number, if this thread is tracked and that one known; else 0. */
static uint32_t number_of(pthread_t handle, uint64_t caller)
{
	return shim_tracked(caller) ? (uint32_t)shim_roll_find_handle(handle) : 0;
}

static void finish_join(pthread_t handle, uint32_t number, bool success)
{
	if (number && success)
		joined(shim_self, handle, number);
}

static void await_ending(struct shim_wait *wait, uint32_t number, unsigned how, uint64_t caller)
{
	*wait = (struct shim_wait){0};
	if (number)
		shim_wait(wait, dw_thing_address(DW_ENDING, number), DW_ENDING, how, caller);
}

#define JOIN(how, call, success)                               \
	uint32_t number = number_of(thread, SHIM_CALLER);      \
	int r;                                                 \
                                                               \
	{                                                      \
		dw_cleanup(shim_waited) struct shim_wait wait; \
                                                               \
		await_ending(&wait, number, how, SHIM_CALLER); \
		r = shim_real.call;                            \
	}                                                      \
	finish_join(thread, number, r == (success));           \
	return r

SHIM int pthread_join(pthread_t thread, void **value)
{
	JOIN(0, pthread_join(thread, value), 0);
}

SHIM int pthread_tryjoin_np(pthread_t thread, void **value)
{
	uint32_t number = number_of(thread, SHIM_CALLER);
	int r = shim_real.pthread_tryjoin_np(thread, value);

	finish_join(thread, number, r == 0);
	return r;
}

SHIM int pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *time)
{
	JOIN(DW_TIMED, pthread_timedjoin_np(thread, value, time), 0);
}

SHIM int pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
			      const struct timespec *time)
{
	JOIN(DW_TIMED, pthread_clockjoin_np(thread, value, clock, time), 0);
}

SHIM int thrd_join(thrd_t thread, int *value)
{
	JOIN(0, thrd_join(thread, value), thrd_success);
}

SHIM int pthread_setname_np(pthread_t thread, const char *name)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	int r = shim_real.pthread_setname_np(thread, name);
	uint32_t record = r == 0 && t ? (uint32_t)(shim_roll_find_handle(thread) >> 32) : 0;

	if (record)
		shim_thread_set_name(record, name);
	return r;
}

/*
 * Thread @number is about to be sent @signal; 0 only asks whether it could be. Told before: the
 * answer may come at once, and must not be missed.
 */
static void kick(uint32_t number, int signal)
{
	struct shim_thread *t = shim_self;
	int error = errno;

	if (!signal || !number || number == t->thread.number)
		return;
	dw_thread_kick(&t->thread, number);
	shim_note_plain(t, DW_KICK, 0, number);
	errno = error;
}

static void kick_handle(pthread_t handle, int signal)
{
	if (shim_self->thread.open)
		kick((uint32_t)shim_roll_find_handle(handle), signal);
}

void shim_kick(uint32_t tid, int signal)
{
	if (shim_self->thread.open)
		kick(shim_roll_find_tid(tid), signal);
}

SHIM int pthread_kill(pthread_t thread, int signal)
{
	kick_handle(thread, signal);
	return shim_real.pthread_kill(thread, signal);
}

SHIM int pthread_sigqueue(pthread_t thread, int signal, const union sigval value)
{
	kick_handle(thread, signal);
	return shim_real.pthread_sigqueue(thread, signal, value);
}

SHIM int tgkill(pid_t process, pid_t thread, int signal)
{
	shim_kick((uint32_t)thread, signal);
	return shim_real.tgkill(process, thread, signal);
}
