/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/frames.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/aside.h"
#include "inspect/clock.h"
#include "inspect/signalled.h"
#include "inspect/task.h"
#include "inspect/unwind.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

/*
 * Reading all files' tables, and a thread that does not stop, are over by then; and some threads
 * more each second, on a machine with so much to do that each has to wait to be run.
 */
#define ALL_MAX_S 10
#define THREADS_MIN_PER_S 50

/*
 * How long a thread may take to stop. One that sleeps does so at once, unless the machine has much
 * to do; until it stops it is held up by nothing.
 */
#define STOP_MAX_NS UINT64_C(1000000000)

/* It is asked that often whether it has; if not so soon, less often. */
#define POLL_NS 20000
#define SOON_NS 2000000
#define SLOW_POLL_NS 200000

/* The list of all that is mapped. */
#define MEMORY_MAX ((size_t)32 << 20)

/* So much of a stack is copied; QEMU's and most others' are smaller. */
#define COPY_SIZE ((size_t)64 << 10)
#define PAGE_SIZE ((uint64_t)4096)

/* A handler's stack, what it has interrupted, and what that has been called by elsewhere. */
#define COPIES_MAX 4

/* What there is of COPY_SIZE bytes from @start on. */
struct copy {
	uint64_t start;
	size_t n;
	unsigned char bytes[COPY_SIZE];
};

struct reading {
	pid_t pid;
	struct dw_unwinder *unwinder;

	struct copy copies[COPIES_MAX]; /* the first begins at the stack pointer */
	uint32_t n_copies;
	uint64_t missed; /* the first address that was read and is in none; or 0 */
};

/* What is to be read. */
struct asking {
	pid_t pid;
	uint32_t n;
};

/*
 * Calls that fail with EINTR when the thread is stopped and let go again (signal(7)); and
 * ioctl, where drivers decide.
 */
static const long not_restarted[] = {
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait,  SYS_epoll_pwait2,    SYS_semop,          SYS_semtimedop,
    SYS_io_getevents, SYS_rt_sigtimedwait, SYS_io_uring_enter, SYS_ioctl,
};

static bool may_be_stopped(pid_t pid, pid_t tid)
{
	long call = dw_task_call(pid, tid);

	for (size_t i = 0; i < sizeof(not_restarted) / sizeof(*not_restarted); i++)
		if (call == not_restarted[i])
			return false;
	return dw_task_state(pid, tid) != 'D';
}

/*
 * Who did not stop in time, and does so now, is let go meanwhile. @ret_since: CLOCK_MONOTONIC,
 * when it was seen for the last time not to have stopped.
 *
 * Return: 0, or a negative errno: it does not stop.
 */
static int await_stop(pid_t tid, int *ret_status, uint64_t *ret_since)
{
	uint64_t begin = dw_clock_ns(), now = begin;
	pid_t stopped;

	*ret_since = begin;
	do {
		const struct timespec shortly = {
		    .tv_nsec = now - begin < SOON_NS ? POLL_NS : SLOW_POLL_NS,
		};

		stopped = waitpid(-1, ret_status, WNOHANG | __WALL);
		if (stopped == tid)
			return WIFSTOPPED(*ret_status) ? 0 : -ESRCH;
		if (stopped > 0)
			dw_signalled_let_go(stopped, *ret_status);
		*ret_since = now;
		nanosleep(&shortly, NULL);
		now = dw_clock_ns();
	} while (now - begin < STOP_MAX_NS);
	return -ETIMEDOUT;
}

