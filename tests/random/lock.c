/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One lock of the random program: its life, and the ways of taking it. */
#include "program.h"

#include <errno.h>
#include <time.h>

/* Long enough to be waited for now and then, short enough for some thousand waits. */
#define WAIT_US_MAX 300

unsigned random_below(struct actor *actor, unsigned n)
{
	actor->random ^= actor->random << 13;
	actor->random ^= actor->random >> 7;
	actor->random ^= actor->random << 17;
	return (unsigned)(actor->random >> 32) % n;
}

struct timespec after(clockid_t clock, unsigned us)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_nsec += (long)us * 1000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

static void mutex_init(struct lock *lock, enum kind kind)
{
	static const int types[] = {
	    [NORMAL] = PTHREAD_MUTEX_NORMAL,
	    [RECURSIVE] = PTHREAD_MUTEX_RECURSIVE,
	    [ERRORCHECK] = PTHREAD_MUTEX_ERRORCHECK,
	};
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, types[kind]);
	pthread_mutex_init(&lock->mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static void rwlock_init(struct lock *lock, enum kind kind)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	if (kind == RWLOCK_WRITERS)
		pthread_rwlockattr_setkind_np(&attributes,
					      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&lock->rwlock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
}

void lock_init(struct lock *lock, enum kind kind, unsigned rank, bool called)
{
	lock->kind = kind;
	lock->rank = rank;
	pthread_cond_init(&lock->cond, NULL);
	if (kind == NORMAL && !called)
		lock->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	else if (kind == RWLOCK && !called)
		lock->rwlock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
	else if (kind == SPIN)
		pthread_spin_init(&lock->spin, PTHREAD_PROCESS_PRIVATE);
	else if (kind >= RWLOCK)
		rwlock_init(lock, kind);
	else
		mutex_init(lock, kind);
}

void lock_destroy(struct lock *lock)
{
	if (lock->kind == SPIN)
		pthread_spin_destroy(&lock->spin);
	else if (lock->kind >= RWLOCK)
		pthread_rwlock_destroy(&lock->rwlock);
	else
		pthread_mutex_destroy(&lock->mutex);
}

static const struct held *find_held(const struct actor *actor, const struct lock *lock)
{
	for (unsigned i = 0; i < actor->n_held; i++)
		if (actor->held[i].lock == lock)
			return &actor->held[i];
	return NULL;
}

bool may_wait(const struct actor *actor, const struct lock *lock, bool for_reading)
{
	const struct held *held = find_held(actor, lock);

	/* These come back at once: with the lock, or because it is the thread's own already. */
	if (held)
		return lock->kind == RECURSIVE || lock->kind == ERRORCHECK ||
		       (lock->kind == RWLOCK && held->shared && for_reading) ||
		       ((lock->kind == RWLOCK || lock->kind == RWLOCK_WRITERS) && !held->shared);
	for (unsigned i = 0; i < actor->n_held; i++)
		if (actor->held[i].lock->rank >= lock->rank)
			return false;
	return true;
}

/* As QEMU takes its locks: what is called is found by its name, and told the place. */
static void plain_lock(void *mutex, const char *file, int line)
{
	(void)file, (void)line;
	pthread_mutex_lock(mutex);
}

typedef void lock_fn(void *mutex, const char *file, int line);

__attribute__((visibility("default"))) lock_fn *_Atomic qemu_mutex_lock_func = plain_lock;

static int lock_with_hint(struct lock *lock)
{
	lock_fn *function = qemu_mutex_lock_func;

	if (lock->rank % 3 == 1)
		function(&lock->mutex, __FILE__, __LINE__);
	else
		function(&lock->mutex, __FILE__, __LINE__);
	return 0;
}

static int take_mutex(struct lock *lock, enum manner manner)
{
	struct timespec real = after(CLOCK_REALTIME, WAIT_US_MAX);
	struct timespec monotonic = after(CLOCK_MONOTONIC, WAIT_US_MAX);

	switch (manner) {
	case TRY:
		return pthread_mutex_trylock(&lock->mutex);
	case TIMED:
		return pthread_mutex_timedlock(&lock->mutex, &real);
	case CLOCK:
		return pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC, &monotonic);
	case WAIT:
	case N_MANNERS:
		break;
	}
	if (lock->kind == NORMAL && lock->rank % 3)
		return lock_with_hint(lock);
	return pthread_mutex_lock(&lock->mutex);
}

