/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions in memory: which one a thread waits for, told by the word that it waits on and by what
 * the C library keeps on the thread's stack; and the mutex that it takes again.
 */
#include "inspect/meaning_parts.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>

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

/* musl: what waits for a condition, on the stack of who waits; the word is in its middle. */
#define MUSL_WAITER_NEXT 8
#define MUSL_WAITER_WORD 20
#define MUSL_WAITERS_MAX 4096 /* threads that wait for one condition */

/* musl: the condition's two ends of the list of these. */
#define MUSL_CONDITION_FIRST 8
#define MUSL_CONDITION_LAST 40

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
		if (dw_meaning_read(asleep, asleep->sp, ret, size))
			return size / sizeof(uint64_t);
	return 0;
}

/* Fills which condition it is whose @word is waited on, and its mutex. Return: whether there is
 * one. */
bool dw_meaning_find_condition(const struct dw_asleep *asleep, uint64_t word,
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
	if (!dw_meaning_find_condition(asleep, word, ret))
		ret->address = word - condition_offsets[word % 8 ? 1 : 0];
}

/* A condition wait that is over waits for the word of its mutex: as a lock, not as a condition. */
static bool is_retaking(const struct dw_asleep *asleep)
{
	if (!dw_meaning_has_arguments(asleep) || asleep->call != SYS_futex)
		return false;
	switch (dw_meaning_operation(asleep)) {
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
	dw_meaning_mutex(asleep, ret);
}

/* The end of the list of waiters at @waiter, by the pointers @offset in each; 0: it has none. */
static uint64_t end_of_waiters(const struct dw_asleep *asleep, uint64_t waiter, uint64_t offset)
{
	uint64_t next;

	for (int i = 0; i < MUSL_WAITERS_MAX; i++, waiter = next) {
		if (!dw_meaning_read(asleep, waiter + offset, &next, sizeof(next)))
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
	       dw_meaning_read(asleep, address + MUSL_CONDITION_FIRST, &begin, sizeof(begin)) &&
	       dw_meaning_read(asleep, address + MUSL_CONDITION_LAST, &end, sizeof(end)) &&
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

void dw_meaning_condition(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t word = dw_meaning_has_arguments(asleep) ? asleep->arguments[0] : 0;

	if (word && dw_meaning_is_musl(asleep, ret->site)) {
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
