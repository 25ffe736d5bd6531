// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every variant of every primitive that the shim stands in for, by each of its names, once, with a
 * lock held around it: so that what is told of each can be compared (run-told.py).
 */
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <threads.h>
#include <time.h>

static pthread_mutex_t around = HOST_MUTEX;
static pthread_mutex_t kind, mutex_by_old_names, outer = HOST_MUTEX;
static pthread_rwlock_t rwlock, rwlock_by_old_names;
static pthread_spinlock_t spinlock;
static once_flag c11_once = ONCE_FLAG_INIT;
static pthread_barrier_t barrier;
static sem_t semaphore;
static pthread_once_t once = PTHREAD_ONCE_INIT, once_by_old_name = PTHREAD_ONCE_INIT;
static pthread_mutex_t with_condition = HOST_MUTEX;
static pthread_cond_t condition, old_condition;
static cnd_t c11_condition;
static mtx_t c11_mutex;
static int turn;

static const struct timespec past = {.tv_sec = 1}, at_once = {.tv_nsec = 1};

/* The names that libraries from before glibc 2.34 have, and the conditions from before 2.3.2. */
#define OLD(name, symbol, parameters) \
	int name parameters;          \
	__asm__(".symver " #name ", " symbol "@GLIBC_2.2.5")

OLD(old_mutex_init, "__pthread_mutex_init", (pthread_mutex_t * m, const pthread_mutexattr_t *a));
OLD(old_mutex_destroy, "__pthread_mutex_destroy", (pthread_mutex_t * m));
OLD(old_mutex_lock, "__pthread_mutex_lock", (pthread_mutex_t * m));
OLD(old_mutex_trylock, "__pthread_mutex_trylock", (pthread_mutex_t * m));
OLD(old_mutex_unlock, "__pthread_mutex_unlock", (pthread_mutex_t * m));
OLD(old_rwlock_init, "__pthread_rwlock_init",
    (pthread_rwlock_t * l, const pthread_rwlockattr_t *a));
OLD(old_rwlock_destroy, "__pthread_rwlock_destroy", (pthread_rwlock_t * l));
OLD(old_rwlock_rdlock, "__pthread_rwlock_rdlock", (pthread_rwlock_t * l));
OLD(old_rwlock_wrlock, "__pthread_rwlock_wrlock", (pthread_rwlock_t * l));
OLD(old_rwlock_tryrdlock, "__pthread_rwlock_tryrdlock", (pthread_rwlock_t * l));
OLD(old_rwlock_trywrlock, "__pthread_rwlock_trywrlock", (pthread_rwlock_t * l));
OLD(old_rwlock_unlock, "__pthread_rwlock_unlock", (pthread_rwlock_t * l));
OLD(old_once, "__pthread_once", (pthread_once_t * c, void (*f)(void)));
OLD(old_cond_init, "pthread_cond_init", (pthread_cond_t * c, const pthread_condattr_t *a));
OLD(old_cond_destroy, "pthread_cond_destroy", (pthread_cond_t * c));
OLD(old_cond_wait, "pthread_cond_wait", (pthread_cond_t * c, pthread_mutex_t *m));
OLD(old_cond_timedwait, "pthread_cond_timedwait",
    (pthread_cond_t * c, pthread_mutex_t *m, const struct timespec *t));
OLD(old_cond_signal, "pthread_cond_signal", (pthread_cond_t * c));
OLD(old_cond_broadcast, "pthread_cond_broadcast", (pthread_cond_t * c));

static void *hold_for_ever(void *mutex)
{
	HOST_CHECK(pthread_mutex_lock(mutex) == 0);
	return NULL;
}

static void mutexes(int type, int protocol, int robust)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, type);
	pthread_mutexattr_setprotocol(&attributes, protocol);
	pthread_mutexattr_setrobust(&attributes, robust);
	HOST_CHECK(pthread_mutex_init(&kind, &attributes) == 0);
	HOST_CHECK(pthread_mutex_lock(&kind) == 0);
	if (pthread_mutex_trylock(&kind) == 0)
		pthread_mutex_unlock(&kind);
	pthread_mutex_unlock(&kind);
	HOST_CHECK(pthread_mutex_timedlock(&kind, &past) == 0);
	pthread_mutex_unlock(&kind);
	if (protocol == PTHREAD_PRIO_NONE)
		HOST_CHECK(pthread_mutex_clocklock(&kind, CLOCK_MONOTONIC, &past) == 0);
	else
		HOST_CHECK(pthread_mutex_lock(&kind) == 0);
	pthread_mutex_unlock(&kind);
	if (robust == PTHREAD_MUTEX_ROBUST) {
		host_join(host_start(hold_for_ever, &kind));
		HOST_CHECK(pthread_mutex_lock(&kind) == EOWNERDEAD);
		HOST_CHECK(pthread_mutex_consistent(&kind) == 0);
		HOST_CHECK(pthread_mutex_unlock(&kind) == 0);
	}
	HOST_CHECK(pthread_mutex_destroy(&kind) == 0);
}

