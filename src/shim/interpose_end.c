/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends of a process that run no destructors: it leaves by _exit(), or becomes another program. That
 * it does so of its own will is put down before.
 */
#include "shim/interpose.h"
#include "shim/real.h"
#include "shim/sandbox.h"

#include <alloca.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * A child that runs in its parent's memory ends itself, and not its parent, whose recording this
 * is: vfork()'s is known, any other has another number. Return: whether it was put down.
 */
static bool leave(void)
{
	if (!shim || !shim->state || !shim->writer.header || shim_tls.vforked ||
	    shim->writer.sealed || shim_sandbox_met ||
	    (uint32_t)getpid() != shim->writer.header->pid)
		return false;
	dw_writer_seen(&shim->writer, shim_now_ns());
	__atomic_fetch_or(&shim->writer.header->flags, DW_REC_LEFT, __ATOMIC_RELAXED);
	return true;
}

/* It has not, after all. Keeps errno. */
static void stay(bool left)
{
	if (left)
		__atomic_fetch_and(&shim->writer.header->flags, ~(uint32_t)DW_REC_LEFT,
				   __ATOMIC_RELAXED);
}

#define LEAVE(name)                      \
	SHIM void name(int status)       \
	{                                \
		leave();                 \
		shim_real.name(status);  \
		__builtin_unreachable(); \
	}
LEAVE(_exit)
LEAVE(_Exit)
LEAVE(quick_exit)

/* The parent leaves within the C library. The child's recording, if any, is another. */
SHIM int daemon(int keeps_folder, int keeps_files)
{
	bool left = leave();
	int r = shim_real.daemon(keeps_folder, keeps_files);

	stay(left && r < 0 && shim->writer.header);
	return r;
}

#define BECOME(call)            \
	bool left = leave();    \
	int r = shim_real.call; \
                                \
	stay(left);             \
	return r

static int become(const char *path, char *const *arguments, char *const *environment)
{
	BECOME(execve(path, arguments, environment));
}

static int become_found(const char *file, char *const *arguments, char *const *environment)
{
	BECOME(execvpe(file, arguments, environment));
}

SHIM int execve(const char *path, char *const *arguments, char *const *environment)
{
	return become(path, arguments, environment);
}

SHIM int execv(const char *path, char *const *arguments)
{
	BECOME(execv(path, arguments));
}

SHIM int execvp(const char *file, char *const *arguments)
{
	BECOME(execvp(file, arguments));
}

SHIM int execvpe(const char *file, char *const *arguments, char *const *environment)
{
	return become_found(file, arguments, environment);
}

SHIM int fexecve(int fd, char *const *arguments, char *const *environment)
{
	BECOME(fexecve(fd, arguments, environment));
}

/* How many, with the NULL at the end. */
static size_t count(const char *first, va_list more)
{
	size_t n = 1;

	for (const char *argument = first; argument; argument = va_arg(more, const char *))
		n++;
	return n;
}

static void gather(char **arguments, const char *first, va_list more)
{
	*arguments = (char *)first;
	while (*arguments)
		*++arguments = va_arg(more, char *);
}

/* A body, for the room is the caller's: `arguments` is what was given from @first on. */
#define GATHER(first)                                                \
	char **arguments;                                            \
	va_list more;                                                \
                                                                     \
	va_start(more, first);                                       \
	arguments = alloca(count(first, more) * sizeof(*arguments)); \
	va_end(more);                                                \
	va_start(more, first);                                       \
	gather(arguments, first, more)

SHIM int execl(const char *path, const char *first, ...)
{
	GATHER(first);
	va_end(more);
	return become(path, arguments, environ);
}

SHIM int execlp(const char *file, const char *first, ...)
{
	GATHER(first);
	va_end(more);
	return become_found(file, arguments, environ);
}

SHIM int execle(const char *path, const char *first, ...)
{
	char *const *environment;

	GATHER(first);
	environment = va_arg(more, char *const *);
	va_end(more);
	return become(path, arguments, environment);
}
