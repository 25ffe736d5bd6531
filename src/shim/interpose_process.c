/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process does that concerns us: it unloads files, forbids itself system calls, makes some
 * by number, and lets a child run in its own memory.
 */
#include "shim/interpose.h"
#include "shim/monitor.h"
#include "shim/named.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "shim/wait.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Counted before, for whoever is unloaded, and after, for whoever comes next. */
SHIM int dlclose(void *handle)
{
	struct shim_thread *t;
	int r;

	__atomic_fetch_add(&shim_unloads, 1, __ATOMIC_RELEASE);
	r = shim_real.dlclose(handle);
	__atomic_fetch_add(&shim_unloads, 1, __ATOMIC_RELEASE);
	t = shim_self->thread.number ? shim_tracked(SHIM_CALLER) : NULL;
	if (t) {
		SHIM_OWN_WORK(t);

		shim_modules_unloaded(t, SHIM_CALLER);
		shim_got_rescan(t);
	}
	return r;
}

/* glibc's own prctl() takes four arguments from wherever they are, given or not; so do we. */
SHIM int prctl(int option, ...)
{
	unsigned long a[4];
	va_list arguments;
	unsigned done;
	int r;

	va_start(arguments, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(arguments, unsigned long);
	va_end(arguments);
	if (option == PR_SET_PTRACER)
		shim_monitor_may_trace = false;
	done = option == PR_SET_SECCOMP ? shim_sandbox(a[0], (const void *)a[1]) : 0;
	r = shim_real.prctl(option, a[0], a[1], a[2], a[3]);
	if (done && r != 0)
		shim_sandbox_undo(done);
	if (option == PR_SET_NAME && r == 0 && shim_self->record)
		shim_thread_set_name(shim_self->record, (const char *)a[0]);
	return r;
}

/*
 * What all locks made of a futex wait on: taken, and waited for. So it is with Drepper's "Futexes
 * Are Tricky", the C library, GLib and Rust's standard library; events wait on other values.
 */
#define CONTENDED 2

/* The kernel is asked for the lock; or for a word, and then for the lock that it is let into. */
static bool takes_pi(long command)
{
	return command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2;
}

static bool waits_for_word(long command)
{
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET ||
	       command == FUTEX_WAIT_REQUEUE_PI;
}

static bool wakes(long command)
{
	return command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET || command == FUTEX_WAKE_OP ||
	       command == FUTEX_REQUEUE || command == FUTEX_CMP_REQUEUE ||
	       command == FUTEX_CMP_REQUEUE_PI;
}

/* Waits and wakes of a word of memory that no lock of the C library is. */
static long futex(const long *a, uint64_t caller)
{
	long command = a[1] & FUTEX_CMD_MASK;
	bool is_lock = takes_pi(command) || (int)a[2] == CONTENDED;
	dw_cleanup(shim_waited) struct shim_wait wait = {0};

	if (wakes(command))
		shim_post((const void *)a[0], DW_FUTEX, caller);
	if (command == FUTEX_WAKE_OP)
		shim_post((const void *)a[4], DW_FUTEX, caller);
	if (takes_pi(command) || waits_for_word(command))
		shim_wait(&wait, (uint64_t)a[0], is_lock ? DW_LOCK_WORD : DW_FUTEX,
			  a[3] ? DW_TIMED : 0, caller);
	return shim_real.syscall(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Events of the kernel, for which the C library has no function. Return: how it waits for them. */
static unsigned await_how(long number, const long *a)
{
	if (number == SYS_io_uring_enter)
		return a[3] & IORING_ENTER_GETEVENTS && a[2] ? 0 : SHIM_AT_ONCE;
	if (a[1] <= 0)
		return SHIM_AT_ONCE;
	return a[4] ? DW_TIMED : 0;
}

static long await(long number, const long *a, uint64_t caller)
{
	uint32_t call = number == SYS_io_uring_enter ? shim_call_number("io_uring_enter")
						     : shim_call_number("io_getevents");
	dw_cleanup(shim_left) struct shim_wait under_way;

	shim_enter(&under_way, call, await_how(number, a), 0, caller);
	return shim_real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static long sandbox(const long *a)
{
	unsigned done = shim_sandbox_by_seccomp((unsigned long)a[0], (const void *)a[2]);
	long r = shim_real.syscall(SYS_seccomp, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (done && r != 0)
		shim_sandbox_undo(done);
	return r;
}

SHIM long syscall(long number, ...)
{
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_futex)
		return futex(a, SHIM_CALLER);
	if (number == SYS_seccomp)
		return sandbox(a);
	if ((number == SYS_io_uring_enter || number == SYS_io_getevents) &&
	    shim_unlikely(shim_must_tell(shim_self, 0)))
		return await(number, a, SHIM_CALLER);
	if (number == SYS_tgkill)
		shim_kick((uint32_t)a[1], (int)a[2]);
	if (number == SYS_tkill)
		shim_kick((uint32_t)a[0], (int)a[1]);
	return shim_real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
