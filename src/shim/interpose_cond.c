/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions, in both layouts that the C library has, and C11's. A wait lets its mutex go
 * and takes it again, also when the waiting thread is cancelled: hence the cleanup.
 */
#include "shim/interpose.h"
#include "shim/real.h"
#include "shim/wait.h"

#define WAIT(timed, call)                                                           \
	dw_cleanup(shim_waited) struct shim_wait wait;                              \
                                                                                    \
	shim_park(&wait, condition, (pthread_mutex_t *)mutex,                       \
		  shim_mutex_how((pthread_mutex_t *)mutex) | (timed), SHIM_CALLER); \
	return shim_real.call

#define POST(call)                                       \
	shim_post(condition, DW_CONDITION, SHIM_CALLER); \
	return shim_real.call

#define BORN(call, success)                                \
	int r = shim_real.call;                            \
                                                           \
	shim_born(condition, SHIM_CALLER, r == (success)); \
	return r

/* Whoever destroys a condition may wait for those who still use it. */
#define ENDED(call)                               \
	shim_ended(condition, SHIM_CALLER, true); \
	return shim_real.call

/* A stand-in for one of the two versions of a symbol; the linker's script names them too. */
#define VERSIONED(function, symbol) __asm__(".symver " #function ", " symbol ", remove")

SHIM int new_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
VERSIONED(new_cond_init, "pthread_cond_init@@GLIBC_2.3.2");
int new_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
	BORN(pthread_cond_init(condition, attributes), 0);
}

SHIM int new_cond_destroy(pthread_cond_t *condition);
VERSIONED(new_cond_destroy, "pthread_cond_destroy@@GLIBC_2.3.2");
int new_cond_destroy(pthread_cond_t *condition)
{
	ENDED(pthread_cond_destroy(condition));
}

SHIM int new_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
VERSIONED(new_cond_wait, "pthread_cond_wait@@GLIBC_2.3.2");
int new_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	WAIT(0, pthread_cond_wait(condition, mutex));
}

SHIM int new_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
			    const struct timespec *time);
VERSIONED(new_cond_timedwait, "pthread_cond_timedwait@@GLIBC_2.3.2");
int new_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
		       const struct timespec *time)
{
	WAIT(DW_TIMED, pthread_cond_timedwait(condition, mutex, time));
}

SHIM int new_cond_signal(pthread_cond_t *condition);
VERSIONED(new_cond_signal, "pthread_cond_signal@@GLIBC_2.3.2");
int new_cond_signal(pthread_cond_t *condition)
{
	POST(pthread_cond_signal(condition));
}

SHIM int new_cond_broadcast(pthread_cond_t *condition);
VERSIONED(new_cond_broadcast, "pthread_cond_broadcast@@GLIBC_2.3.2");
int new_cond_broadcast(pthread_cond_t *condition)
{
	POST(pthread_cond_broadcast(condition));
}

SHIM int old_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
VERSIONED(old_cond_init, "pthread_cond_init@GLIBC_2.2.5");
int old_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
	BORN(old_pthread_cond_init(condition, attributes), 0);
}

SHIM int old_cond_destroy(pthread_cond_t *condition);
VERSIONED(old_cond_destroy, "pthread_cond_destroy@GLIBC_2.2.5");
int old_cond_destroy(pthread_cond_t *condition)
{
	ENDED(old_pthread_cond_destroy(condition));
}

SHIM int old_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
VERSIONED(old_cond_wait, "pthread_cond_wait@GLIBC_2.2.5");
int old_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	WAIT(0, old_pthread_cond_wait(condition, mutex));
}

SHIM int old_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
			    const struct timespec *time);
VERSIONED(old_cond_timedwait, "pthread_cond_timedwait@GLIBC_2.2.5");
int old_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
		       const struct timespec *time)
{
	WAIT(DW_TIMED, old_pthread_cond_timedwait(condition, mutex, time));
}

SHIM int old_cond_signal(pthread_cond_t *condition);
VERSIONED(old_cond_signal, "pthread_cond_signal@GLIBC_2.2.5");
int old_cond_signal(pthread_cond_t *condition)
{
	POST(old_pthread_cond_signal(condition));
}

SHIM int old_cond_broadcast(pthread_cond_t *condition);
VERSIONED(old_cond_broadcast, "pthread_cond_broadcast@GLIBC_2.2.5");
int old_cond_broadcast(pthread_cond_t *condition)
{
	POST(old_pthread_cond_broadcast(condition));
}

SHIM int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
				const struct timespec *time)
{
	WAIT(DW_TIMED, pthread_cond_clockwait(condition, mutex, clock, time));
}

SHIM int cnd_init(cnd_t *condition)
{
	BORN(cnd_init(condition), thrd_success);
}

SHIM void cnd_destroy(cnd_t *condition)
{
	ENDED(cnd_destroy(condition));
}

SHIM int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
	WAIT(0, cnd_wait(condition, mutex));
}

SHIM int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *time)
{
	WAIT(DW_TIMED, cnd_timedwait(condition, mutex, time));
}

SHIM int cnd_signal(cnd_t *condition)
{
	POST(cnd_signal(condition));
}

SHIM int cnd_broadcast(cnd_t *condition)
{
	POST(cnd_broadcast(condition));
}
