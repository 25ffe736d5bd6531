/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks for readers and writers. A reader may read again while it reads. */
#include "shim/interpose.h"
#include "shim/real.h"

#define READ (DW_SHARED | DW_REENTRANT)

/* Of glibc's word (since 2.25): whose turn it is, whether a writer has it, and how many readers. */
#define WRITERS_TURN 1u
#define WRITER 2u
#define READERS_SHIFT 3

static unsigned word_of(const pthread_rwlock_t *lock)
{
	return __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED);
}

static bool is_written(const pthread_rwlock_t *lock)
{
	return (word_of(lock) & (WRITERS_TURN | WRITER)) == (WRITERS_TURN | WRITER);
}

static bool is_taken(const pthread_rwlock_t *lock)
{
	return word_of(lock) & WRITER || word_of(lock) >> READERS_SHIFT;
}

SHIM int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes)
{
	int r = shim_real.pthread_rwlock_init(lock, attributes);

	shim_born(lock, SHIM_CALLER, r == 0);
	return r;
}

SHIM int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
	shim_ended(lock, SHIM_CALLER, true);
	return shim_real.pthread_rwlock_destroy(lock);
}

SHIM int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	SHIM_TAKE(DW_RWLOCK, READ, is_written(lock), pthread_rwlock_rdlock(lock), r == 0);
}

SHIM int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	SHIM_TAKE(DW_RWLOCK, 0, is_taken(lock), pthread_rwlock_wrlock(lock), r == 0);
}

SHIM int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
	SHIM_TRY(DW_RWLOCK, READ, pthread_rwlock_tryrdlock(lock), r == 0);
}

SHIM int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
	SHIM_TRY(DW_RWLOCK, 0, pthread_rwlock_trywrlock(lock), r == 0);
}

SHIM int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *time)
{
	SHIM_TAKE(DW_RWLOCK, READ | DW_TIMED, is_written(lock),
		  pthread_rwlock_timedrdlock(lock, time), r == 0);
}

SHIM int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *time)
{
	SHIM_TAKE(DW_RWLOCK, DW_TIMED, is_taken(lock), pthread_rwlock_timedwrlock(lock, time),
		  r == 0);
}

SHIM int pthread_rwlock_clockrdlock(pthread_rwlock_t *lock, clockid_t clock,
				    const struct timespec *time)
{
	SHIM_TAKE(DW_RWLOCK, READ | DW_TIMED, is_written(lock),
		  pthread_rwlock_clockrdlock(lock, clock, time), r == 0);
}

SHIM int pthread_rwlock_clockwrlock(pthread_rwlock_t *lock, clockid_t clock,
				    const struct timespec *time)
{
	SHIM_TAKE(DW_RWLOCK, DW_TIMED, is_taken(lock),
		  pthread_rwlock_clockwrlock(lock, clock, time), r == 0);
}

SHIM int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	/* Only writers are named in the lock. */
	shim_drop(lock, DW_RWLOCK, (uint32_t)lock->__data.__cur_writer, SHIM_CALLER);
	return shim_real.pthread_rwlock_unlock(lock);
}

SHIM_ALIAS(__pthread_rwlock_init, pthread_rwlock_init);
SHIM_ALIAS(__pthread_rwlock_destroy, pthread_rwlock_destroy);
SHIM_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
SHIM_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
SHIM_ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
SHIM_ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
SHIM_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
