/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expressions (DWARF 5, section 2.5), as far as call frame information uses them: procedure
 * linkage tables, signal frames and realigned stacks.
 */
#include "shim/cfi_expression.h"

#include "shim/cfi_read.h"

#include <dwarf.h>

/* The expressions that compilers and linkers write need five. */
#define DEPTH_MAX 16

struct stack {
	uint64_t value[DEPTH_MAX];
	unsigned n;
};

static bool push(struct stack *stack, uint64_t value)
{
	if (stack->n == DEPTH_MAX)
		return false;
	stack->value[stack->n++] = value;
	return true;
}

static bool combine(struct stack *stack, uint8_t operation)
{
	uint64_t b, *a;

	if (stack->n < 2)
		return false;
	b = stack->value[--stack->n];
	a = &stack->value[stack->n - 1];
	switch (operation) {
	case DW_OP_and:
		*a &= b;
		return true;
	case DW_OP_or:
		*a |= b;
		return true;
	case DW_OP_plus:
		*a += b;
		return true;
	case DW_OP_minus:
		*a -= b;
		return true;
	case DW_OP_mul:
		*a *= b;
		return true;
	case DW_OP_shl:
		*a = b < 64 ? *a << b : 0;
		return true;
	case DW_OP_shr:
		*a = b < 64 ? *a >> b : 0;
		return true;
	case DW_OP_ge:
		*a = (int64_t)*a >= (int64_t)b;
		return true;
	case DW_OP_gt:
		*a = (int64_t)*a > (int64_t)b;
		return true;
	case DW_OP_le:
		*a = (int64_t)*a <= (int64_t)b;
		return true;
	case DW_OP_lt:
		*a = (int64_t)*a < (int64_t)b;
		return true;
	case DW_OP_eq:
		*a = *a == b;
		return true;
	case DW_OP_ne:
		*a = *a != b;
		return true;
	default:
		return false;
	}
}

/* Constants. Return: whether it was one. */
static bool push_constant(struct stack *stack, uint8_t operation, const uint8_t **at)
{
	switch (operation) {
	case DW_OP_const1u:
		return push(stack, cfi_read(at, 1));
	case DW_OP_const1s:
		return push(stack, (uint64_t)cfi_read_signed(at, 1));
	case DW_OP_const2u:
		return push(stack, cfi_read(at, 2));
	case DW_OP_const2s:
		return push(stack, (uint64_t)cfi_read_signed(at, 2));
	case DW_OP_const4u:
		return push(stack, cfi_read(at, 4));
	case DW_OP_const4s:
		return push(stack, (uint64_t)cfi_read_signed(at, 4));
	case DW_OP_const8u:
	case DW_OP_const8s:
		return push(stack, cfi_read(at, 8));
	case DW_OP_constu:
		return push(stack, cfi_read_uleb(at));
	case DW_OP_consts:
		return push(stack, (uint64_t)cfi_read_sleb(at));
	default:
		return false;
	}
}

/* Operations on the top of the stack. Return: whether it was one. */
static bool change_top(struct stack *stack, uint8_t operation, const uint8_t **at)
{
	uint64_t *top = stack->n ? &stack->value[stack->n - 1] : NULL;

	if (!top)
		return false;
	switch (operation) {
	case DW_OP_deref:
		*top = *(const uint64_t *)*top;
		return true;
	case DW_OP_plus_uconst:
		*top += cfi_read_uleb(at);
		return true;
	case DW_OP_dup:
		return push(stack, *top);
	case DW_OP_drop:
		stack->n--;
		return true;
	default:
		return false;
	}
}

static bool carry_out(struct stack *stack, uint8_t operation, const uint8_t **at,
		      const struct cfi_registers *registers)
{
	if (operation >= DW_OP_lit0 && operation <= DW_OP_lit31)
		return push(stack, operation - DW_OP_lit0);
	if (operation >= DW_OP_breg0 && operation <= DW_OP_breg16)
		return push(stack, registers->value[operation - DW_OP_breg0] +
				       (uint64_t)cfi_read_sleb(at));
	return operation == DW_OP_nop || push_constant(stack, operation, at) ||
	       change_top(stack, operation, at) || combine(stack, operation);
}

bool cfi_evaluate(const uint8_t *block, const struct cfi_registers *registers,
		  const uint64_t *start, uint64_t *ret)
{
	const uint8_t *at = block;
	uint64_t size = cfi_read_uleb(&at);
	const uint8_t *end = at + size;
	struct stack stack = {.n = 0};

	if (start)
		push(&stack, *start);
	while (at < end) {
		uint8_t operation = *at++;

		if (!carry_out(&stack, operation, &at, registers))
			return false;
	}
	if (!stack.n)
		return false;
	*ret = stack.value[stack.n - 1];
	return true;
}
