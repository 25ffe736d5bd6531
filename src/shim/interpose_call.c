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

/* The time is one of the clock, and may be over. */
static unsigned until(const struct timespec *time)
{
	return time ? DW_TIMED : 0;
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

#define CALL(function, type, name, parameters, arguments, flags)              \
	type function parameters                                              \
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

#define X(version, type, name, parameters, arguments, called, how, flags) \
	SLOW(type, name, parameters, arguments, called, how, flags)       \
	SHIM type name parameters;                                        \
	CALL(name, type, name, parameters, arguments, flags)
SHIM_CALLS(X)
#undef X

/*
 * Where files are large, the C library's header gives the first name of these the second one's: so
 * they have one of ours here, and both of its own are aliases.
 */
#define X(version, type, name, parameters, arguments, called, how, other) \
	SLOW(type, name, parameters, arguments, called, how, 0)           \
	__attribute__((used)) type shim_##name parameters;                \
	CALL(shim_##name, type, name, parameters, arguments, 0)           \
	SHIM_ALIAS(name, shim_##name);                                    \
	SHIM_ALIAS(other, shim_##name);
SHIM_CALLS_LARGE(X)
#undef X

/* So it is with those that open files, whose last argument is not always there. */
#define OPENS(name, parameters, arguments)                                                  \
	SLOW(int, name, (UNPACK parameters, mode_t mode), (UNPACK arguments, mode), "open", \
	     unless(flags &O_NONBLOCK), 0)                                                  \
	__attribute__((used)) int shim_##name(UNPACK parameters, ...);                      \
	int shim_##name(UNPACK parameters, ...)                                             \
	{                                                                                   \
		struct shim_thread *thread = shim_self;                                     \
		uint32_t open;                                                              \
		va_list more;                                                               \
		mode_t mode;                                                                \
		int fd;                                                                     \
                                                                                            \
		va_start(more, flags);                                                      \
		mode = va_arg(more, mode_t);                                                \
		va_end(more);                                                               \
		if (shim_unlikely(shim_must_tell(thread, 0)))                               \
			return name##_holding(UNPACK arguments, mode, SHIM_CALLER);         \
		open = shim_calling(thread);                                                \
		fd = shim_real.name(UNPACK arguments, mode);                                \
		shim_called(thread, open);                                                  \
		return fd;                                                                  \
	}                                                                                   \
	SHIM_ALIAS(name, shim_##name);                                                      \
	SHIM_ALIAS(name##64, shim_##name);

OPENS(open, (const char *path, int flags), (path, flags))
OPENS(openat, (int folder, const char *path, int flags), (folder, path, flags))
#undef OPENS

static __attribute__((noinline)) int pause_holding(uint64_t caller)
{
	dw_cleanup(shim_left) struct shim_wait under_way;
	uint32_t open;
	int r;

	shim_enter(&under_way, shim_call_number("pause"), 0, 0, caller);
	open = shim_calling(under_way.t);
	r = shim_real.pause();
	shim_called(under_way.t, open);
	return r;
}

SHIM int pause(void)
{
	struct shim_thread *thread = shim_self;
	uint32_t open;
	int r;

	if (shim_unlikely(shim_must_tell(thread, 0)))
		return pause_holding(SHIM_CALLER);
	open = shim_calling(thread);
	r = shim_real.pause();
	shim_called(thread, open);
	return r;
}

SLOW(int, fcntl, (int fd, int command, long argument), (fd, command, argument), "fcntl", 0, 0)

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
