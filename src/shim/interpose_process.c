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

/* Waits and wakes of a word of memory that no lock of the C library is. */
static long futex(const long *a, uint64_t caller)
{
	long command = a[1] & FUTEX_CMD_MASK;
	bool wakes = command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET ||
		     command == FUTEX_WAKE_OP || command == FUTEX_REQUEUE ||
		     command == FUTEX_CMP_REQUEUE;
	dw_cleanup(shim_waited) struct shim_wait wait = {0};

	if (wakes)
		shim_post((const void *)a[0], DW_FUTEX, caller);
	if (command == FUTEX_WAKE_OP)
		shim_post((const void *)a[4], DW_FUTEX, caller);
	if (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET)
		shim_wait(&wait, (uint64_t)a[0], (int)a[2] == CONTENDED ? DW_LOCK_WORD : DW_FUTEX,
			  a[3] ? DW_TIMED : 0, caller);
	return shim_real.syscall(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
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
	if (number == SYS_tgkill)
		shim_kick((uint32_t)a[1], (int)a[2]);
	if (number == SYS_tkill)
		shim_kick((uint32_t)a[0], (int)a[1]);
	return shim_real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
