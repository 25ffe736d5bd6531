/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process does that concerns us: it unloads files, and it forbids itself system calls.
 */
#include "shim/note.h"
#include "shim/real.h"
#include "shim/sandbox.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Counted before, for whoever is unloaded, and after, for whoever comes next. */
SHIM int dlclose(void *handle)
{
	struct shim_thread *t;
	uint32_t open;
	int r;

	__atomic_fetch_add(&shim_unloads, 1, __ATOMIC_RELEASE);
	r = shim_real.dlclose(handle);
	__atomic_fetch_add(&shim_unloads, 1, __ATOMIC_RELEASE);
	t = shim_self->thread.number ? shim_tracked(SHIM_CALLER) : NULL;
	if (!t)
		return r;
	open = t->thread.open;
	t->thread.open = 0;
	shim_modules_unloaded(t, SHIM_CALLER);
	t->thread.open = open;
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
	done = option == PR_SET_SECCOMP ? shim_sandbox(a[0], (const void *)a[1]) : 0;
	r = shim_real.prctl(option, a[0], a[1], a[2], a[3]);
	if (done && r != 0)
		shim_sandbox_undo(done);
	return r;
}

SHIM long syscall(long number, ...)
{
	long a[6], r;
	va_list arguments;
	unsigned done;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	done = number == SYS_seccomp
		   ? shim_sandbox_by_seccomp((unsigned long)a[0], (const void *)a[2])
		   : 0;
	r = shim_real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (done && r != 0)
		shim_sandbox_undo(done);
	return r;
}