static int read_rwlock(struct lock *lock, enum manner manner)
{
	struct timespec real = after(CLOCK_REALTIME, WAIT_US_MAX);
	struct timespec monotonic = after(CLOCK_MONOTONIC, WAIT_US_MAX);

	switch (manner) {
	case TRY:
		return pthread_rwlock_tryrdlock(&lock->rwlock);
	case TIMED:
		return pthread_rwlock_timedrdlock(&lock->rwlock, &real);
	case CLOCK:
		return pthread_rwlock_clockrdlock(&lock->rwlock, CLOCK_MONOTONIC, &monotonic);
	case WAIT:
	case N_MANNERS:
		break;
	}
	return pthread_rwlock_rdlock(&lock->rwlock);
}

static int write_rwlock(struct lock *lock, enum manner manner)
{
	struct timespec real = after(CLOCK_REALTIME, WAIT_US_MAX);
	struct timespec monotonic = after(CLOCK_MONOTONIC, WAIT_US_MAX);

	switch (manner) {
	case TRY:
		return pthread_rwlock_trywrlock(&lock->rwlock);
	case TIMED:
		return pthread_rwlock_timedwrlock(&lock->rwlock, &real);
	case CLOCK:
		return pthread_rwlock_clockwrlock(&lock->rwlock, CLOCK_MONOTONIC, &monotonic);
	case WAIT:
	case N_MANNERS:
		break;
	}
	return pthread_rwlock_wrlock(&lock->rwlock);
}

static int call(struct lock *lock, enum manner manner, bool for_reading)
{
	if (lock->kind == SPIN)
		return manner == WAIT ? pthread_spin_lock(&lock->spin)
				      : pthread_spin_trylock(&lock->spin);
	if (lock->kind < RWLOCK)
		return take_mutex(lock, manner);
	return for_reading ? read_rwlock(lock, manner) : write_rwlock(lock, manner);
}

bool take(struct actor *actor, struct lock *lock)
{
	bool is_rwlock = lock->kind == RWLOCK || lock->kind == RWLOCK_WRITERS;
	bool for_reading = is_rwlock && random_below(actor, 2);
	enum manner manner = may_wait(actor, lock, for_reading) && random_below(actor, 4)
				 ? WAIT
				 : TRY + random_below(actor, N_MANNERS - TRY);
	int r;

	if (actor->n_held == HELD_MAX)
		return false;
	r = call(lock, manner, for_reading);
	check(r == 0 || r == EBUSY || r == ETIMEDOUT || r == EDEADLK, "a lock call went wrong");
	if (r == 0)
		actor->held[actor->n_held++] = (struct held){lock, for_reading};
	return r == 0;
}

void drop(struct actor *actor, unsigned i)
{
	struct lock *lock = actor->held[i].lock;
	int r;

	actor->n_held--;
	for (; i < actor->n_held; i++)
		actor->held[i] = actor->held[i + 1];
	if (lock->kind == SPIN)
		r = pthread_spin_unlock(&lock->spin);
	else if (lock->kind >= RWLOCK)
		r = pthread_rwlock_unlock(&lock->rwlock);
	else
		r = pthread_mutex_unlock(&lock->mutex);
	check(r == 0, "an unlock went wrong");
}

void wait_for_signal(struct actor *actor, unsigned i)
{
	struct lock *lock = actor->held[i].lock;
	struct timespec time = after(CLOCK_REALTIME, random_below(actor, WAIT_US_MAX));
	int r;

	if (lock->kind > ERRORCHECK)
		return;
	/* It is waited for again at the end, so it must be above all else that is held. */
	for (unsigned other = 0; other < actor->n_held; other++)
		if (other != i && actor->held[other].lock->rank >= lock->rank)
			return;
	r = pthread_cond_timedwait(&lock->cond, &lock->mutex, &time);
	check(r == 0 || r == ETIMEDOUT, "a condition wait went wrong");
}
