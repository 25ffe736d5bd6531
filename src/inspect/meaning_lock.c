/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks and the like in memory: which one is waited for, told by the word that is waited on. */
#include "inspect/meaning_layout.h"
#include "inspect/meaning_parts.h"
#include "symbol/wrapper.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>

/* glibc: the word of a barrier that is waited on. */
#define GLIBC_BARRIER_ROUND 4

bool dw_meaning_has_arguments(const struct dw_asleep *asleep)
{
	return asleep->arguments &&
	       (asleep->call == SYS_futex || asleep->call == SYS_restart_syscall);
}

bool dw_meaning_is_futex(const struct dw_asleep *asleep)
{
	return asleep->arguments && asleep->call == SYS_futex;
}

unsigned dw_meaning_operation(const struct dw_asleep *asleep)
{
	return (unsigned)asleep->arguments[1] & FUTEX_CMD_MASK;
}

bool dw_meaning_argument(const struct dw_asleep *asleep, const char *name, uint64_t *ret)
{
	for (uint32_t i = 0; asleep->argument && i < asleep->n_frames; i++) {
		if (!(asleep->frames[i].flags & DW_FRAME_WRAPPER) &&
		    !dw_wrapper_is_system(asleep->frames[i].module))
			return false;
		if (asleep->argument(asleep->context, i, name, ret) && *ret)
			return true;
	}
	return false;
}

void dw_meaning_word(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	if (dw_meaning_has_arguments(asleep)) {
		ret->address = asleep->arguments[0];
		ret->how |= asleep->arguments[3] ? DW_TIMED : 0;
	} else if (!dw_meaning_argument(asleep, "futex_word", &ret->address)) {
		dw_meaning_argument(asleep, "futex", &ret->address);
	}
}

static bool is_musl_frame(const struct dw_frame *frame)
{
	static const char *const functions[] = {
	    "__timedwait",  "__timedwait_cp", "__wait",          "__futex4_cp",
	    "__syscall_cp", "__syscall_cp_c", "__syscall_cp_asm"};
	const char *function = frame->function ? frame->function : "";

	if (frame->module &&
	    (!strcmp(frame->module, "libc.so") || !strncmp(frame->module, "ld-musl", 7)))
		return true;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(function, functions[i]))
			return true;
	return false;
}

/* By its own functions; they are in the innermost frames of whatever waits in it. */
bool dw_meaning_is_musl(const struct dw_asleep *asleep, uint32_t site)
{
	for (uint32_t i = 0; i < site; i++)
		if (is_musl_frame(&asleep->frames[i]))
			return true;
	return false;
}

bool dw_meaning_read(const struct dw_asleep *asleep, uint64_t address, void *ret, size_t n)
{
	return asleep->read && asleep->read(asleep->context, address, ret, n);
}

bool dw_meaning_read_word(const struct dw_asleep *asleep, uint64_t address, uint32_t *ret)
{
	return dw_meaning_read(asleep, address, ret, sizeof(*ret));
}

void dw_meaning_mutex(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t word = dw_meaning_has_arguments(asleep) ? asleep->arguments[0] : 0;
	unsigned what = word ? dw_meaning_operation(asleep) : FUTEX_WAIT;

	ret->address = word;
	if (what == FUTEX_LOCK_PI || what == FUTEX_LOCK_PI2) {
		ret->owner = DW_OWNER_PI_WORD;
	} else if (dw_meaning_is_musl(asleep, ret->site)) {
		ret->owner = DW_OWNER_MUSL_MUTEX;
		ret->address = word ? word - MUSL_MUTEX_WORD : 0;
	} else {
		ret->owner = DW_OWNER_GLIBC_MUTEX;
	}
	if (!ret->address && !dw_meaning_argument(asleep, "mutex", &ret->address))
		dw_meaning_argument(asleep, "futex", &ret->address);
}

static void tell_rwlock(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t word = dw_meaning_has_arguments(asleep) ? asleep->arguments[0] : 0;

	if (word && dw_meaning_is_musl(asleep, ret->site)) {
		ret->address = word;
		ret->owner = DW_OWNER_MUSL_RWLOCK;
	} else if (word) {
		ret->address = word - (word % 8 ? GLIBC_RWLOCK_WRITERS : GLIBC_RWLOCK_PHASE);
		ret->owner = DW_OWNER_GLIBC_RWLOCK;
	} else {
		dw_meaning_argument(asleep, "rwlock", &ret->address);
	}
}

/* glibc waits while the word is the thread's number; musl on another word, behind that. */
static void tell_ending(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t number;

	if (!dw_meaning_has_arguments(asleep)) {
		if (dw_meaning_argument(asleep, "tid", &number))
			ret->tid = (uint32_t)number;
	} else if (dw_meaning_is_musl(asleep, ret->site)) {
		dw_meaning_read_word(asleep, asleep->arguments[0] - MUSL_THREAD_NUMBER, &ret->tid);
	} else {
		ret->tid = (uint32_t)asleep->arguments[2];
	}
}

static void tell_other(const struct dw_asleep *asleep, const char *name, struct dw_meaning *ret)
{
	if (dw_meaning_has_arguments(asleep))
		ret->address = asleep->arguments[0];
	else
		dw_meaning_argument(asleep, name, &ret->address);
}

/*
 * musl waits in one function with and without a time, and in glibc's a time may be unlimited: what
 * the kernel was asked for decides.
 */
static void tell_time(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	if (!dw_meaning_has_arguments(asleep))
		return;
	ret->how &= (uint8_t) ~(uint32_t)DW_TIMED;
	ret->how |= asleep->arguments[3] ? DW_TIMED : 0;
}

