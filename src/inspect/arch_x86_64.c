/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/arch.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/user.h>
#include <ucontext.h>

enum { RSP = 7, RIP = 16, N_PUSHED = 16 };

/* DWARF's numbers of registers by those of instructions. */
static const uint8_t dwarf_numbers[N_PUSHED] = {0, 2, 1,  3,  7,  6,  4,  5,
						8, 9, 10, 11, 12, 13, 14, 15};

#define RED_ZONE_SIZE 128

/* What the kernel leaves in a call that was interrupted, until it is made again or given up. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

_Static_assert(sizeof(struct user_regs_struct) <= DW_ARCH_SET_MAX, "a set has room");

bool dw_arch_is(unsigned machine)
{
	return machine == EM_X86_64;
}

size_t dw_arch_set_size(void)
{
	return sizeof(struct user_regs_struct);
}

struct dw_registers dw_arch_registers(const void *set)
{
	struct user_regs_struct r;

	memcpy(&r, set, sizeof(r));
	return (struct dw_registers){
	    .values = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10,
		       r.r11, r.r12, r.r13, r.r14, r.r15, r.rip},
	    .known = (UINT32_C(1) << DW_REGISTERS_N) - 1,
	};
}

struct dw_registers dw_arch_registers_at(uint64_t pc, uint64_t sp)
{
	struct dw_registers registers = {.known = 1U << RSP | 1U << RIP};

	registers.values[RSP] = sp;
	registers.values[RIP] = pc;
	return registers;
}

uint64_t dw_arch_pc(const struct dw_registers *registers)
{
	return registers->values[RIP];
}

void dw_arch_set_pc(struct dw_registers *registers, uint64_t pc)
{
	registers->values[RIP] = pc;
	registers->known |= UINT32_C(1) << RIP;
}

uint64_t dw_arch_sp(const struct dw_registers *registers)
{
	return registers->values[RSP];
}

uint64_t dw_arch_red_zone(void)
{
	return RED_ZONE_SIZE;
}

/* What the instructions of a function have done so far. */
struct effect {
	uint64_t depth; /* so far the stack pointer is below where it was at the entry */
	uint64_t
	    saved[N_PUSHED]; /* by DWARF's numbers: so far below a register is kept; 0: it is not */
};

/* push and pop. Return: the length of the instruction; 0: it is none of these. */
static size_t step_push(const uint8_t *code, size_t n, struct effect *effect)
{
	size_t prefix = code[0] == 0x41;
	unsigned operation, number;

	if (n <= prefix)
		return 0;
	operation = code[prefix] & 0xf8U;
	number = dwarf_numbers[(code[prefix] & 7U) + 8 * prefix];
	if (operation == 0x50) {
		effect->depth += 8;
		effect->saved[number] = effect->depth;
	} else if (operation == 0x58) {
		effect->depth -= 8;
		effect->saved[number] = 0;
	} else {
		return 0;
	}
	return 1 + prefix;
}

/* add $immediate,%rsp. Return: as step_push(). */
static size_t step_add(const uint8_t *code, size_t n, struct effect *effect)
{
	int32_t value;

	if (n >= 4 && memcmp(code, "\x48\x83\xc4", 3) == 0) {
		effect->depth -= (uint64_t)(int8_t)code[3];
		return 4;
	}
	if (n < 7 || memcmp(code, "\x48\x81\xc4", 3) != 0)
		return 0;
	memcpy(&value, code + 3, sizeof(value));
	effect->depth -= (uint64_t)value;
	return 7;
}

