/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done once is a lock: whoever comes first holds it while the routine runs, and the
 * others wait for that. The C library gets a routine of ours in place of the program's.
 */
#include "shim/interpose.h"
#include "shim/real.h"
#include "shim/wait.h"

/* The C library's word of a routine that was run (glibc, unchanged since 2.0). */
#define DONE 2

struct shim_once {
	struct shim_note note;
	void (*routine)(void);
	struct shim_once *outer; /* the one that was under way in this thread before */
	bool ran;
};

static bool begin(struct shim_once *once, const volatile void *control, void (*routine)(void),
		  uint64_t caller)
{
	/* If it has begun, another is at it. */
	bool taken = __atomic_load_n((const int *)control, __ATOMIC_RELAXED) != 0;

	*once = (struct shim_once){.routine = routine};
	if (!shim_want(&once->note, control, DW_ONCE, 0, taken, caller))
		return false;
	once->outer = shim_tls.once;
	shim_tls.once = once;
	return true;
}

/* Who did not run the routine itself has waited until another had. */
static void end(struct shim_once **once)
{
	struct shim_once *over = *once;

	if (!over)
		return;
	shim_tls.once = over->outer;
	if (!over->ran && over->note.t == shim_self && shim_self->thread.slot)
		shim_took(&over->note, false, 0);
}

/* Also if the routine was left by an exception, or the thread was cancelled in it. */
static void let_go(struct shim_once **once)
{
	const struct dw_taking *taking = &(*once)->note.taking;

	shim_drop((const volatile void *)taking->thing, DW_ONCE, 0, taking->caller);
}

static void run(void)
{
	dw_cleanup(let_go) struct shim_once *once = shim_tls.once;

	once->ran = true;
	shim_took(&once->note, true, 0);
	once->routine();
}

/*
 * Once it is done, nobody waits any more; but who asks for it under a lock would have had to, had
 * it come sooner.
 */
static __attribute__((noinline)) void ask_under_lock(const volatile void *control, uint64_t caller)
{
	struct shim_note note;

	if (shim_want(&note, control, DW_ONCE, 0, /* taken= */ false, caller))
		shim_took(&note, false, 0);
}

static inline void ask_done(const volatile void *control, uint64_t caller)
{
	const struct shim_thread *t = shim_self;

	if (shim_unlikely(t->thread.open && t->thread.slot->top))
		ask_under_lock(control, caller);
}

#define ONCE(type, name, flag)                                                                \
	static __attribute__((noinline))                                                      \
	type name##_undone(flag *control, void (*routine)(void), uint64_t caller)             \
	{                                                                                     \
		dw_cleanup(end) struct shim_once *under_way = NULL;                           \
		struct shim_once once;                                                        \
                                                                                              \
		if (!begin(&once, control, routine, caller))                                  \
			return shim_real.name(control, routine);                              \
		under_way = &once;                                                            \
		return shim_real.name(control, run);                                          \
	}                                                                                     \
	SHIM type name(flag *control, void (*routine)(void))                                  \
	{                                                                                     \
		if (shim_unlikely(__atomic_load_n((int *)control, __ATOMIC_ACQUIRE) != DONE)) \
			return name##_undone(control, routine, SHIM_CALLER);                  \
		ask_done(control, SHIM_CALLER);                                               \
		return shim_real.name(control, routine);                                      \
	}

ONCE(int, pthread_once, pthread_once_t)
ONCE(void, call_once, once_flag)

SHIM_ALIAS(__pthread_once, pthread_once);
