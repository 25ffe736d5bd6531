/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/wrapper.h"

#include "base/pattern.h"

#include <stddef.h>
#include <string.h>

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Patterns (base/pattern.h).
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
    "thrd_join",
    "thrd_sleep",
    "sem_*",
    "__gthread_*",

    /* what they do inside these, which is in the program itself if that is linked statically */
    "__futex_abstimed_wait*",
    "futex_abstimed_wait*",
    "futex_reltimed_wait*",
    "futex_wait_cancelable",
    "futex_wait_simple",
    "__lll_lock_wait*",
    "__new_sem_wait*",
    "do_futex_wait*",
    "__timedwait",
    "__timedwait_cp",
    "__wait",
    "__syscall_cp*",
    "__syscall_cancel*",
    "__internal_syscall_cancel",
    "__libc_accept*",
    "__libc_connect",
    "__libc_read",
    "__libc_recv*",
    "__libc_send*",
    "__libc_write",
    "__nanosleep*",
    "__clock_nanosleep*",
    "__poll",
    "__ppoll*",
    "__select*",

    /* macOS */
    "_pthread_*",
    "__psynch_*",

    /* calls that _FORTIFY_SOURCE makes inline functions of */
    "poll",
    "ppoll",
    "read",
    "recv",
    "recvfrom",

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
    "qemu_cond_signal",
    "qemu_cond_broadcast",
    "qemu_sem_wait",
    "qemu_sem_timedwait",
    "qemu_sem_post",
    "qemu_event_wait",
    "qemu_event_set",
    "qemu_futex_*",
    "futex_wait",
    "futex_wake",
    "qemu_thread_join",
    "qemu_poll_ns",
    "event_notifier_set",
    "event_notifier_test_and_clear",

    /* GLib: locks and conditions that are built on the C library's or on futexes; sleeps */
    "g_mutex_*",
    "g_rec_mutex_*",
    "g_rw_lock_*",
    "g_cond_*",
    "g_once_*",
    "g_thread_join",
    "g_poll",
    "g_usleep",

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
    "std::thread::join",
    "std::this_thread::sleep_*",
    "std::__atomic_futex_unsigned*",
    "std::__atomic_semaphore*",
    "std::__platform_*",
    "std::counting_semaphore<*",

    /* Rust's standard library, of all ages, and what is commonly used in its place */
    "std::sys::*",
    "std::sys_common::*",
    "std::sync::*",
    "std::thread::JoinHandle<*",
    "std::thread::JoinInner<*",
    "std::thread::park*",
    "std::thread::sleep*",
    "parking_lot::*",
    "parking_lot_core::*",
    "lock_api::*",
    "<lock_api::*",
    "<std::sync::*",
};

/*
 * Locks of libraries and languages that are words of memory. Only where a thread has to wait is
 * a function called, and its frame is all that tells a lock from a condition or a parked thread.
 * What runs the program's own code inside (Once::call) is there while that waits for
 * something, too: but then with frames of the program in between.
 */
static const char *const word_locks[] = {
    /* Rust's standard library, in both ways in which its names are made */
    "std::sys::*::Mutex::lock_contended",
    "std::sys::*::RwLock::read_contended",
    "std::sys::*::RwLock::write_contended",
    "std::sys::*::Once::call",
    "std::sys::*::Once::wait",
    "std::sys_common::*::Once::call",
    "<std::sys::*::Mutex>::lock_contended",
    "<std::sys::*::RwLock>::read_contended",
    "<std::sys::*::RwLock>::write_contended",
    "<std::sys::*::Once>::call",
    "<std::sys::*::Once>::wait",

    /* parking_lot */
    "parking_lot::raw_mutex::RawMutex::lock_slow",
    "parking_lot::raw_rwlock::RawRwLock::*_slow",
    "parking_lot::raw_fair_mutex::RawFairMutex::lock_slow",
    "parking_lot::once::Once::call_once_slow",
    "<parking_lot::raw_mutex::RawMutex>::lock_slow",
    "<parking_lot::raw_rwlock::RawRwLock>::*_slow",
    "<parking_lot::once::Once>::call_once_slow",

    /* GLib */
    "g_mutex_lock",
    "g_mutex_lock_slowpath",
    "g_bit_lock",
    "g_pointer_bit_lock",
};