void dw_meaning_lock(const struct dw_asleep *asleep, const struct dw_meaning_row *row,
		     struct dw_meaning *ret)
{
	ret->kind = row->kind;
	ret->how = row->how;
	tell_time(asleep, ret);
	switch ((enum dw_thing_kind)row->kind) {
	case DW_MUTEX:
		ret->retakes = row->how & DW_RETAKEN;
		dw_meaning_mutex(asleep, ret);
		break;
	case DW_RWLOCK:
		tell_rwlock(asleep, ret);
		break;
	case DW_CONDITION:
		dw_meaning_condition(asleep, ret);
		break;
	case DW_ENDING:
		tell_ending(asleep, ret);
		break;
	case DW_SEMAPHORE:
		tell_other(asleep, "sem", ret);
		break;
	case DW_BARRIER:
		tell_other(asleep, "barrier", ret);
		if (dw_meaning_has_arguments(asleep) && !dw_meaning_is_musl(asleep, ret->site))
			ret->address -= GLIBC_BARRIER_ROUND;
		break;
	case DW_ONCE:
		tell_other(asleep, "once_control", ret);
		break;
	case DW_SPINLOCK:
	case DW_FUTEX:
	case DW_ANSWER:
	case DW_CALL:
	case DW_LOCK_WORD:
		break;
	}
}

/* Whether there is what glibc's mutex looks like when somebody has it and others wait. */
static bool looks_like_mutex(const struct dw_asleep *asleep, uint64_t address)
{
	uint32_t words[GLIBC_MUTEX_KIND / sizeof(uint32_t) + 1];

	if (!dw_meaning_read(asleep, address, words, sizeof(words)))
		return false;
	return words[0] == DW_MEANING_LOCKED_WITH_WAITERS && words[GLIBC_MUTEX_OWNER / 4] &&
	       words[GLIBC_MUTEX_USERS / 4] && words[GLIBC_MUTEX_USERS / 4] < 0x10000 &&
	       words[GLIBC_MUTEX_KIND / 4] <= GLIBC_MUTEX_KIND_MAX;
}

/*
 * Whether there is what musl's mutex looks like: a program without names is often a static one
 * of musl's. @ret_plain: of the kind that does not note who has it, and looks like nothing else.
 */
static bool looks_like_musl_mutex(const struct dw_asleep *asleep, uint64_t word, bool *ret_plain)
{
	uint32_t expected = (uint32_t)asleep->arguments[2], words[2];

	if (!(expected & MUSL_WAITERS) ||
	    !dw_meaning_read(asleep, word - MUSL_MUTEX_WORD, words, sizeof(words)) ||
	    words[1] != expected)
		return false;
	*ret_plain = words[0] == 0;
	return *ret_plain ? expected == (MUSL_WAITERS | MUSL_NORMAL)
			  : words[0] <= MUSL_MUTEX_TYPE_MAX;
}

/*
 * Whether the word looks like the number of a thread in glibc's memory, which the kernel takes away
 * when that ends: nobody else waits, as for other processes' words, until a word is no such number.
 */
static bool looks_like_number(const struct dw_asleep *asleep, uint64_t word)
{
	uint32_t number;

	return !(asleep->arguments[1] & FUTEX_PRIVATE_FLAG) &&
	       dw_meaning_read_word(asleep, word, &number) &&
	       number == (uint32_t)asleep->arguments[2];
}

/*
 * Whether a lock of the C library's own is waited for, as malloc's or a FILE's: it waits inside,
 * in no function that others can ask for a wait.
 */
static bool is_librarys_lock(const struct dw_asleep *asleep, uint32_t site)
{
	return site > 0 && dw_wrapper_is_system(asleep->frames[0].module) &&
	       dw_meaning_operation(asleep) == FUTEX_WAIT &&
	       asleep->arguments[2] == DW_MEANING_LOCKED_WITH_WAITERS;
}

/* What the word looks like, other than a mutex that says who has it. */
static void tell_by_word(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	ret->kind = DW_FUTEX;
	if (is_librarys_lock(asleep, ret->site)) {
		ret->kind = DW_LOCK_WORD;
		ret->owner = DW_OWNER_GLIBC_FILE;
	} else if (dw_meaning_find_condition(asleep, ret->address, ret))
		ret->kind = DW_CONDITION;
	else if (looks_like_number(asleep, ret->address))
		ret->tid = (uint32_t)asleep->arguments[2];
}

/* A mutex, if a thread that lives has it. */
static void guess_mutex(struct dw_meaning *ret, enum dw_owner_place owner, uint64_t address)
{
	ret->word = ret->address;
	ret->otherwise = ret->kind;
	ret->kind = DW_MUTEX;
	ret->owner = owner;
	ret->address = address;
}

void dw_meaning_nameless(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	unsigned what = dw_meaning_operation(asleep);
	bool is_plain;

	dw_meaning_word(asleep, ret);
	tell_by_word(asleep, ret);
	if (what == FUTEX_LOCK_PI || what == FUTEX_LOCK_PI2) {
		ret->kind = DW_MUTEX;
		ret->owner = DW_OWNER_PI_WORD;
	} else if (what == FUTEX_WAIT && asleep->arguments[2] == DW_MEANING_LOCKED_WITH_WAITERS &&
		   looks_like_mutex(asleep, ret->address)) {
		guess_mutex(ret, DW_OWNER_GLIBC_MUTEX, ret->address);
	} else if (what == FUTEX_WAIT && looks_like_musl_mutex(asleep, ret->address, &is_plain)) {
		guess_mutex(ret, DW_OWNER_MUSL_MUTEX, ret->address - MUSL_MUTEX_WORD);
		ret->word = is_plain ? 0 : ret->word;
	}
}
