/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stand-ins for the different kinds of locks have in common. */
#pragma once

#include "shim/note.h"

/* A second name of a stand-in; the C library's headers do not declare these. */
#define SHIM_ALIAS(alias, name) \
	__asm__(".globl " #alias "\n.type " #alias ", @function\n.set " #alias ", " #name)

/* The thread with this number of the kernel is about to be sent @signal. Keeps errno. */
void shim_kick(uint32_t tid, int signal);

/* Whatever is locked meanwhile is the shim's own. */
static inline void shim_telling(struct shim_thread *t,
				void (*tell)(struct shim_thread *t, uint64_t address,
					     uint64_t caller),
				uint64_t address, uint64_t caller)
{
	SHIM_OWN_WORK(t);

	tell(t, address, caller);
}

static inline void shim_born(const volatile void *lock, uint64_t caller, bool success)
{
	struct shim_thread *t = success ? shim_tracked(caller) : NULL;

	if (t)
		shim_telling(t, shim_thing_init, (uint64_t)lock, caller);
}

static inline void shim_ended(const volatile void *lock, uint64_t caller, bool success)
{
	struct shim_thread *t = success ? shim_tracked(caller) : NULL;

	if (t)
		shim_telling(t, shim_thing_destroy, (uint64_t)lock, caller);
}

/*
 * The body of a stand-in for a call that takes `lock` and may wait, as it will if it is @taken;
 * @success is of `r`.
 */
#define SHIM_TAKE(what, how, taken, call, success) \
	SHIM_TAKE_FROM(SHIM_CALLER, what, how, taken, call, success)

#define SHIM_TAKE_FROM(caller, what, how, taken, call, success)               \
	struct shim_note note;                                                \
	int r;                                                                \
                                                                              \
	if (shim_unlikely(!shim_want(&note, lock, what, how, taken, caller))) \
		return shim_real.call;                                        \
	r = shim_real.call;                                                   \
	shim_took(&note, success, r);                                         \
	return r

/* The same for a call that does not wait. */
#define SHIM_TRY(what, how, call, success)                    \
	int r = shim_real.call;                               \
                                                              \
	shim_tried(lock, what, how, SHIM_CALLER, success, r); \
	return r
