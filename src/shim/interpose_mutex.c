/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutexes, and C11's, which are mutexes of the C library under another name. */
#include "shim/interpose.h"
#include "shim/real.h"

static uint32_t owner_of(const pthread_mutex_t *mutex)
{
	return (uint32_t)mutex->__data.__owner;
}

SHIM int pthread_mutex_init(pthread_mutex_t *lock, const pthread_mutexattr_t *attributes)
{
	int r = shim_real.pthread_mutex_init(lock, attributes);

	shim_born(lock, SHIM_CALLER, r == 0);
	return r;
}

SHIM int pthread_mutex_destroy(pthread_mutex_t *lock)
{
	int r = shim_real.pthread_mutex_destroy(lock);
	struct shim_thread *t = r == EBUSY ? shim_tracked(SHIM_CALLER) : NULL;

	shim_ended(lock, SHIM_CALLER, r == 0);
	if (t)
		shim_busy_destroyed(t, (uint64_t)lock, SHIM_CALLER);
	return r;
}

/*
 * Held by anybody. The lock's word would say it a few instructions earlier than its owner does; but
 * to read that word just after it was unlocked takes longer than all else that is done here.
 */
static bool is_taken(const pthread_mutex_t *mutex)
{
	return owner_of(mutex) != 0;
}

/* The kinds of mutex that can be taken again, or that look at their owner (glibc). */
#define SPECIAL (PTHREAD_MUTEX_RECURSIVE | PTHREAD_MUTEX_ERRORCHECK | 16)

static __attribute__((noinline)) int lock_any(pthread_mutex_t *lock, uint64_t caller)
{
	SHIM_TAKE_FROM(caller, DW_MUTEX, shim_mutex_how(lock), is_taken(lock),
		       pthread_mutex_lock(lock), shim_got(r));
}

/* What was taken is made up anew here, so that the way that nearly every call takes need not keep
 * it. */
static __attribute__((noinline)) void hold_again(struct shim_thread *t, pthread_mutex_t *lock,
						 uint64_t caller)
{
	struct dw_taking taking = shim_taking(t, lock, DW_MUTEX, 0, caller);

	dw_thread_hold_slow(&t->thread, &taking);
}

/* Whether @t has told nothing new for long, so that what it is about to take was most likely told.
 */
static inline __attribute__((always_inline)) bool is_settled(struct shim_thread *t)
{
	if (shim_likely(t->settled == SHIM_SETTLED))
		return true;
	t->settled++;
	return false;
}

/* A mutex that is plain and free is taken by a settled thread that holds no other. */
static inline __attribute__((always_inline)) int lock_first(struct shim_thread *t,
							    pthread_mutex_t *lock, uint64_t caller)
{
	struct dw_taking taking;
	int r;

	dw_thread_want_first(&t->thread, (uint64_t)lock, dw_manner(0, DW_MUTEX));
	r = shim_real.pthread_mutex_lock(lock);
	taking = shim_taking(t, lock, DW_MUTEX, 0, caller);
	if (shim_unlikely(r != 0))
		dw_thread_fail(&t->thread);
	else if (shim_unlikely(!dw_thread_hold_first(&t->thread, &taking)))
		hold_again(t, lock, caller);
	return r;
}

/* The same by another, or by one that holds others. */
static inline __attribute__((always_inline)) int lock_next(struct shim_thread *t,
							   pthread_mutex_t *lock, uint64_t caller)
{
	struct dw_taking taking = shim_taking(t, lock, DW_MUTEX, 0, caller);
	int r;

	dw_thread_want(&t->thread, &taking);
	r = shim_real.pthread_mutex_lock(lock);
	if (shim_unlikely(r != 0))
		dw_thread_fail(&t->thread);
	else if (shim_unlikely(!dw_thread_hold_ready(&t->thread, (uint64_t)lock)))
		hold_again(t, lock, caller);
	return r;
}

