/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Semaphores, and barriers: who arrives gives, and waits for the others. */
#include "shim/interpose.h"
#include "shim/real.h"
#include "shim/wait.h"

#define WAIT(timed, call)                                                        \
	dw_cleanup(shim_waited) struct shim_wait wait;                           \
                                                                                 \
	shim_wait(&wait, (uint64_t)semaphore, DW_SEMAPHORE, timed, SHIM_CALLER); \
	return shim_real.call

SHIM int sem_init(sem_t *semaphore, int shared, unsigned value)
{
	int r = shim_real.sem_init(semaphore, shared, value);

	shim_born(semaphore, SHIM_CALLER, r == 0);
	return r;
}

SHIM int sem_destroy(sem_t *semaphore)
{
	shim_ended(semaphore, SHIM_CALLER, true);
	return shim_real.sem_destroy(semaphore);
}

SHIM int sem_wait(sem_t *semaphore)
{
	WAIT(0, sem_wait(semaphore));
}

SHIM int sem_trywait(sem_t *semaphore)
{
	int r = shim_real.sem_trywait(semaphore), error = errno;
	struct shim_thread *t = r < 0 ? shim_tracked(SHIM_CALLER) : NULL;

	if (t)
		shim_polled(t);
	errno = error;
	return r;
}

SHIM int sem_timedwait(sem_t *semaphore, const struct timespec *time)
{
	WAIT(DW_TIMED, sem_timedwait(semaphore, time));
}

SHIM int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *time)
{
	WAIT(DW_TIMED, sem_clockwait(semaphore, clock, time));
}

SHIM int sem_post(sem_t *semaphore)
{
	shim_post(semaphore, DW_SEMAPHORE, SHIM_CALLER);
	return shim_real.sem_post(semaphore);
}

SHIM int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attributes,
			      unsigned count)
{
	int r = shim_real.pthread_barrier_init(barrier, attributes, count);

	shim_born(barrier, SHIM_CALLER, r == 0);
	return r;
}

SHIM int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
	shim_ended(barrier, SHIM_CALLER, true);
	return shim_real.pthread_barrier_destroy(barrier);
}

SHIM int pthread_barrier_wait(pthread_barrier_t *barrier)
{
	dw_cleanup(shim_waited) struct shim_wait wait;

	shim_post(barrier, DW_BARRIER, SHIM_CALLER);
	shim_wait(&wait, (uint64_t)barrier, DW_BARRIER, 0, SHIM_CALLER);
	return shim_real.pthread_barrier_wait(barrier);
}
