/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What depends on the processor: a thread's registers, as ptrace and core files have them
 * (NT_PRSTATUS), by the numbers that DWARF has for them; and the system call that it is in.
 *
 * Pure. One file per processor: arch_x86_64.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a process's memory, all or nothing. Return: whether it could be. */
typedef bool dw_read_function(void *context, uint64_t address, void *ret, size_t n);

/* Whether @machine, of an ELF header, is the processor that this is about. */
bool dw_arch_is(unsigned machine);

#define DW_REGISTERS_N 17

struct dw_registers {
	uint64_t values[DW_REGISTERS_N];
	uint32_t known; /* a bit each: the value is known */
};

/* The largest set of registers that dw_arch_registers() takes. */
#define DW_ARCH_SET_MAX 512

/* Bytes of a set of registers, as the kernel has it for programs of this processor. */
size_t dw_arch_set_size(void);

/* Of the @set, which is of dw_arch_set_size() bytes. */
struct dw_registers dw_arch_registers(const void *set);

/* Of a thread of which nothing is known but these two. */
struct dw_registers dw_arch_registers_at(uint64_t pc, uint64_t sp);

uint64_t dw_arch_pc(const struct dw_registers *registers);
void dw_arch_set_pc(struct dw_registers *registers, uint64_t pc);
uint64_t dw_arch_sp(const struct dw_registers *registers);

/* Functions may keep things so many bytes below the stack pointer. */
uint64_t dw_arch_red_zone(void);

/*
 * Turns @registers, of a thread that is @n bytes behind the beginning of the function at @code,
 * into its caller's, by what the instructions up to there have done to the stack. It takes
 * functions that do little else, in a straight line: what QEMU enters and leaves generated
 * code by.
 *
 * Return: whether that could be told.
 */
bool dw_arch_leave(const uint8_t *code, size_t n, struct dw_registers *registers,
		   dw_read_function *read, void *context);

/* Bytes of what a signal's handler returns to; whether @code, as many bytes, is that. */
#define DW_ARCH_SIGRETURN_SIZE 9
bool dw_arch_is_sigreturn(const uint8_t *code);

/*
 * Turns @registers, of a thread whose signal handler is over, into what they were when the signal
 * came: they are at the top of the stack, which @read reads. Return: whether they could be read.
 */
bool dw_arch_leave_handler(struct dw_registers *registers, dw_read_function *read, void *context);

/*
 * What the call before @address has called, beyond the table by which files call each other's
 * functions; 0: there is no call, or a register said what. @read reads code, and such tables.
 */
uint64_t dw_arch_called(uint64_t address, dw_read_function *read, void *context);

/*
 * Whether some instruction among the @n bytes of @code, which are at @start, has @address as its
 * operand, told relative to itself: as code of a program has its variables'.
 */
bool dw_arch_has_operand(const uint8_t *code, size_t n, uint64_t start, uint64_t address);

/* Where glibc keeps the number of the thread, as the thread itself knows it. */
uint64_t dw_arch_glibc_tid(const void *set);

/*
 * The number of the system call that the thread was in when it was stopped, with its six
 * @ret_arguments; -1: it was in none.
 */
long dw_arch_call(const void *set, uint64_t *ret_arguments);