/*
 * Nearly all locks of nearly all programs: a thread that is tracked, a mutex that is plain, and
 * free.
 */
SHIM int pthread_mutex_lock(pthread_mutex_t *lock)
{
	struct shim_thread *t = shim_self;

	if (shim_unlikely(t->thread.open != SHIM_PLAIN ||
			  (lock->__data.__kind & SPECIAL) | lock->__data.__owner))
		return lock_any(lock, SHIM_CALLER);
	if (t->thread.slot->top == 0 && is_settled(t))
		return lock_first(t, lock, SHIM_CALLER);
	return lock_next(t, lock, SHIM_CALLER);
}

SHIM int pthread_mutex_trylock(pthread_mutex_t *lock)
{
	SHIM_TRY(DW_MUTEX, shim_mutex_how(lock), pthread_mutex_trylock(lock), shim_got(r));
}

SHIM int pthread_mutex_timedlock(pthread_mutex_t *lock, const struct timespec *time)
{
	SHIM_TAKE(DW_MUTEX, shim_mutex_how(lock) | DW_TIMED, is_taken(lock),
		  pthread_mutex_timedlock(lock, time), shim_got(r));
}

SHIM int pthread_mutex_clocklock(pthread_mutex_t *lock, clockid_t clock,
				 const struct timespec *time)
{
	SHIM_TAKE(DW_MUTEX, shim_mutex_how(lock) | DW_TIMED, is_taken(lock),
		  pthread_mutex_clocklock(lock, clock, time), shim_got(r));
}

static __attribute__((noinline)) void drop_any(pthread_mutex_t *lock, uint64_t caller)
{
	shim_drop(lock, DW_MUTEX, owner_of(lock), caller);
}

SHIM int pthread_mutex_unlock(pthread_mutex_t *lock)
{
	struct shim_thread *t = shim_self;

	if (shim_unlikely(t->thread.open != SHIM_PLAIN ||
			  !dw_thread_drop_last(&t->thread, (uint64_t)lock)))
		drop_any(lock, SHIM_CALLER);
	return shim_real.pthread_mutex_unlock(lock);
}

/* The names that libraries from before glibc 2.34 may have been linked with. */
SHIM_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);
SHIM_ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);
SHIM_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
SHIM_ALIAS(__pthread_mutex_init, pthread_mutex_init);
SHIM_ALIAS(__pthread_mutex_destroy, pthread_mutex_destroy);

SHIM int mtx_init(mtx_t *lock, int type)
{
	int r = shim_real.mtx_init(lock, type);

	shim_born(lock, SHIM_CALLER, r == thrd_success);
	return r;
}

SHIM void mtx_destroy(mtx_t *lock)
{
	shim_ended(lock, SHIM_CALLER, true);
	shim_real.mtx_destroy(lock);
}

static unsigned mtx_how(const mtx_t *lock)
{
	return shim_mutex_how((const pthread_mutex_t *)lock);
}

static bool mtx_is_taken(const mtx_t *lock)
{
	return is_taken((const pthread_mutex_t *)lock);
}

SHIM int mtx_lock(mtx_t *lock)
{
	SHIM_TAKE(DW_MUTEX, mtx_how(lock), mtx_is_taken(lock), mtx_lock(lock), r == thrd_success);
}

SHIM int mtx_trylock(mtx_t *lock)
{
	SHIM_TRY(DW_MUTEX, mtx_how(lock), mtx_trylock(lock), r == thrd_success);
}

SHIM int mtx_timedlock(mtx_t *lock, const struct timespec *time)
{
	SHIM_TAKE(DW_MUTEX, mtx_how(lock) | DW_TIMED, mtx_is_taken(lock), mtx_timedlock(lock, time),
		  r == thrd_success);
}

SHIM int mtx_unlock(mtx_t *lock)
{
	shim_drop(lock, DW_MUTEX, owner_of((const pthread_mutex_t *)lock), SHIM_CALLER);
	return shim_real.mtx_unlock(lock);
}
