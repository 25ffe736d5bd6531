/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that can block. They are told where a lock is held meanwhile, or, if they are sleeps, where
 * an answer of another thread may be what is really waited for.
 */
#include "shim/interpose.h"
#include "shim/real.h"
#include "shim/wait.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>

#define UNPACK(...) __VA_ARGS__

static unsigned unless(bool at_once)
{
	return at_once ? SHIM_AT_ONCE : 0;
}

static unsigned after_ms(int time_ms)
{
	return time_ms > 0 ? DW_TIMED : unless(time_ms == 0);
}

static unsigned after(const struct timespec *time)
{
	if (!time)
		return 0;
	return time->tv_sec || time->tv_nsec ? DW_TIMED : SHIM_AT_ONCE;
}

static unsigned after_timeval(const struct timeval *time)
{
	if (!time)
		return 0;
	return time->tv_sec || time->tv_usec ? DW_TIMED : SHIM_AT_ONCE;
}

/* The way of those who hold something. */
#define SLOW(type, name, parameters, arguments, called, how, flags)                              \
	static __attribute__((noinline)) type name##_holding(UNPACK parameters, uint64_t caller) \
	{                                                                                        \
		dw_cleanup(shim_left) struct shim_wait under_way;                                \
		uint32_t open;                                                                   \
		type result;                                                                     \
                                                                                                 \
		shim_enter(&under_way, shim_call_number(called), how, flags, caller);            \
		open = shim_calling(under_way.t);                                                \
		result = shim_real.name arguments;                                               \
		shim_called(under_way.t, open);                                                  \
		return result;                                                                   \
	}

#define X(version, type, name, parameters, arguments, called, how, flags)     \
	SLOW(type, name, parameters, arguments, called, how, flags)           \
	SHIM type name parameters;                                            \
	type name parameters                                                  \
	{                                                                     \
		struct shim_thread *thread = shim_self;                       \
		uint32_t open = thread->thread.open;                          \
		type result;                                                  \
                                                                              \
		if (shim_unlikely(shim_must_tell(thread, flags)))             \
			return name##_holding(UNPACK arguments, SHIM_CALLER); \
		if (shim_likely(!open))                                       \
			return shim_real.name arguments;                      \
		thread->thread.open = open | SHIM_CALLING;                    \
		result = shim_real.name arguments;                            \
		shim_called(thread, open);                                    \
		if ((flags)&SHIM_IDLES)                                       \
			shim_back(thread, SHIM_CALLER, false);                \
		return result;                                                \
	}
SHIM_CALLS(X)
#undef X

static __attribute__((noinline)) int pause_holding(uint64_t caller)
{
	dw_cleanup(shim_left) struct shim_wait under_way;

	shim_enter(&under_way, shim_call_number("pause"), 0, 0, caller);
	return shim_real.pause();
}

SHIM int pause(void)
{
	if (shim_unlikely(shim_must_tell(shim_self, 0)))
		return pause_holding(SHIM_CALLER);
	return shim_real.pause();
}

SLOW(int, fcntl, (int fd, int command, long argument), (fd, command, argument), "fcntl", 0, 0)

/*
 * The C library's header gives fcntl() another name where files are large: so it has one of ours
 * here, and both of its own are aliases.
 */
__attribute__((used)) int shim_fcntl(int fd, int command, ...);
int shim_fcntl(int fd, int command, ...)
{
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	if (shim_unlikely((command == F_SETLKW || command == F_OFD_SETLKW) &&
			  shim_must_tell(shim_self, 0)))
		return fcntl_holding(fd, command, argument, SHIM_CALLER);
	return shim_real.fcntl(fd, command, argument);
}

SHIM_ALIAS(fcntl, shim_fcntl);
SHIM_ALIAS(fcntl64, shim_fcntl);
