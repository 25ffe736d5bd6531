/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's own hooks. Its lock calls go through pointers that its profiler (QSP) switches, and
 * that are exported data: what they are given is the lock, and the file and line of the call.
 * Ours note the place, and call on.
 *
 * `sync-profile on` puts the profiler's functions there, and tells whether it is on by
 * looking for them. So ours stay away as long as it is on, and come back when the pointers
 * have their first values again.
 */
#include "shim/note.h"

#include <dlfcn.h>

typedef void mutex_lock_fn(void *mutex, const char *file, int line);
typedef int mutex_trylock_fn(void *mutex, const char *file, int line);
typedef void cond_wait_fn(void *condition, void *mutex, const char *file, int line);
typedef bool cond_timedwait_fn(void *condition, void *mutex, int ms, const char *file, int line);

enum { MUTEX_LOCK, MUTEX_TRYLOCK, REC_LOCK, REC_TRYLOCK, COND_WAIT, COND_TIMEDWAIT, BQL, HOOKS };

static void **pointers[HOOKS]; /* QEMU's; NULL where this program has none */
static void *firsts[HOOKS];    /* what was in them at the start */

static uint64_t bql; /* its address, once QEMU has said it */

/* What the program says about the call that it makes; the lock call below takes it up. */
static struct shim_thread *say(const char *file, int line)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);

	if (!t || !file)
		return NULL;
	t->hint_site = (dw_hash(dw_hash(1, (uint64_t)file), (uint64_t)line) | 1) & ~SHIM_IN_HANDLER;
	t->hint_file = file;
	t->hint_line = (uint32_t)line;
	return t;
}

static void unsay(struct shim_thread *t)
{
	if (t)
		t->hint_site = 0;
}

static void on_mutex_lock(void *mutex, const char *file, int line)
{
	struct shim_thread *t = say(file, line);

	((mutex_lock_fn *)firsts[MUTEX_LOCK])(mutex, file, line);
	unsay(t);
}

static int on_mutex_trylock(void *mutex, const char *file, int line)
{
	struct shim_thread *t = say(file, line);
	int r = ((mutex_trylock_fn *)firsts[MUTEX_TRYLOCK])(mutex, file, line);

	unsay(t);
	return r;
}

static void on_rec_lock(void *mutex, const char *file, int line)
{
	struct shim_thread *t = say(file, line);

	((mutex_lock_fn *)firsts[REC_LOCK])(mutex, file, line);
	unsay(t);
}

static int on_rec_trylock(void *mutex, const char *file, int line)
{
	struct shim_thread *t = say(file, line);
	int r = ((mutex_trylock_fn *)firsts[REC_TRYLOCK])(mutex, file, line);

	unsay(t);
	return r;
}

static void on_cond_wait(void *condition, void *mutex, const char *file, int line)
{
	struct shim_thread *t = say(file, line);

	((cond_wait_fn *)firsts[COND_WAIT])(condition, mutex, file, line);
	unsay(t);
}

static bool on_cond_timedwait(void *condition, void *mutex, int ms, const char *file, int line)
{
	struct shim_thread *t = say(file, line);
	bool r = ((cond_timedwait_fn *)firsts[COND_TIMEDWAIT])(condition, mutex, ms, file, line);

	unsay(t);
	return r;
}

static void on_bql_lock(void *mutex, const char *file, int line)
{
	struct shim_thread *t = say(file, line);

	if (shim_unlikely(bql != (uint64_t)mutex)) {
		__atomic_store_n(&bql, (uint64_t)mutex, __ATOMIC_RELAXED);
		if (t)
			shim_thing_is_bql((uint64_t)mutex);
	}
	((mutex_lock_fn *)firsts[BQL])(mutex, file, line);
	unsay(t);
}

static const struct {
	const char *names[2]; /* up to 8.x and from 9.0, where they differ */
	void *ours;
} hooks[HOOKS] = {
    [MUTEX_LOCK] = {{"qemu_mutex_lock_func"}, (void *)on_mutex_lock},
    [MUTEX_TRYLOCK] = {{"qemu_mutex_trylock_func"}, (void *)on_mutex_trylock},
    [REC_LOCK] = {{"qemu_rec_mutex_lock_func"}, (void *)on_rec_lock},
    [REC_TRYLOCK] = {{"qemu_rec_mutex_trylock_func"}, (void *)on_rec_trylock},
    [COND_WAIT] = {{"qemu_cond_wait_func"}, (void *)on_cond_wait},
    [COND_TIMEDWAIT] = {{"qemu_cond_timedwait_func"}, (void *)on_cond_timedwait},
    [BQL] = {{"qemu_bql_mutex_lock_func", "bql_mutex_lock_func"}, (void *)on_bql_lock},
};

void shim_qemu_init(void)
{
	for (int i = 0; i < HOOKS; i++) {
		pointers[i] = dlsym(RTLD_DEFAULT, hooks[i].names[0]);
		if (!pointers[i] && hooks[i].names[1])
			pointers[i] = dlsym(RTLD_DEFAULT, hooks[i].names[1]);
		if (pointers[i])
			firsts[i] = *pointers[i];
	}
	shim_qemu_refresh();
}

void shim_qemu_refresh(void)
{
	for (int i = 0; i < HOOKS; i++) {
		void *first = firsts[i];

		/* In one step: the profiler may be switched on at this moment. */
		if (pointers[i] && __atomic_load_n(pointers[i], __ATOMIC_RELAXED) == first)
			__atomic_compare_exchange_n(pointers[i], &first, hooks[i].ours, 0,
						    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

bool shim_qemu_is_bql(uint64_t address)
{
	return address == __atomic_load_n(&bql, __ATOMIC_RELAXED);
}
