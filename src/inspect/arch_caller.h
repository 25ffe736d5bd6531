/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The callers of code that no table describes, such as musl's: told by the code itself.
 *
 * Nothing is guessed. A word of the stack is taken for the return address only if there is a
 * call before the place that it leads to, and if from what is called, instruction by instruction,
 * the thread comes to where it is with just so much on the stack. What is left over on the
 * stack from earlier calls does not pass that, but by chance.
 *
 * Single-threaded. One file per processor: arch_x86_64_caller.c.
 */
#pragma once

#include "base/cleanup.h"
#include "inspect/arch.h"

/* Remembers what it has found out: many threads wait at the same place. */
struct dw_callers;

struct dw_caller_memory {
	dw_read_function *stack; /* mandatory */
	dw_read_function *code; /* mandatory. Code, and the tables by which files call each other */
	void *context;          /* of both */
};

int dw_callers_new(struct dw_callers **ret);
struct dw_callers *dw_callers_free(struct dw_callers *callers);

/*
 * Turns @registers into the caller's; what its own code may have changed without keeping it is
 * not known there.
 *
 * Return: whether that could be told; if not, @registers are as they were.
 */
bool dw_callers_step(struct dw_callers *callers, struct dw_registers *registers,
		     const struct dw_caller_memory *memory);

DW_DEFINE_AUTO(callers)
