/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/sandbox.h"

#include "shim/shim.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

/* What is made present for the time without system calls: some ten thousand facts. */
#define RESERVE ((uint64_t)4 << 20)

/* A filter has at most 4,096 instructions, and jumps forward only (BPF_MAXINSNS). */
#define STEPS_MAX 4096

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* The system calls of the writer, of waits that are measured, and of threads that begin and end. */
static const struct seccomp_data ours[] = {
    {.nr = SYS_madvise, .args = {0, DW_REC_CHUNK_SIZE, MADV_POPULATE_WRITE}},
    {.nr = SYS_mprotect, .args = {0, DW_REC_CHUNK_SIZE, PROT_READ | PROT_WRITE}},
    {.nr = SYS_gettid},
    {.nr = SYS_prctl, .args = {PR_GET_NAME}},
    {.nr = SYS_clock_gettime, .args = {CLOCK_MONOTONIC}},
};

/* And of a process and its recording that begin, as a forked child's do. */
static const struct seccomp_data ours_to_begin[] = {
    {.nr = SYS_getpid},    {.nr = SYS_munmap},    {.nr = SYS_prlimit64},     {.nr = SYS_openat},
    {.nr = SYS_ftruncate}, {.nr = SYS_mmap},      {.nr = SYS_close},         {.nr = SYS_readlink},
    {.nr = SYS_unlink},    {.nr = SYS_fallocate}, {.nr = SYS_clock_gettime},
};

bool shim_sandbox_forbids_begin, shim_sandbox_met;

/* The state of the machine that runs filters (the kernel's networking/filter.rst). */
struct machine {
	const struct seccomp_data *data;
	uint32_t a, x;
	uint32_t memory[BPF_MEMWORDS];
};

static uint32_t operand(const struct machine *m, const struct sock_filter *f)
{
	return BPF_SRC(f->code) == BPF_X ? m->x : f->k;
}

static uint32_t calculated(const struct machine *m, const struct sock_filter *f)
{
	uint32_t b = operand(m, f);

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		return m->a + b;
	case BPF_SUB:
		return m->a - b;
	case BPF_MUL:
		return m->a * b;
	case BPF_DIV:
		return b ? m->a / b : 0;
	case BPF_AND:
		return m->a & b;
	case BPF_OR:
		return m->a | b;
	case BPF_XOR:
		return m->a ^ b;
	case BPF_LSH:
		return b < 32 ? m->a << b : 0;
	case BPF_RSH:
		return b < 32 ? m->a >> b : 0;
	default:
		return -m->a;
	}
}

static uint32_t jump(const struct machine *m, const struct sock_filter *f)
{
	uint32_t b = operand(m, f);
	bool yes;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		yes = m->a == b;
		break;
	case BPF_JGT:
		yes = m->a > b;
		break;
	case BPF_JGE:
		yes = m->a >= b;
		break;
	default:
		yes = m->a & b;
		break;
	}
	return yes ? f->jt : f->jf;
}

static uint32_t loaded(const struct machine *m, const struct sock_filter *f)
{
	uint32_t word = 0;

	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		if (f->k <= sizeof(*m->data) - sizeof(word))
			memcpy(&word, (const char *)m->data + f->k, sizeof(word));
		return word;
	case BPF_MEM:
		return m->memory[f->k % BPF_MEMWORDS];
	case BPF_LEN:
		return sizeof(*m->data);
	default:
		return f->k;
	}
}

/* What the filter says of one system call: SECCOMP_RET_ALLOW and so on. */
static uint32_t ask(const struct sock_fprog *filter, const struct seccomp_data *data)
{
	struct machine m = {.data = data};

	for (uint32_t i = 0, steps = 0; i < filter->len && steps < STEPS_MAX; i++, steps++) {
		const struct sock_filter *f = &filter->filter[i];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			m.a = loaded(&m, f);
			break;
		case BPF_LDX:
			m.x = loaded(&m, f);
			break;
		case BPF_ST:
			m.memory[f->k % BPF_MEMWORDS] = m.a;
			break;
		case BPF_STX:
			m.memory[f->k % BPF_MEMWORDS] = m.x;
			break;
		case BPF_ALU:
			m.a = calculated(&m, f);
			break;
		case BPF_JMP:
			i += jump(&m, f);
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		default:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
			break;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static bool lets_through(const struct sock_fprog *filter, const struct seccomp_data *calls,
			 size_t n)
{
#if defined(__x86_64__)
	const uint32_t arch = AUDIT_ARCH_X86_64;
#else
	const uint32_t arch = AUDIT_ARCH_AARCH64;
#endif

	for (size_t i = 0; i < n; i++) {
		struct seccomp_data data = calls[i];
		uint32_t answer;

		data.arch = arch;
		answer = ask(filter, &data) & SECCOMP_RET_ACTION_FULL;
		if (answer != SECCOMP_RET_ALLOW && answer != SECCOMP_RET_LOG)
			return false;
	}
	return true;
}

#define LETS_THROUGH(filter, calls) lets_through(filter, calls, sizeof(calls) / sizeof(*(calls)))

static unsigned forbid_begin(void)
{
	if (shim_sandbox_forbids_begin)
		return 0;
	shim_sandbox_forbids_begin = true;
	return SHIM_SANDBOX_BEGIN;
}

static unsigned seal(void)
{
	if (shim->writer.sealed)
		return 0;
	shim_pool_seal();
	dw_writer_seal(&shim->writer, RESERVE);
	return SHIM_SANDBOX_SEAL;
}

/* A call without a filter, by which programs find out what the kernel can do, fails. */
unsigned shim_sandbox(unsigned long mode, const void *filter)
{
	const struct sock_fprog *program = filter;
	bool strict = mode != SECCOMP_MODE_FILTER;
	int error = errno;
	unsigned done = 0;

	/* A child by vfork() forbids itself something, not its parent, whose memory this is. */
	if ((!strict && !program) || shim_tls.vforked || !shim_process())
		return 0;
	shim_sandbox_met = true;
	/* A recording must exist before it cannot be made any more. */
	shim_tracked(0);
	if (strict || !LETS_THROUGH(program, ours_to_begin))
		done |= forbid_begin();
	if (strict || !LETS_THROUGH(program, ours))
		done |= seal();
	errno = error;
	return done;
}

unsigned shim_sandbox_by_seccomp(unsigned long operation, const void *filter)
{
	if (operation == SECCOMP_SET_MODE_STRICT)
		return shim_sandbox(SECCOMP_MODE_STRICT, NULL);
	return operation == SECCOMP_SET_MODE_FILTER ? shim_sandbox(SECCOMP_MODE_FILTER, filter) : 0;
}

void shim_sandbox_undo(unsigned done)
{
	if (done & SHIM_SANDBOX_BEGIN)
		shim_sandbox_forbids_begin = false;
	if (done & SHIM_SANDBOX_SEAL)
		shim->writer.sealed = 0;
}
