/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program whose lock calls go through pointers that its profiler switches, as QEMU's do.
 * The pointers are exported; the names of the big lock's differ by version (BQL_FUNC).
 *
 * Modes: plain     both orders
 *        race      the same, and whether they meet is left to chance
 *        profiled  the profiler is switched on before the one order, and off after it; then
 *                  the other order, and one that is new
 */
#include "../case.h"

#define EXPORT __attribute__((visibility("default")))

struct mutex {
	pthread_mutex_t lock;
};

typedef void lock_fn(struct mutex *m, const char *file, int line);
typedef int trylock_fn(struct mutex *m, const char *file, int line);

CASE_FN void qemu_mutex_lock_impl(struct mutex *m, const char *file, int line)
{
	(void)file;
	(void)line;
	CASE_CHECK(pthread_mutex_lock(&m->lock) == 0);
}

CASE_FN int qemu_mutex_trylock_impl(struct mutex *m, const char *file, int line)
{
	(void)file;
	(void)line;
	return pthread_mutex_trylock(&m->lock);
}

#if defined(BQL_FUNC)
EXPORT lock_fn *qemu_mutex_lock_func = qemu_mutex_lock_impl;
EXPORT trylock_fn *qemu_mutex_trylock_func = qemu_mutex_trylock_impl;
EXPORT lock_fn *BQL_FUNC = qemu_mutex_lock_impl;

static unsigned long profiled;

CASE_FN void profiling_lock(struct mutex *m, const char *file, int line)
{
	__atomic_fetch_add(&profiled, 1, __ATOMIC_RELAXED);
	qemu_mutex_lock_impl(m, file, line);
}

CASE_FN void qsp_set(lock_fn *lock)
{
	__atomic_store_n(&qemu_mutex_lock_func, lock, __ATOMIC_RELAXED);
	__atomic_store_n(&BQL_FUNC, lock, __ATOMIC_RELAXED);
}

CASE_FN bool qsp_is_enabled(void)
{
	return __atomic_load_n(&qemu_mutex_lock_func, __ATOMIC_RELAXED) == profiling_lock;
}

#define mutex_lock(m) \
	__atomic_load_n(&qemu_mutex_lock_func, __ATOMIC_RELAXED)(m, __FILE__, __LINE__)
#define mutex_trylock(m) \
	__atomic_load_n(&qemu_mutex_trylock_func, __ATOMIC_RELAXED)(m, __FILE__, __LINE__)
#define bql_lock() __atomic_load_n(&BQL_FUNC, __ATOMIC_RELAXED)(&big_lock, __FILE__, __LINE__)
#else
#define mutex_lock(m) qemu_mutex_lock_impl(m, __FILE__, __LINE__)
#define mutex_trylock(m) qemu_mutex_trylock_impl(m, __FILE__, __LINE__)
#define bql_lock() qemu_mutex_lock_impl(&big_lock, __FILE__, __LINE__)
#endif

EXPORT struct mutex big_lock = {PTHREAD_MUTEX_INITIALIZER};
EXPORT struct mutex device_lock = {PTHREAD_MUTEX_INITIALIZER};
EXPORT struct mutex later_lock = {PTHREAD_MUTEX_INITIALIZER};

static void mutex_unlock(struct mutex *m)
{
	CASE_CHECK(pthread_mutex_unlock(&m->lock) == 0);
}

CASE_FN void bql_then_device(void)
{
	bql_lock();
	mutex_lock(&device_lock);
	mutex_unlock(&device_lock);
	mutex_unlock(&big_lock);
}

CASE_FN void device_then_bql(void)
{
	if (mutex_trylock(&device_lock) == 0)
		mutex_unlock(&device_lock);
	else
		CASE_CHECK(!case_takes_turns());
	mutex_lock(&device_lock);
	bql_lock();
	mutex_unlock(&big_lock);
	mutex_unlock(&device_lock);
}

CASE_FN void bql_then_later(void)
{
	bql_lock();
	mutex_lock(&later_lock);
	mutex_unlock(&later_lock);
	mutex_unlock(&big_lock);
}

CASE_FN void later_then_bql(void)
{
	mutex_lock(&later_lock);
	bql_lock();
	mutex_unlock(&big_lock);
	mutex_unlock(&later_lock);
}

static void *vcpu(void *arg)
{
	case_name("CPU 0");
	case_turn(0);
	bql_then_device();
	case_turn_over(0);
	case_turn(2);
	bql_then_later();
	case_turn_over(2);
	return arg;
}

static void *iothread(void *arg)
{
	case_name("IO");
	case_turn(1);
	device_then_bql();
	case_turn_over(1);
	case_turn(3);
	later_then_bql();
	case_turn_over(3);
	return arg;
}

#if defined(BQL_FUNC)
/* The profiler is on while others that are known already are used, and profiles them. */
CASE_FN void profile(void)
{
	CASE_CHECK(!qsp_is_enabled());
	mutex_lock(&device_lock);
	mutex_unlock(&device_lock);
	CASE_CHECK(!qsp_is_enabled());
	qsp_set(profiling_lock);
	CASE_CHECK(qsp_is_enabled());
	bql_then_device();
	CASE_CHECK(qsp_is_enabled() && profiled == 2);
	qsp_set(qemu_mutex_lock_impl);
	CASE_CHECK(!qsp_is_enabled());
}
#endif

int main(int argc, char **argv)
{
	pthread_t threads[2];

	case_begin(argc, argv);
#if defined(BQL_FUNC)
	if (case_is("profiled"))
		profile();
#endif
	threads[0] = case_start(vcpu, NULL);
	threads[1] = case_start(iothread, NULL);
	case_join(threads[0]);
	case_join(threads[1]);
#if defined(BQL_FUNC)
	CASE_CHECK(!qsp_is_enabled());
#endif
	return 0;
}
