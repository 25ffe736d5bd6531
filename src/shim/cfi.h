/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call frame information: how to get from a frame to its caller's, as compilers describe it
 * for exceptions (.eh_frame; DWARF 5, section 6.4, and the Linux Standard Base).
 *
 * The shim unwinds by itself because what it may do is so little: no malloc, no lock, no
 * descriptor, no memory for each thread. Libraries for this do all of that somewhere. (Of
 * libunwind 1.6: thread-local memory that is allocated when first touched, a cache of 256 KiB a
 * thread, the loader's lock, a pipe to probe memory with.)
 *
 * Any thread, any time, signal handlers included. x86-64.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* DWARF's numbers of the registers that matter (System V ABI, AMD64 supplement, 3.36). */
enum { CFI_RBX = 3, CFI_RBP = 6, CFI_RSP = 7, CFI_R12 = 12, CFI_R15 = 15, CFI_RA = 16, CFI_REGS };

struct cfi_registers {
	uint64_t value[CFI_REGS]; /* [CFI_RA] is the program counter */
};

/* How the caller's value of a register is found. */
enum cfi_kind {
	CFI_SAME,
	CFI_UNDEFINED,
	CFI_OFFSET,
	CFI_VALUE_OFFSET,
	CFI_REGISTER,
	CFI_EXPRESSION,
	CFI_VALUE_EXPRESSION
};

struct cfi_rule {
	uint8_t kind;              /* enum cfi_kind */
	int64_t number;            /* offset from the CFA, or a register */
	const uint8_t *expression; /* a block: length and operations */
};

/* The row of a function's table that holds at one address. */
struct cfi_row {
	uint8_t cfa_register;
	bool signal_frame; /* the kernel's: its caller was interrupted, it did not call */
	int64_t cfa_offset;
	const uint8_t *cfa_expression; /* NULL: register and offset */
	struct cfi_rule rules[CFI_REGS];
};

/*
 * The row for @address. For a return address, ask for one byte less.
 *
 * Return: whether there is one that is understood.
 */
bool cfi_find(uint64_t address, struct cfi_row *ret);

/* Where the function that @address is in begins; 0: that is not known. */
uint64_t cfi_function(uint64_t address);

/* From a frame to its caller's. Return: false at the outermost frame, or where it cannot be. */
bool cfi_step(const struct cfi_row *row, struct cfi_registers *registers);
