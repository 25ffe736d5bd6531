/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks and conditions in memory: where they are, told by the word that is waited on, and who
 * has them. The layouts are those that C libraries are bound to by what they were linked
 * with: glibc's since 2.25, musl's since 1.1.
 */
#include "inspect/meaning_parts.h"
#include "symbol/wrapper.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>

/* glibc: the mutex. */
#define GLIBC_MUTEX_OWNER 8
#define GLIBC_MUTEX_USERS 12
#define GLIBC_MUTEX_KIND 16
#define GLIBC_MUTEX_KIND_MAX 0x1ff /* all bits that a kind has ever had */

/* glibc: the words of a rwlock that are waited on, by their alignment to 8. */
#define GLIBC_RWLOCK_PHASE 8
#define GLIBC_RWLOCK_WRITERS 12
#define GLIBC_RWLOCK_READER_SHIFT 3 /* of the first word, which counts them */
#define GLIBC_RWLOCK_WRITER 24      /* the number of the thread that has it for writing */

/* glibc: the word of a barrier that is waited on. */
#define GLIBC_BARRIER_ROUND 4

/* glibc on x86-64: a FILE's lock, and the block of the thread that it points to, which points to
 * itself twice. */
#define GLIBC_FILE_OWNER 8
#define GLIBC_BLOCK_SELF 16
#define GLIBC_BLOCK_NUMBER 0x2d0

/*
 * What waits in glibc's condition keeps, one after the other, on its stack; and beside that the
 * address of it, for when the thread is cancelled.
 */
struct cleanup {
	uint64_t sequence, condition, mutex;
};

/* The words of a glibc condition that are waited on are so far behind its beginning. */
static const uint64_t condition_offsets[] = {40, 44, 32, 36};

/* The two lie in the innermost frames of the C library. */
#define CLEANUP_MAX_SIZE 1024

/* musl: the mutex's word, behind its type; who waits for a condition does so on its own stack. */
#define MUSL_MUTEX_WORD 4
#define MUSL_THREAD_NUMBER 8  /* bytes before the word that a join waits on */
#define MUSL_MUTEX_TYPE_MAX 2 /* recursive: 1, with checks: 2 */
#define MUSL_OWNER_MASK 0x3fffffff
#define MUSL_WAITERS 0x80000000
#define MUSL_NORMAL 16 /* EBUSY: taken, by nobody in particular */

/* musl: what waits for a condition, on the stack of who waits; the word is in its middle. */
#define MUSL_WAITER_NEXT 8
#define MUSL_WAITER_WORD 20
#define MUSL_WAITERS_MAX 4096 /* threads that wait for one condition */

/* musl: the condition's two ends of the list of these. */
#define MUSL_CONDITION_FIRST 8
#define MUSL_CONDITION_LAST 40

/* musl: how many readers there are; all bits: a writer. */
#define MUSL_RWLOCK_MASK 0x7fffffff

/* Of a word that the kernel knows as a lock with priority inheritance. */
#define PI_OWNER_MASK FUTEX_TID_MASK

/* Rust: how many readers there are; all bits: a writer. */
#define RUST_RWLOCK_MASK 0x3fffffff

static bool has_futex_arguments(const struct dw_asleep *asleep)
{
	return asleep->arguments &&
	       (asleep->call == SYS_futex || asleep->call == SYS_restart_syscall);
}

bool dw_meaning_is_futex(const struct dw_asleep *asleep)
{
	return asleep->arguments && asleep->call == SYS_futex;
}

