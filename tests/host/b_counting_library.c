// SPDX-License-Identifier: GPL-2.0-or-later
/* To be preloaded: counts calls, and hands them on. Its symbols have no version, as usual. */
#include <dlfcn.h>
#include <pthread.h>

#if defined(__x86_64__)
#define CONDITION "GLIBC_2.3.2"
#else
#define CONDITION "GLIBC_2.17"
#endif

#define EXPORT __attribute__((visibility("default")))

struct counts {
	unsigned long locks, unlocks, waits, signals;
};

static struct counts counts;

#define COUNT(what) __atomic_fetch_add(&counts.what, 1, __ATOMIC_RELAXED)

/* The next library's function; of conditions the C library has two, told apart by version. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define NEXT_OF(name, version) ((__typeof__(&name))dlvsym(RTLD_NEXT, #name, version))

EXPORT struct counts counted(void);
struct counts counted(void)
{
	return counts;
}

EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static __typeof__(&pthread_mutex_lock) next;

	if (!next)
		next = NEXT(pthread_mutex_lock);
	COUNT(locks);
	return next(mutex);
}

EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	static __typeof__(&pthread_mutex_unlock) next;

	if (!next)
		next = NEXT(pthread_mutex_unlock);
	COUNT(unlocks);
	return next(mutex);
}

EXPORT int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	static __typeof__(&pthread_cond_wait) next;

	if (!next)
		next = NEXT_OF(pthread_cond_wait, CONDITION);
	COUNT(waits);
	return next(condition, mutex);
}

EXPORT int pthread_cond_signal(pthread_cond_t *condition)
{
	static __typeof__(&pthread_cond_signal) next;

	if (!next)
		next = NEXT_OF(pthread_cond_signal, CONDITION);
	COUNT(signals);
	return next(condition);
}