/* Of QEMU's big lock: whoever calls one of these waits for the same. */
static const char *const one_lock[] = {
    "qemu_mutex_lock_iothread_impl",
    "bql_lock_impl",
};

static const char *const word_waits[] = {
    "syscall",
    "std::sys::*::futex_wait",
    "parking_lot_core::*",
    "<parking_lot_core::*",
    "parking_lot::raw_rwlock::RawRwLock::lock_common*",
    "parking_lot::raw_rwlock::RawRwLock::wait_for_readers*",
    "<parking_lot::raw_rwlock::RawRwLock>::lock_common*",
    "<parking_lot::raw_rwlock::RawRwLock>::wait_for_readers*",
    "g_futex_simple",
};

static const char *const entries[] = {
    "start_thread",
    "__nptl_deallocate_tsd",
    "__GI___nptl_deallocate_tsd",
    "clone",
    "clone3",
    "__clone",
    "__clone3",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__libc_start_call_main",
    "libc_start_main_stage2",
    "_start",
    "call_init",
    "_dl_init",
    "_dl_start_user",
    "__libc_csu_init",
    "thread_start",
    "_pthread_start",
    "qemu_thread_start",
    "g_thread_proxy",
    "std::thread::_State_impl<*",
    "std::thread::_Invoker<*",
    "std::__invoke<*",
    "std::__invoke_impl<*",
    "execute_native_thread_routine",
    "std::sys::*::thread_start",
    "std::sys::unix::thread::Thread::new::thread_start*",
    "std::sys::pal::unix::thread::Thread::new::thread_start*",
    "std::sys::thread::unix::Thread::new::thread_start*",
    "std::sys_common::backtrace::__rust_begin_short_backtrace*",
    "std::sys::backtrace::__rust_begin_short_backtrace*",
    "std::thread::Builder::spawn_unchecked_*",
    "std::thread::lifecycle::*",
    "std::panicking::*",
    "std::panic::*",
    "std::rt::*",
    "<core::panic::unwind_safe::AssertUnwindSafe<*",
    "<alloc::boxed::Box<*",
    "alloc::boxed::{impl#*",
    "core::ops::function::FnOnce::call_once*",
    "core::ops::function::impls::*",
};

/* Files whose functions without a name, at a stack's outer end, are entries: Debian's C library
 * keeps start_thread() and its like out of the dynamic symbols, libstdc++ its thread routine. */
static const char *const entry_modules[] = {"libc.so*", "libc-*", "libpthread*", "ld-*",
					    "libstdc++.so*"};

/* Where every wait ends, and a stack that was taken from outside begins. */
static const char *const system_modules[] = {"libc.so*", "libc-*",      "libpthread*",
					     "ld-*",     "linux-vdso*", "libsystem_*"};

static bool is_in(const char *name, const char *const *patterns, size_t n)
{
	for (size_t i = 0; name && i < n; i++)
		if (dw_pattern_is_match(patterns[i], name))
			return true;
	return false;
}

static bool is_own(const char *module)
{
	return dw_pattern_is_match("libdeadwatch.so*", module);
}

bool dw_wrapper_is_lock(const char *function, const char *module)
{
	return is_own(module) || is_in(function, lock_wrappers, N_ELEMENTS(lock_wrappers)) ||
	       dw_wrapper_is_word_lock(function) || dw_wrapper_is_word_wait(function);
}

bool dw_wrapper_is_word_lock(const char *function)
{
	return is_in(function, word_locks, N_ELEMENTS(word_locks));
}

bool dw_wrapper_is_of_one_lock(const char *function)
{
	return is_in(function, one_lock, N_ELEMENTS(one_lock));
}

bool dw_wrapper_is_word_wait(const char *function)
{
	return is_in(function, word_waits, N_ELEMENTS(word_waits));
}

bool dw_wrapper_is_system(const char *module)
{
	return is_in(module, system_modules, N_ELEMENTS(system_modules));
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