static unsigned operation(const struct dw_asleep *asleep)
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
	if (has_futex_arguments(asleep)) {
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
static bool is_musl(const struct dw_asleep *asleep, uint32_t site)
{
	for (uint32_t i = 0; i < site; i++)
		if (is_musl_frame(&asleep->frames[i]))
			return true;
	return false;
}

static bool read_at(const struct dw_asleep *asleep, uint64_t address, void *ret, size_t n)
{
	return asleep->read && asleep->read(asleep->context, address, ret, n);
}

static bool word_at(const struct dw_asleep *asleep, uint64_t address, uint32_t *ret)
{
	return read_at(asleep, address, ret, sizeof(*ret));
}

static void tell_mutex(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t word = has_futex_arguments(asleep) ? asleep->arguments[0] : 0;
	unsigned what = word ? operation(asleep) : FUTEX_WAIT;

	ret->address = word;
	if (what == FUTEX_LOCK_PI || what == FUTEX_LOCK_PI2) {
		ret->owner = DW_OWNER_PI_WORD;
	} else if (is_musl(asleep, ret->site)) {
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
	uint64_t word = has_futex_arguments(asleep) ? asleep->arguments[0] : 0;

	if (word && is_musl(asleep, ret->site)) {
		ret->address = word;
		ret->owner = DW_OWNER_MUSL_RWLOCK;
	} else if (word) {
		ret->address = word - (word % 8 ? GLIBC_RWLOCK_WRITERS : GLIBC_RWLOCK_PHASE);
		ret->owner = DW_OWNER_GLIBC_RWLOCK;
	} else {
		dw_meaning_argument(asleep, "rwlock", &ret->address);
	}
}

static bool has_word(const uint64_t *words, size_t n, uint64_t word)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] == word)
			return true;
	return false;
}

/* Looks on the stack, which begins at @sp, for what a wait for @condition keeps. */
static bool find_cleanup(const uint64_t *stack, size_t n, uint64_t sp, uint64_t condition,
			 uint64_t *ret_mutex)
{
	struct cleanup cleanup;

	for (size_t i = 0; i + sizeof(cleanup) / sizeof(*stack) <= n; i++) {
		memcpy(&cleanup, stack + i, sizeof(cleanup));
		if (cleanup.condition != condition || !cleanup.mutex || cleanup.mutex % 4 ||
		    !has_word(stack, n, sp + i * sizeof(*stack)))
			continue;
		*ret_mutex = cleanup.mutex;
		return true;
	}
	return false;
}

/* As much of the stack as there is, in halves of what was tried. Return: how many words. */
static size_t read_stack(const struct dw_asleep *asleep, uint64_t *ret, size_t size)
{
	if (!asleep->sp || asleep->sp % sizeof(uint64_t))
		return 0;
	for (; size >= sizeof(struct cleanup); size /= 2)
		if (read_at(asleep, asleep->sp, ret, size))
			return size / sizeof(uint64_t);
	return 0;
}

/* Fills which condition it is whose @word is waited on, and its mutex. Return: whether there is
 * one. */
static bool find_glibc_condition(const struct dw_asleep *asleep, uint64_t word,
				 struct dw_meaning *ret)
{
	uint64_t stack[CLEANUP_MAX_SIZE / sizeof(uint64_t)];
	size_t n = read_stack(asleep, stack, sizeof(stack));

	for (size_t i = 0; i < sizeof(condition_offsets) / sizeof(*condition_offsets); i++) {
		uint64_t condition = word - condition_offsets[i];

		if (condition % 8 || !find_cleanup(stack, n, asleep->sp, condition, &ret->mutex))
			continue;
		ret->address = condition;
		ret->mutex_owner = DW_OWNER_GLIBC_MUTEX;
		return true;
	}
	return false;
}

static void tell_glibc_condition(const struct dw_asleep *asleep, uint64_t word,
				 struct dw_meaning *ret)
{
	/* If nothing on the stack says so: as most versions have it. */
	if (!find_glibc_condition(asleep, word, ret))
		ret->address = word - condition_offsets[word % 8 ? 1 : 0];
}

/* A condition wait that is over waits for the word of its mutex: as a lock, not as a condition. */
static bool is_retaking(const struct dw_asleep *asleep)
{
	if (!has_futex_arguments(asleep) || asleep->call != SYS_futex)
		return false;
	switch (operation(asleep)) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return true;
	case FUTEX_WAIT:
		return (uint32_t)asleep->arguments[2] == DW_MEANING_LOCKED_WITH_WAITERS;
	default:
		return false;
	}
}

static void tell_retaking(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	ret->kind = DW_MUTEX;
	ret->how = DW_RETAKEN;
	ret->retakes = true;
	tell_mutex(asleep, ret);
}

