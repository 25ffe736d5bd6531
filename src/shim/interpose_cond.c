/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions, in both layouts that the C library has, and C11's. A wait lets its mutex go
 * and takes it again, also when the waiting thread is cancelled: hence the cleanup.
 */
#include "base/cleanup.h"
#include "shim/note.h"
#include "shim/real.h"

#define WAIT(call)                                                              \
	dw_cleanup(shim_woken) struct shim_wait wait;                           \
                                                                                \
	shim_park(&wait, condition, mutex, shim_mutex_how(mutex), SHIM_CALLER); \
	return shim_real.call

#define POST(call)                         \
	shim_post(condition, SHIM_CALLER); \
	return shim_real.call

/* A stand-in for one of the two versions of a symbol; the linker's script names them too. */
#define VERSIONED(function, symbol) __asm__(".symver " #function ", " symbol ", remove")

SHIM int new_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
VERSIONED(new_cond_wait, "pthread_cond_wait@@GLIBC_2.3.2");
int new_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	WAIT(pthread_cond_wait(condition, mutex));
}

SHIM int new_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
			    const struct timespec *time);
VERSIONED(new_cond_timedwait, "pthread_cond_timedwait@@GLIBC_2.3.2");
int new_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
		       const struct timespec *time)
{
	WAIT(pthread_cond_timedwait(condition, mutex, time));
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

SHIM int old_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
VERSIONED(old_cond_wait, "pthread_cond_wait@GLIBC_2.2.5");
int old_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	WAIT(old_pthread_cond_wait(condition, mutex));
}

SHIM int old_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
			    const struct timespec *time);
VERSIONED(old_cond_timedwait, "pthread_cond_timedwait@GLIBC_2.2.5");
int old_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
		       const struct timespec *time)
{
	WAIT(old_pthread_cond_timedwait(condition, mutex, time));
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
	WAIT(pthread_cond_clockwait(condition, mutex, clock, time));
}

#define WAIT_C11(call)                                                    \
	dw_cleanup(shim_woken) struct shim_wait wait;                     \
                                                                          \
	shim_park(&wait, condition, (pthread_mutex_t *)mutex,             \
		  shim_mutex_how((pthread_mutex_t *)mutex), SHIM_CALLER); \
	return shim_real.call

SHIM int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
	WAIT_C11(cnd_wait(condition, mutex));
}

SHIM int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *time)
{
	WAIT_C11(cnd_timedwait(condition, mutex, time));
}

SHIM int cnd_signal(cnd_t *condition)
{
	POST(cnd_signal(condition));
}

SHIM int cnd_broadcast(cnd_t *condition)
{
	POST(cnd_broadcast(condition));
}
