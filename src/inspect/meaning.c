/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/meaning.h"

#include "inspect/meaning_parts.h"
#include "symbol/wrapper.h"

#include <string.h>

/*
 * Functions of C libraries in which threads wait: the beginning of the name, without what is
 * put before it (`___pthread_mutex_lock`, `__GI___pthread_mutex_lock`, `__new_sem_wait`). A
 * longer name comes before one that it begins with.
 */
static const struct dw_meaning_row rows[] = {
    {"pthread_mutex_cond_lock", DW_MUTEX, DW_RETAKEN},
    {"pthread_mutex_timedlock", DW_MUTEX, DW_TIMED},
    {"pthread_mutex_clocklock", DW_MUTEX, DW_TIMED},
    {"pthread_mutex_lock", DW_MUTEX, 0},
    {"mtx_timedlock", DW_MUTEX, DW_TIMED},
    {"mtx_lock", DW_MUTEX, 0},
    {"pthread_rwlock_timedrdlock", DW_RWLOCK, DW_SHARED | DW_TIMED},
    {"pthread_rwlock_clockrdlock", DW_RWLOCK, DW_SHARED | DW_TIMED},
    {"pthread_rwlock_rdlock", DW_RWLOCK, DW_SHARED},
    {"pthread_rwlock_timedwrlock", DW_RWLOCK, DW_TIMED},
    {"pthread_rwlock_clockwrlock", DW_RWLOCK, DW_TIMED},
    {"pthread_rwlock_wrlock", DW_RWLOCK, 0},
    {"pthread_cond_timedwait", DW_CONDITION, DW_TIMED},
    {"pthread_cond_clockwait", DW_CONDITION, DW_TIMED},
    {"pthread_cond_wait", DW_CONDITION, 0},
    {"cnd_timedwait", DW_CONDITION, DW_TIMED},
    {"cnd_wait", DW_CONDITION, 0},
    {"sem_timedwait", DW_SEMAPHORE, DW_TIMED},
    {"sem_clockwait", DW_SEMAPHORE, DW_TIMED},
    {"sem_wait", DW_SEMAPHORE, 0},
    {"pthread_timedjoin_np", DW_ENDING, DW_TIMED},
    {"pthread_clockjoin_np", DW_ENDING, DW_TIMED},
    {"pthread_clockjoin_ex", DW_ENDING, 0},
    {"pthread_join", DW_ENDING, 0},
    {"thrd_join", DW_ENDING, 0},
    {"pthread_barrier_wait", DW_BARRIER, 0},
    {"pthread_once", DW_ONCE, 0},
    {"call_once", DW_ONCE, 0},

    /* macOS */
    {"psynch_mutexwait", DW_MUTEX, 0},
    {"psynch_cvwait", DW_CONDITION, 0},
    {"psynch_rw_rdlock", DW_RWLOCK, DW_SHARED},
    {"psynch_rw_wrlock", DW_RWLOCK, 0},
    {"pthread_mutex_firstfit_lock", DW_MUTEX, 0},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *skip(const char *name, const char *begin)
{
	size_t n = strlen(begin);

	return strncmp(name, begin, n) ? name : name + n;
}

const char *dw_meaning_plain(const char *function)
{
	function += strspn(function, "_");
	function = skip(function, "GI_");
	function += strspn(function, "_");
	function = skip(function, "libc_");
	return skip(function, "new_");
}

static const struct dw_meaning_row *row_of(const char *function)
{
	const char *plain = dw_meaning_plain(function);

	for (size_t i = 0; i < N_ROWS; i++)
		if (!strncmp(plain, rows[i].function, strlen(rows[i].function)))
			return &rows[i];
	return NULL;
}

static uint32_t site_of(const struct dw_asleep *asleep)
{
	uint32_t i = 0;

	while (i < asleep->n_frames && (asleep->frames[i].flags & DW_FRAME_WRAPPER ||
					dw_wrapper_is_system(asleep->frames[i].module)))
		i++;
	return i;
}

/* A lock of a language's or library's own, by the function that waits for it. */
static void tell_word_lock(const struct dw_asleep *asleep, const char *function,
			   struct dw_meaning *ret)
{
	ret->kind = DW_LOCK_WORD;
	if (strstr(function, "::read_contended"))
		ret->how |= DW_SHARED;
	if (strstr(function, "RwLock"))
		ret->owner = DW_OWNER_RUST_RWLOCK;
	/* Threads of parking_lot sleep on words of their own, wherever the lock is. */
	if (!strncmp(skip(function, "<"), "parking_lot", strlen("parking_lot")))
		return;
	dw_meaning_word(asleep, ret);
	/* Its writers wait on a word behind that which is the lock. */
	if (ret->address && strstr(function, "::write_contended"))
		ret->address -= sizeof(uint32_t);
}

/* Of functions without names, the outermost is known by who has called it. */
static bool tell_by_call(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	const struct dw_meaning_row *row = asleep->called ? row_of(asleep->called) : NULL;

	if (row)
		dw_meaning_lock(asleep, row, ret);
	return row;
}

/* Innermost first: who takes a mutex again is below the wait for the condition. */
static bool tell_by_function(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	for (uint32_t i = 0; i < ret->site; i++) {
		const char *function = asleep->frames[i].function;
		const struct dw_meaning_row *row = function ? row_of(function) : NULL;

		if (row) {
			dw_meaning_lock(asleep, row, ret);
			return true;
		}
		if (function && dw_wrapper_is_word_lock(function)) {
			tell_word_lock(asleep, function, ret);
			return true;
		}
	}
	return tell_by_call(asleep, ret);
}

static bool waits_on_word(const struct dw_asleep *asleep, uint32_t site)
{
	for (uint32_t i = 0; i < site; i++)
		if (dw_wrapper_is_word_wait(asleep->frames[i].function))
			return true;
	return false;
}

/*
 * Who gives the processor away, or comes back from a sleep, does so to ask again for something.
 */
static bool yields(const struct dw_asleep *asleep, uint32_t site)
{
	static const char *const functions[] = {"sched_yield", "clock_nanosleep", "nanosleep"};

	for (uint32_t i = 0; i < site && asleep->frames[i].function; i++)
		for (size_t j = 0; j < sizeof(functions) / sizeof(functions[0]); j++)
			if (!strcmp(dw_meaning_plain(asleep->frames[i].function), functions[j]))
				return true;
	return false;
}

/*
 * Of a stack in a text there may be just the frame that waits. Who waits while the word is 2 waits
 * for a lock of glibc's.
 */
static bool tell_bare_futex(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint64_t expected;

	if (!dw_meaning_argument(asleep, "futex_word", &ret->address))
		return false;
	if (dw_meaning_argument(asleep, "expected", &expected) &&
	    expected == DW_MEANING_LOCKED_WITH_WAITERS)
		ret->kind = DW_MUTEX;
	else
		ret->kind = DW_FUTEX;
	return true;
}

/* Nothing outside the C library is known by name: the stack ends before, or all is stripped. */
static bool is_nameless(const struct dw_asleep *asleep, uint32_t site)
{
	for (uint32_t i = site; i < asleep->n_frames; i++)
		if (asleep->frames[i].function)
			return false;
	return true;
}

struct dw_meaning dw_meaning_tell(const struct dw_asleep *asleep)
{
	struct dw_meaning meaning = {.site = site_of(asleep)};

	if (dw_meaning_runs(asleep)) {
		meaning.sleeps = yields(asleep, meaning.site);
		return meaning;
	}
	if (tell_by_function(asleep, &meaning) || dw_meaning_call(asleep, &meaning))
		return meaning;
	if (asleep->argument && tell_bare_futex(asleep, &meaning))
		return meaning;
	if (waits_on_word(asleep, meaning.site)) {
		meaning.kind = DW_FUTEX;
		dw_meaning_word(asleep, &meaning);
	} else if (dw_meaning_is_futex(asleep)) {
		dw_meaning_nameless(asleep, &meaning);
		meaning.is_nameless = is_nameless(asleep, meaning.site);
	}
	return meaning;
}

bool dw_meaning_reads_file(const struct dw_asleep *asleep, const struct dw_meaning *meaning)
{
	/* Stripped, the library has the one name or the other of each. */
	static const char *const readers[] = {
	    "IO_fgets",   "fgets",   "IO_fgetws", "fgetws", "IO_fread", "fread",       "IO_getc",
	    "getc",       "fgetc",   "getchar",   "getwc",  "fgetwc",   "IO_getdelim", "getdelim",
	    "IO_getline", "getline", "vfscanf",   "fscanf", "scanf",
	};

	for (uint32_t i = 0; i < asleep->n_frames && i < meaning->site; i++)
		for (size_t j = 0; j < sizeof(readers) / sizeof(*readers); j++)
			if (asleep->frames[i].function &&
			    !strncmp(dw_meaning_plain(asleep->frames[i].function), readers[j],
				     strlen(readers[j])))
				return true;
	return false;
}