/* The end of the list of waiters at @waiter, by the pointers @offset in each; 0: it has none. */
static uint64_t end_of_waiters(const struct dw_asleep *asleep, uint64_t waiter, uint64_t offset)
{
	uint64_t next;

	for (int i = 0; i < MUSL_WAITERS_MAX; i++, waiter = next) {
		if (!read_at(asleep, waiter + offset, &next, sizeof(next)))
			return 0;
		if (!next)
			return waiter;
	}
	return 0;
}

/* Whether the list of waiters of the musl condition at @address is that from @first to @last. */
static bool has_waiters(const struct dw_asleep *asleep, uint64_t address, uint64_t first,
			uint64_t last)
{
	uint64_t begin, end;

	return address % sizeof(address) == 0 &&
	       read_at(asleep, address + MUSL_CONDITION_FIRST, &begin, sizeof(begin)) &&
	       read_at(asleep, address + MUSL_CONDITION_LAST, &end, sizeof(end)) &&
	       begin == first && end == last;
}

/*
 * The word is in what this thread has put into the condition's list; the condition itself is
 * named somewhere on its stack. One that processes share is waited on itself.
 */
static void tell_musl_condition(const struct dw_asleep *asleep, uint64_t word,
				struct dw_meaning *ret)
{
	uint64_t stack[CLEANUP_MAX_SIZE / sizeof(uint64_t)];
	size_t n = read_stack(asleep, stack, sizeof(stack));
	uint64_t first = end_of_waiters(asleep, word - MUSL_WAITER_WORD, 0);
	uint64_t last = end_of_waiters(asleep, word - MUSL_WAITER_WORD, MUSL_WAITER_NEXT);

	ret->address = word;
	for (size_t i = 0; first && last && i < n; i++)
		if (has_waiters(asleep, stack[i], first, last)) {
			ret->address = stack[i];
			return;
		}
}

static void tell_condition(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t word = has_futex_arguments(asleep) ? asleep->arguments[0] : 0;

	if (word && is_musl(asleep, ret->site)) {
		tell_musl_condition(asleep, word, ret);
	} else if (word && is_retaking(asleep)) {
		tell_retaking(asleep, ret);
	} else if (word) {
		tell_glibc_condition(asleep, word, ret);
	} else {
		dw_meaning_argument(asleep, "cond", &ret->address);
		dw_meaning_argument(asleep, "mutex", &ret->mutex);
	}
}

/* glibc waits while the word is the thread's number; musl on another word, behind that. */
static void tell_ending(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t number;

	if (!has_futex_arguments(asleep)) {
		if (dw_meaning_argument(asleep, "tid", &number))
			ret->tid = (uint32_t)number;
	} else if (is_musl(asleep, ret->site)) {
		word_at(asleep, asleep->arguments[0] - MUSL_THREAD_NUMBER, &ret->tid);
	} else {
		ret->tid = (uint32_t)asleep->arguments[2];
	}
}

static void tell_other(const struct dw_asleep *asleep, const char *name, struct dw_meaning *ret)
{
	if (has_futex_arguments(asleep))
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
	if (!has_futex_arguments(asleep))
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
		tell_mutex(asleep, ret);
		break;
	case DW_RWLOCK:
		tell_rwlock(asleep, ret);
		break;
	case DW_CONDITION:
		tell_condition(asleep, ret);
		break;
	case DW_ENDING:
		tell_ending(asleep, ret);
		break;
	case DW_SEMAPHORE:
		tell_other(asleep, "sem", ret);
		break;
	case DW_BARRIER:
		tell_other(asleep, "barrier", ret);
		if (has_futex_arguments(asleep) && !is_musl(asleep, ret->site))
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

	if (!read_at(asleep, address, words, sizeof(words)))
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
	    !read_at(asleep, word - MUSL_MUTEX_WORD, words, sizeof(words)) || words[1] != expected)
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

	return !(asleep->arguments[1] & FUTEX_PRIVATE_FLAG) && word_at(asleep, word, &number) &&
	       number == (uint32_t)asleep->arguments[2];
}

