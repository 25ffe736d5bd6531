/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/frames.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/aside.h"
#include "inspect/clock.h"
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

/* Reading all files' tables, and a thread that does not stop, are over by then. */
#define ALL_MAX_S 10

/* How long a thread may take to stop. One that sleeps does so at once. */
#define STOP_MAX_NS UINT64_C(200000000)

/* The list of all that is mapped. */
#define MEMORY_MAX ((size_t)32 << 20)

/* So much of a stack is copied; QEMU's and most others' are smaller. */
#define COPY_SIZE ((size_t)64 << 10)
#define PAGE_SIZE ((uint64_t)4096)

struct reading {
	pid_t pid;
	struct dw_unwinder *unwinder;

	/* The copy of a stack: @n bytes from @start on. */
	unsigned char copy[COPY_SIZE];
	uint64_t start;
	size_t n;
	bool outside; /* more than that was read */
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

/* Return: 0, or a negative errno: it does not stop. */
static int await_stop(pid_t tid)
{
	const struct timespec shortly = {.tv_nsec = 20000};
	uint64_t end = dw_clock_ns() + STOP_MAX_NS;
	int status;

	do {
		if (waitpid(tid, &status, WNOHANG | __WALL) == tid)
			return WIFSTOPPED(status) ? 0 : -ESRCH;
		nanosleep(&shortly, NULL);
	} while (dw_clock_ns() < end);
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
	uint64_t from = address - reading->start;

	if (address >= reading->start && from <= reading->n && n <= reading->n - from) {
		memcpy(ret, reading->copy + from, n);
		return true;
	}
	reading->outside = true;
	return read_code(reading, address, ret, n);
}

/* Copies what there is of the stack, up to COPY_SIZE, page by page towards its outer end. */
static void copy_stack(struct reading *reading, const struct dw_registers *registers)
{
	uint64_t start = dw_arch_sp(registers) - dw_arch_red_zone();
	struct iovec here = {reading->copy, COPY_SIZE}, there[COPY_SIZE / PAGE_SIZE + 1];
	uint64_t at = start;
	size_t n = 0;
	ssize_t r;

	while (at < start + COPY_SIZE) {
		uint64_t next = (at | (PAGE_SIZE - 1)) + 1;

		next = next < start + COPY_SIZE ? next : start + COPY_SIZE;
		there[n++] = (struct iovec){(void *)(uintptr_t)at, next - at};
		at = next;
	}
	/* What is mapped ends somewhere; the call ends there too. */
	r = process_vm_readv(reading->pid, &here, 1, there, n, 0);
	reading->start = start;
	reading->n = r > 0 ? (size_t)r : 0;
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

/* Return: 0, or a negative errno. */
static int stop_and_look(struct reading *reading, bool whole, struct dw_registers *registers,
			 struct dw_frames *ret)
{
	uint64_t since;
	int r;

	if (ptrace(PTRACE_SEIZE, ret->tid, NULL, NULL) < 0)
		return -errno;
	since = dw_clock_ns();
	if (ptrace(PTRACE_INTERRUPT, ret->tid, NULL, NULL) < 0)
		return -errno;
	r = await_stop(ret->tid);
	if (r == 0)
		r = look(reading, whole, registers, ret);
	ptrace(PTRACE_DETACH, ret->tid, NULL, NULL);
	ret->stopped_ns += dw_clock_ns() - since;
	return r;
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
 * copied whole: then the thread has to wait, once more.
 */
static int read_stack(struct reading *reading, struct dw_frames *ret)
{
	struct dw_registers registers;
	int r;

	if (!may_be_stopped(reading->pid, ret->tid))
		return look_from_afar(reading, ret);
	r = stop_and_look(reading, /* whole= */ false, &registers, ret);
	if (r < 0)
		return r;
	reading->outside = false;
	dw_unwinder_walk(reading->unwinder, &registers, ret);
	return reading->outside ? stop_and_look(reading, /* whole= */ true, &registers, ret) : 0;
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
	r = dw_aside(read_all, &asking, frames, n * sizeof(*frames), ALL_MAX_S);
	return r < 0 ? dw_pass(r) : 0;
}