/* What changes neither the stack nor what is kept there. Return: as step_push(). */
static size_t step_other(const uint8_t *code, size_t n)
{
	static const struct {
		uint8_t bytes[3], size;
	} others[] = {
	    {{0x48, 0x89, 0xfd}, 3}, /* mov %rdi,%rbp */
	    {{0x48, 0x8b, 0xef}, 3}, /* the same */
	    {{0xff, 0xe6}, 2},       /* jmp *%rsi; what it leads to comes back right behind it */
	    {{0x31, 0xc0}, 2},       /* xor %eax,%eax */
	    {{0x33, 0xc0}, 2},       /* the same */
	    {{0xc5, 0xf8, 0x77}, 3}, /* vzeroupper */
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (n >= others[i].size && memcmp(code, others[i].bytes, others[i].size) == 0)
			return others[i].size;
	return 0;
}

bool dw_arch_leave(const uint8_t *code, size_t n, struct dw_registers *registers,
		   dw_read_function *read, void *context)
{
	struct dw_registers caller = *registers;
	struct effect effect = {0};
	uint64_t entry;

	for (size_t at = 0, size; at < n; at += size) {
		size = step_push(code + at, n - at, &effect);
		if (size == 0)
			size = step_add(code + at, n - at, &effect);
		if (size == 0)
			size = step_other(code + at, n - at);
		if (size == 0)
			return false;
	}
	entry = registers->values[RSP] + effect.depth;
	for (int i = 0; i < N_PUSHED; i++)
		if (effect.saved[i] && !read(context, entry - effect.saved[i], &caller.values[i],
					     sizeof(caller.values[i])))
			return false;
	if (!read(context, entry, &caller.values[RIP], sizeof(caller.values[RIP])))
		return false;
	caller.values[RSP] = entry + 8;
	*registers = caller;
	return true;
}

/* A call by its distance, or by an address in memory. */
#define CALL_SIZE 5
#define CALL_MEMORY_SIZE 6

/* Before a jump of the linker's there may be a mark for where jumps may lead, and a prefix. */
#define JUMP_MAX_SIZE 11

/* The distance that the instruction ending @n bytes behind @code ends with. */
static uint64_t distance_in(const uint8_t *code, size_t n)
{
	int32_t distance;

	memcpy(&distance, code + n - sizeof(distance), sizeof(distance));
	return (uint64_t)(int64_t)distance;
}

/* Where the jump at @address leads to, if it is one by a table; else @address. */
static uint64_t jumped(uint64_t address, dw_read_function *read, void *context)
{
	static const uint8_t mark[] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint8_t code[JUMP_MAX_SIZE];
	uint64_t target;
	size_t n = 0;

	if (!read(context, address, code, sizeof(code)))
		return address;
	if (memcmp(code, mark, sizeof(mark)) == 0)
		n += sizeof(mark);
	n += code[n] == 0xf2;
	if (code[n] != 0xff || code[n + 1] != 0x25)
		return address;
	n += 2 + sizeof(int32_t);
	return read(context, address + n + distance_in(code, n), &target, sizeof(target)) ? target
											  : address;
}

uint64_t dw_arch_called(uint64_t address, dw_read_function *read, void *context)
{
	uint8_t code[CALL_MEMORY_SIZE];
	uint64_t target;

	if (address < sizeof(code) || !read(context, address - sizeof(code), code, sizeof(code)))
		return 0;
	target = address + distance_in(code, sizeof(code));
	if (code[sizeof(code) - CALL_SIZE] == 0xe8)
		return jumped(target, read, context);
	if (code[0] == 0xff && code[1] == 0x15 && read(context, target, &target, sizeof(target)))
		return target;
	return 0;
}

bool dw_arch_is_sigreturn(const uint8_t *code)
{
	/* mov $SYS_rt_sigreturn,%rax; syscall */
	static const uint8_t expected[DW_ARCH_SIGRETURN_SIZE] = {0x48, 0xc7, 0xc0, 0x0f, 0,
								 0,    0,    0x0f, 0x05};

	return memcmp(code, expected, sizeof(expected)) == 0;
}

bool dw_arch_leave_handler(struct dw_registers *registers, dw_read_function *read, void *context)
{
	static const uint8_t places[DW_REGISTERS_N] = {
	    REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
	    REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	uint64_t at = registers->values[RSP] + offsetof(ucontext_t, uc_mcontext.gregs);
	gregset_t kept;

	if (!read(context, at, &kept, sizeof(kept)))
		return false;
	for (int i = 0; i < DW_REGISTERS_N; i++)
		registers->values[i] = (uint64_t)kept[places[i]];
	registers->known = (UINT32_C(1) << DW_REGISTERS_N) - 1;
	return true;
}

/* The distance is one to the next instruction; a constant may lie in between. */
bool dw_arch_has_operand(const uint8_t *code, size_t n, uint64_t start, uint64_t address)
{
	static const uint8_t constant_sizes[] = {0, 1, 2, 4};
	int32_t distance;

	for (size_t i = 0; i + sizeof(distance) <= n; i++) {
		memcpy(&distance, code + i, sizeof(distance));
		for (size_t j = 0; j < sizeof(constant_sizes); j++)
			if (start + i + sizeof(distance) + constant_sizes[j] +
				(uint64_t)(int64_t)distance ==
			    address)
				return true;
	}
	return false;
}

/* Of struct pthread, since glibc has had a `tid` there alone (2.25). */
#define GLIBC_TID_OFFSET 720

uint64_t dw_arch_glibc_tid(const void *set)
{
	struct user_regs_struct r;

	memcpy(&r, set, sizeof(r));
	return r.fs_base + GLIBC_TID_OFFSET;
}

/* A call that was over when the thread stopped has left its result there. */
static bool is_interrupted(long result)
{
	switch (result) {
	case -EINTR:
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return true;
	default:
		return false;
	}
}

long dw_arch_call(const void *set, uint64_t *ret_arguments)
{
	struct user_regs_struct r;

	memcpy(&r, set, sizeof(r));
	if ((long)r.orig_rax < 0 || !is_interrupted((long)r.rax))
		return -1;
	memcpy(ret_arguments, (uint64_t[]){r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9},
	       6 * sizeof(*ret_arguments));
	return (long)r.orig_rax;
}