/*
 * Whether a lock of the C library's own is waited for, as malloc's or a FILE's: it waits inside,
 * in no function that others can ask for a wait.
 */
static bool is_librarys_lock(const struct dw_asleep *asleep, uint32_t site)
{
	return site > 0 && dw_wrapper_is_system(asleep->frames[0].module) &&
	       operation(asleep) == FUTEX_WAIT &&
	       asleep->arguments[2] == DW_MEANING_LOCKED_WITH_WAITERS;
}

/* What the word looks like, other than a mutex that says who has it. */
static void tell_by_word(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	ret->kind = DW_FUTEX;
	if (is_librarys_lock(asleep, ret->site)) {
		ret->kind = DW_LOCK_WORD;
		ret->owner = DW_OWNER_GLIBC_FILE;
	} else if (find_glibc_condition(asleep, ret->address, ret))
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
	unsigned what = operation(asleep);
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

/*
 * The number of the thread whose block a FILE's lock at @address points to. Of another lock of the
 * library's, what is read there points to nothing that looks like a block. 0: it is none.
 */
static uint32_t owner_of_file(const struct dw_asleep *reader, uint64_t address)
{
	uint64_t block, head[GLIBC_BLOCK_SELF / sizeof(uint64_t) + 1];
	uint32_t number = 0;

	if (!read_at(reader, address + GLIBC_FILE_OWNER, &block, sizeof(block)) || !block ||
	    !read_at(reader, block, head, sizeof(head)))
		return 0;
	if (head[0] != block || head[GLIBC_BLOCK_SELF / sizeof(uint64_t)] != block)
		return 0;
	return word_at(reader, block + GLIBC_BLOCK_NUMBER, &number) ? number : 0;
}

uint32_t dw_meaning_owner(const struct dw_asleep *reader, enum dw_owner_place place,
			  uint64_t address)
{
	uint32_t word = 0;

	switch (place) {
	case DW_OWNER_NONE:
	case DW_OWNER_RUST_RWLOCK:
	case DW_OWNER_MUSL_RWLOCK:
		break;
	case DW_OWNER_GLIBC_MUTEX:
		/* Who lets go of it takes its number away before it opens the lock. */
		if (!word_at(reader, address, &word) || !word)
			return 0;
		return word_at(reader, address + GLIBC_MUTEX_OWNER, &word) ? word : 0;
	case DW_OWNER_GLIBC_RWLOCK:
		return word_at(reader, address + GLIBC_RWLOCK_WRITER, &word) ? word : 0;
	case DW_OWNER_GLIBC_FILE:
		return owner_of_file(reader, address);
	case DW_OWNER_PI_WORD:
		return word_at(reader, address, &word) ? word & PI_OWNER_MASK : 0;
	case DW_OWNER_MUSL_MUTEX:
		if (!word_at(reader, address + MUSL_MUTEX_WORD, &word))
			return 0;
		word &= MUSL_OWNER_MASK;
		return word == MUSL_NORMAL ? 0 : word;
	}
	return 0;
}

/* As many as the bits of @mask say, of which all stand for a writer. */
static uint32_t readers_in(uint32_t word, uint32_t mask)
{
	return (word & mask) == mask ? 0 : word & mask;
}

uint32_t dw_meaning_readers(const struct dw_asleep *reader, enum dw_owner_place place,
			    uint64_t address)
{
	uint32_t word;

	if (!word_at(reader, address, &word))
		return 0;
	switch (place) {
	case DW_OWNER_GLIBC_RWLOCK:
		return word >> GLIBC_RWLOCK_READER_SHIFT;
	case DW_OWNER_RUST_RWLOCK:
		return readers_in(word, RUST_RWLOCK_MASK);
	case DW_OWNER_MUSL_RWLOCK:
		return readers_in(word, MUSL_RWLOCK_MASK);
	case DW_OWNER_NONE:
	case DW_OWNER_GLIBC_MUTEX:
	case DW_OWNER_MUSL_MUTEX:
	case DW_OWNER_GLIBC_FILE:
	case DW_OWNER_PI_WORD:
		break;
	}
	return 0;
}