static void all_mutexes(void)
{
	mutexes(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	mutexes(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	mutexes(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	mutexes(PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	mutexes(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	mutexes(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST);
}

static void mutexes_by_old_names(void)
{
	old_mutex_init(&mutex_by_old_names, NULL);
	old_mutex_lock(&mutex_by_old_names);
	old_mutex_unlock(&mutex_by_old_names);
	old_mutex_trylock(&mutex_by_old_names);
	old_mutex_unlock(&mutex_by_old_names);
	old_mutex_destroy(&mutex_by_old_names);
}

static void rwlocks(void)
{
	pthread_rwlock_init(&rwlock, NULL);
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_tryrdlock(&rwlock);
	pthread_rwlock_trywrlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_timedrdlock(&rwlock, &past);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &past);
	pthread_rwlock_timedwrlock(&rwlock, &past);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_wrlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_trywrlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_timedwrlock(&rwlock, &past);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &past);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_destroy(&rwlock);
}

static void rwlocks_by_old_names(void)
{
	old_rwlock_init(&rwlock_by_old_names, NULL);
	old_rwlock_rdlock(&rwlock_by_old_names);
	old_rwlock_unlock(&rwlock_by_old_names);
	old_rwlock_wrlock(&rwlock_by_old_names);
	old_rwlock_unlock(&rwlock_by_old_names);
	old_rwlock_tryrdlock(&rwlock_by_old_names);
	old_rwlock_unlock(&rwlock_by_old_names);
	old_rwlock_trywrlock(&rwlock_by_old_names);
	old_rwlock_unlock(&rwlock_by_old_names);
	old_rwlock_destroy(&rwlock_by_old_names);
}

static void spinlocks(void)
{
	pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE);
	pthread_spin_lock(&spinlock);
	HOST_CHECK(pthread_spin_trylock(&spinlock) == EBUSY);
	pthread_spin_unlock(&spinlock);
	pthread_spin_trylock(&spinlock);
	pthread_spin_unlock(&spinlock);
	pthread_spin_destroy(&spinlock);
}

static void wake_old(void)
{
	old_cond_signal(&old_condition);
}

static void wake_new(void)
{
	pthread_cond_signal(&condition);
}

static void *wake_up(void *wake)
{
	host_lock(&with_condition);
	turn = 1;
	((void (*)(void))wake)();
	host_unlock(&with_condition);
	return NULL;
}

static void be_woken(int (*wait)(pthread_cond_t *c, pthread_mutex_t *m), pthread_cond_t *at,
		     void (*wake)(void))
{
	pthread_t waker;

	turn = 0;
	waker = host_start(wake_up, wake);
	while (!turn)
		HOST_CHECK(wait(at, &with_condition) == 0);
	host_join(waker);
}

static void conditions(void)
{
	pthread_cond_init(&condition, NULL);
	host_lock(&with_condition);
	be_woken(pthread_cond_wait, &condition, wake_new);
	HOST_CHECK(pthread_cond_timedwait(&condition, &with_condition, &past) == ETIMEDOUT);
	HOST_CHECK(pthread_cond_clockwait(&condition, &with_condition, CLOCK_MONOTONIC, &past) ==
		   ETIMEDOUT);
	host_unlock(&with_condition);
	pthread_cond_signal(&condition);
	pthread_cond_broadcast(&condition);
	pthread_cond_destroy(&condition);
	old_cond_init(&old_condition, NULL);
	host_lock(&with_condition);
	be_woken(old_cond_wait, &old_condition, wake_old);
	HOST_CHECK(old_cond_timedwait(&old_condition, &with_condition, &past) == ETIMEDOUT);
	host_unlock(&with_condition);
	old_cond_signal(&old_condition);
	old_cond_broadcast(&old_condition);
	old_cond_destroy(&old_condition);
}

static int wake_c11(void *argument)
{
	(void)argument;
	mtx_lock(&c11_mutex);
	turn = 1;
	cnd_signal(&c11_condition);
	mtx_unlock(&c11_mutex);
	return 0;
}

static void do_nothing(void)
{
}

static void c11_waits(void)
{
	thrd_t waker;

	turn = 0;
	cnd_init(&c11_condition);
	mtx_lock(&c11_mutex);
	HOST_CHECK(thrd_create(&waker, wake_c11, NULL) == thrd_success);
	while (!turn)
		cnd_wait(&c11_condition, &c11_mutex);
	HOST_CHECK(cnd_timedwait(&c11_condition, &c11_mutex, &past) == thrd_timedout);
	mtx_unlock(&c11_mutex);
	HOST_CHECK(thrd_join(waker, NULL) == thrd_success);
	cnd_signal(&c11_condition);
	cnd_broadcast(&c11_condition);
	cnd_destroy(&c11_condition);
}

static void c11(void)
{
	mtx_init(&c11_mutex, mtx_timed | mtx_recursive);
	mtx_lock(&c11_mutex);
	HOST_CHECK(mtx_trylock(&c11_mutex) == thrd_success);
	mtx_unlock(&c11_mutex);
	mtx_unlock(&c11_mutex);
	mtx_destroy(&c11_mutex);
	mtx_init(&c11_mutex, mtx_timed);
	HOST_CHECK(mtx_timedlock(&c11_mutex, &past) == thrd_success);
	HOST_CHECK(mtx_trylock(&c11_mutex) == thrd_busy);
	mtx_unlock(&c11_mutex);
	c11_waits();
	mtx_destroy(&c11_mutex);
	call_once(&c11_once, do_nothing);
	thrd_sleep(&at_once, NULL);
}

static void semaphores(void)
{
	HOST_CHECK(sem_init(&semaphore, 0, 1) == 0);
	HOST_CHECK(sem_wait(&semaphore) == 0);
	HOST_CHECK(sem_trywait(&semaphore) < 0);
	HOST_CHECK(sem_timedwait(&semaphore, &past) < 0);
	HOST_CHECK(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &past) < 0);
	HOST_CHECK(sem_post(&semaphore) == 0);
	HOST_CHECK(sem_destroy(&semaphore) == 0);
	HOST_CHECK(pthread_barrier_init(&barrier, NULL, 1) == 0);
	HOST_CHECK(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
	HOST_CHECK(pthread_barrier_destroy(&barrier) == 0);
}

static void onces(void)
{
	pthread_once(&once, do_nothing);
	old_once(&once_by_old_name, do_nothing);
}

static void *end_at_once(void *argument)
{
	return argument;
}

static void let_go(void *mutex)
{
	host_unlock(mutex);
}

static void *sleep_long(void *argument)
{
	host_lock(&outer);
	pthread_cleanup_push(let_go, &outer);
	pause();
	pthread_cleanup_pop(0);
	return argument;
}

static void threads(void)
{
	struct timespec later = {.tv_sec = 1};
	pthread_t thread = host_start(end_at_once, NULL);

	later.tv_sec += time(NULL);
	HOST_CHECK(pthread_join(thread, NULL) == 0);
	thread = host_start(end_at_once, NULL);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY)
		sched_yield();
	thread = host_start(end_at_once, NULL);
	HOST_CHECK(pthread_timedjoin_np(thread, NULL, &later) == 0);
	thread = host_start(end_at_once, NULL);
	HOST_CHECK(pthread_clockjoin_np(thread, NULL, CLOCK_REALTIME, &later) == 0);
	thread = host_start(sleep_long, NULL);
	HOST_CHECK(pthread_timedjoin_np(thread, NULL, &past) == ETIMEDOUT);
	HOST_CHECK(pthread_clockjoin_np(thread, NULL, CLOCK_REALTIME, &past) == ETIMEDOUT);
	HOST_CHECK(pthread_kill(thread, SIGURG) == 0);
	HOST_CHECK(pthread_sigqueue(thread, SIGURG, (union sigval){0}) == 0);
	HOST_CHECK(pthread_cancel(thread) == 0);
	host_join(thread);
}

/* The mutex is had again when the cleanup handlers run. */
static void *wait_to_be_cancelled(void *argument)
{
	host_lock(&outer);
	pthread_cleanup_push(let_go, &outer);
	host_lock(&with_condition);
	pthread_cleanup_push(let_go, &with_condition);
	sem_post(&semaphore);
	for (;;)
		pthread_cond_wait(&condition, &with_condition);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return argument;
}

static void cancellation(void)
{
	pthread_t thread;

	sem_init(&semaphore, 0, 0);
	thread = host_start(wait_to_be_cancelled, NULL);
	host_wait(&semaphore);
	HOST_CHECK(pthread_cancel(thread) == 0);
	host_join(thread);
}

int main(void)
{
	host_lock(&around);
	all_mutexes();
	mutexes_by_old_names();
	rwlocks();
	rwlocks_by_old_names();
	spinlocks();
	conditions();
	c11();
	semaphores();
	onces();
	threads();
	cancellation();
	host_unlock(&around);
	return 0;
}