/* Memory as it is now. */
static bool read_code(void *context, uint64_t address, void *ret, size_t n)
{
	const struct reading *reading = context;
	struct iovec here = {ret, n}, there = {(void *)(uintptr_t)address, n};

	return process_vm_readv(reading->pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

/* What belongs to a stack may be another one's the next moment. */
static bool read_stack_memory(void *context, uint64_t address, void *ret, size_t n)
{
	struct reading *reading = context;

	for (uint32_t i = 0; i < reading->n_copies; i++) {
		const struct copy *copy = &reading->copies[i];
		uint64_t from = address - copy->start;

		if (address >= copy->start && from <= copy->n && n <= copy->n - from) {
			memcpy(ret, copy->bytes + from, n);
			return true;
		}
	}
	reading->missed = reading->missed ? reading->missed : address;
	return read_code(reading, address, ret, n);
}

/* Copies what there is, up to COPY_SIZE, page by page towards the stack's outer end. */
static void fill_copy(const struct reading *reading, struct copy *copy)
{
	struct iovec here = {copy->bytes, COPY_SIZE}, there[COPY_SIZE / PAGE_SIZE + 1];
	uint64_t at = copy->start, end = copy->start + COPY_SIZE;
	size_t n = 0;
	ssize_t r;

	while (at < end) {
		uint64_t next = (at | (PAGE_SIZE - 1)) + 1;

		next = next < end ? next : end;
		there[n++] = (struct iovec){(void *)(uintptr_t)at, next - at};
		at = next;
	}
	/* What is mapped ends somewhere; the call ends there too. */
	r = process_vm_readv(reading->pid, &here, 1, there, n, 0);
	copy->n = r > 0 ? (size_t)r : 0;
}

static void copy_stack(struct reading *reading, const struct dw_registers *registers)
{
	reading->copies[0].start = dw_arch_sp(registers) - dw_arch_red_zone();
	for (uint32_t i = 0; i < reading->n_copies; i++)
		fill_copy(reading, &reading->copies[i]);
}

/* What a stopped thread has in its registers. Return: 0, or a negative errno. */
static int read_registers(struct dw_frames *frames, struct dw_registers *ret)
{
	unsigned char set[DW_ARCH_SET_MAX];
	struct iovec there = {set, sizeof(set)};

	if (ptrace(PTRACE_GETREGSET, frames->tid, NT_PRSTATUS, &there) < 0)
		return -errno;
	/* Of a program for another kind of processor. */
	if (there.iov_len != dw_arch_set_size())
		return -ENOTSUP;
	*ret = dw_arch_registers(set);
	frames->has_call = true;
	frames->call = dw_arch_call(set, frames->arguments);
	frames->pc = dw_arch_pc(ret);
	frames->sp = dw_arch_sp(ret);
	return 0;
}

/*
 * Looks at a stopped thread: its registers and a copy of its stack, so that it need not wait
 * until the stack is unwound. @whole: unwinds it at once.
 */
static int look(struct reading *reading, bool whole, struct dw_registers *registers,
		struct dw_frames *ret)
{
	int r = read_registers(ret, registers);

	if (r < 0)
		return r;
	copy_stack(reading, registers);
	if (whole)
		dw_unwinder_walk(reading->unwinder, registers, ret);
	return 0;
}

/* Of a thread that is traced. Return: 0, or a negative errno. */
static int look_stopped(struct reading *reading, bool whole, struct dw_registers *registers,
			struct dw_frames *ret)
{
	uint64_t since = 0;
	int r, status;

	if (ptrace(PTRACE_INTERRUPT, ret->tid, NULL, NULL) < 0)
		return -errno;
	r = await_stop(ret->tid, &status, &since);
	if (r < 0)
		return r;
	r = look(reading, whole, registers, ret);
	dw_signalled_let_go(ret->tid, status);
	ret->stopped_ns += dw_clock_ns() - since;
	return r;
}

/* Return: 0, or a negative errno. */
static int stop_and_look(struct reading *reading, bool whole, struct dw_registers *registers,
			 struct dw_frames *ret)
{
	if (ptrace(PTRACE_SEIZE, ret->tid, NULL, NULL) < 0)
		return -errno;
	return look_stopped(reading, whole, registers, ret);
}

/*
 * Of a thread that may not be stopped, as it sleeps in a call: the kernel tells where it left its
 * own code, which is enough as long as frames are found by the stack pointer alone, or by what
 * inner ones have kept on the stack. If it runs meanwhile, all that is worth nothing.
 */
static int look_from_afar(struct reading *reading, struct dw_frames *ret)
{
	struct dw_task_ran before, after;
	struct dw_registers registers;
	struct dw_task_syscall call;

	if (dw_task_ran(reading->pid, ret->tid, &before) < 0 ||
	    dw_task_syscall(reading->pid, ret->tid, &call) < 0 || call.number < 0 || !call.sp)
		return -EINTR;
	registers = dw_arch_registers_at(call.pc, call.sp);
	copy_stack(reading, &registers);
	dw_unwinder_walk(reading->unwinder, &registers, ret);
	if (dw_task_ran(reading->pid, ret->tid, &after) < 0 || !dw_task_ran_same(&before, &after)) {
		ret->n = 0;
		return -EINTR;
	}
	ret->has_call = true;
	ret->call = call.number;
	memcpy(ret->arguments, call.arguments, sizeof(ret->arguments));
	ret->pc = call.pc;
	ret->sp = call.sp;
	return 0;
}

/*
 * A stack that goes on elsewhere, beyond a signal handler's own stack for example, was not
 * copied whole: then the thread has to wait once more, until that is copied, too. One that goes on
 * in ever more places is unwound while it waits.
 */
static int read_stack(struct reading *reading, struct dw_frames *ret)
{
	struct dw_registers registers;
	int r;

	reading->n_copies = 1;
	if (!may_be_stopped(reading->pid, ret->tid))
		return look_from_afar(reading, ret);
	do {
		r = stop_and_look(reading, /* whole= */ false, &registers, ret);
		if (r < 0)
			return r;
		reading->missed = 0;
		dw_unwinder_walk(reading->unwinder, &registers, ret);
		if (!reading->missed)
			return 0;
		reading->copies[reading->n_copies++].start = reading->missed & ~(PAGE_SIZE - 1);
	} while (reading->n_copies < COPIES_MAX);
	return stop_and_look(reading, /* whole= */ true, &registers, ret);
}

static int begin(struct reading *reading, struct dw_arena *arena, struct dw_code *code)
{
	const struct dw_unwind_process process = {code, read_stack_memory, read_code, reading};
	int r = dw_code_read(reading->pid, arena, code);

	if (r == 0)
		r = dw_unwinder_new(&reading->unwinder, &process);
	return r;
}

/* Aside: when that ends, all that it has stopped goes on. */
static void read_all(void *context, void *shared)
{
	static struct reading reading;
	const struct asking *asking = context;
	struct dw_frames *frames = shared;
	struct dw_arena *arena;
	struct dw_code code;
	int r;

	reading.pid = asking->pid;
	r = dw_arena_new(&arena, MEMORY_MAX);
	if (r == 0)
		r = begin(&reading, arena, &code);
	for (uint32_t i = 0; i < asking->n; i++)
		frames[i].error = r < 0 ? r : read_stack(&reading, &frames[i]);
}

int dw_frames_read(pid_t pid, struct dw_frames *frames, uint32_t n)
{
	struct asking asking = {pid, n};
	int r;

	for (uint32_t i = 0; i < n; i++)
		frames[i] = (struct dw_frames){.tid = frames[i].tid, .error = -EPERM};
	r = dw_aside(read_all, &asking, frames, n * sizeof(*frames),
		     ALL_MAX_S + n / THREADS_MIN_PER_S);
	return r < 0 ? dw_pass(r) : 0;
}
