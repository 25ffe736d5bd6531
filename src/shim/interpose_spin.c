/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spin locks. They do not know who holds them. */
#include "shim/interpose.h"
#include "shim/real.h"

/* glibc's free one is 1 on x86, and 0 elsewhere. */
static bool is_taken(const volatile pthread_spinlock_t *lock)
{
#if defined(__x86_64__)
	return *lock <= 0;
#else
	return *lock != 0;
#endif
}

SHIM int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
	int r = shim_real.pthread_spin_init(lock, shared);

	shim_born(lock, SHIM_CALLER, r == 0);
	return r;
}

SHIM int pthread_spin_destroy(pthread_spinlock_t *lock)
{
	shim_ended(lock, SHIM_CALLER, true);
	return shim_real.pthread_spin_destroy(lock);
}

SHIM int pthread_spin_lock(pthread_spinlock_t *lock)
{
	SHIM_TAKE(DW_SPINLOCK, 0, is_taken(lock), pthread_spin_lock(lock), r == 0);
}

SHIM int pthread_spin_trylock(pthread_spinlock_t *lock)
{
	SHIM_TRY(DW_SPINLOCK, 0, pthread_spin_trylock(lock), r == 0);
}

SHIM int pthread_spin_unlock(pthread_spinlock_t *lock)
{
	shim_drop(lock, DW_SPINLOCK, 0, SHIM_CALLER);
	return shim_real.pthread_spin_unlock(lock);
}
