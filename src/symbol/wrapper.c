/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/wrapper.h"

#include <stddef.h>
#include <string.h>

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A name that ends with `*` stands for all that begin like it.
 *
 * A function belongs here only if it works on a lock that its caller names, and if a
 * hint that the program gives with the call is about that caller. Functions that
 * know their lock, such as QEMU's aio_context_acquire(), do not: their own line is
 * where the lock is taken. bql_lock_impl() knows its lock, and yet is passed the
 * place of its caller.
 */
static const char *const lock_wrappers[] = {
    /* the C library */
    "pthread_*",
    "__pthread_*",
    "___pthread_*",
    "mtx_*",
    "cnd_*",
    "__gthread_*",

    /* QEMU: util/qemu-thread-posix.c, util/qsp.c, include/qemu/lockable.h, softmmu/cpus.c */
    "qemu_mutex_lock_impl",
    "qemu_mutex_trylock_impl",
    "qemu_mutex_unlock_impl",
    "qemu_mutex_init",
    "qemu_mutex_destroy",
    "qemu_rec_mutex_lock_impl",
    "qemu_rec_mutex_trylock_impl",
    "qemu_rec_mutex_unlock_impl",
    "qemu_rec_mutex_init",
    "qemu_rec_mutex_destroy",
    "qemu_cond_wait_impl",
    "qemu_cond_timedwait_impl",
    "qemu_cond_timedwait_ts",
    "qemu_cond_wait_iothread",
    "qemu_cond_timedwait_iothread",
    "qemu_cond_wait_bql",
    "qemu_cond_timedwait_bql",
    "qemu_mutex_lock_iothread_impl",
    "qemu_mutex_unlock_iothread",
    "bql_lock_impl",
    "bql_unlock",
    "qemu_lockable_*",
    "qsp_*",

    /* GLib's locks that are built on the C library's */
    "g_rec_mutex_*",
    "g_rw_lock_*",

    /* libstdc++ */
    "std::mutex::*",
    "std::__mutex_base::*",
    "std::recursive_mutex::*",
    "std::__recursive_mutex_base::*",
    "std::timed_mutex::*",
    "std::recursive_timed_mutex::*",
    "std::shared_mutex::*",
    "std::shared_timed_mutex::*",
    "std::__shared_mutex_pthread::*",
    "std::__timed_mutex_impl<*",
    "std::__glibcxx_rw*",
    "std::lock_guard<*",
    "std::unique_lock<*",
    "std::shared_lock<*",
    "std::scoped_lock<*",
    "std::lock<*",
    "std::try_lock<*",
    "std::__detail::__try_lock_impl<*",
    "std::__detail::__lock_impl<*",
    "std::condition_variable::*",
    "std::_V2::condition_variable_any::*",
    "std::__condvar::*",
};

static const char *const entries[] = {
    "start_thread",
    "clone",
    "clone3",
    "__clone",
    "__clone3",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__libc_start_call_main",
    "_start",
    "call_init",
    "_dl_init",
    "_dl_start_user",
    "__libc_csu_init",
    "thread_start",
    "qemu_thread_start",
    "g_thread_proxy",
    "std::thread::_State_impl<*",
    "std::thread::_Invoker<*",
    "std::__invoke<*",
    "std::__invoke_impl<*",
    "execute_native_thread_routine",
};

/* Files whose functions without a name, at a stack's outer end, are entries: Debian's C library
 * keeps start_thread() and its like out of the dynamic symbols, libstdc++ its thread routine. */
static const char *const entry_modules[] = {"libc.so*", "libc-*", "libpthread*", "ld-*",
					    "libstdc++.so*"};

static bool is_match(const char *name, const char *pattern)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return strncmp(name, pattern, n - 1) == 0;
	return strcmp(name, pattern) == 0;
}

static bool is_in(const char *name, const char *const *patterns, size_t n)
{
	for (size_t i = 0; name && i < n; i++)
		if (is_match(name, patterns[i]))
			return true;
	return false;
}

static bool is_own(const char *module)
{
	return module && is_match(module, "libdeadwatch.so*");
}

bool dw_wrapper_is_lock(const char *function, const char *module)
{
	return is_own(module) || is_in(function, lock_wrappers, N_ELEMENTS(lock_wrappers));
}

bool dw_wrapper_is_entry(const char *function, const char *module)
{
	if (is_own(module) || is_in(function, entries, N_ELEMENTS(entries)))
		return true;
	return !function && is_in(module, entry_modules, N_ELEMENTS(entry_modules));
}

/* QEMU's QEMU_LOCK_GUARD() locks in inline functions of these headers. */
bool dw_wrapper_is_hint(const char *file)
{
	static const char *const headers[] = {"include/qemu/thread.h", "include/qemu/lockable.h"};
	size_t n = strlen(file);

	for (size_t i = 0; i < N_ELEMENTS(headers); i++) {
		size_t size = strlen(headers[i]);

		if (n >= size && strcmp(file + n - size, headers[i]) == 0)
			return true;
	}
	return false;
}
