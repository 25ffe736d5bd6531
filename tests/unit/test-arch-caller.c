/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The callers of code that no table describes: of functions such as compilers make, and of what
 * only looks like a call.
 */
#include "inspect/arch_caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CODE UINT64_C(0x400000)
#define STACK UINT64_C(0x7f0000)

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12 };

static struct {
	uint8_t code[1024];
	uint64_t stack[64];
} memory;

static bool read_in(const void *bytes, size_t size, uint64_t start, uint64_t address, void *ret,
		    size_t n)
{
	if (address < start || address - start > size || n > size - (address - start))
		return false;
	memcpy(ret, (const uint8_t *)bytes + (address - start), n);
	return true;
}

static bool read_code(void *context, uint64_t address, void *ret, size_t n)
{
	(void)context;
	return read_in(memory.code, sizeof(memory.code), CODE, address, ret, n);
}

static bool read_stack(void *context, uint64_t address, void *ret, size_t n)
{
	(void)context;
	return read_in(memory.stack, sizeof(memory.stack), STACK, address, ret, n);
}

/* Puts the function's @n bytes @at so far behind the beginning of the code. */
static void put(size_t at, const char *bytes, size_t n)
{
	memcpy(memory.code + at, bytes, n);
}
#define PUT(at, bytes) put(at, bytes, sizeof(bytes) - 1)

/* A call @at so far behind the beginning, of what is at @target. Return: what it comes back to. */
static uint64_t put_call(size_t at, size_t target)
{
	int32_t distance = (int32_t)target - (int32_t)at - 5;

	memory.code[at] = 0xe8;
	memcpy(memory.code + at + 1, &distance, sizeof(distance));
	return CODE + at + 5;
}

static bool step(size_t at, struct dw_registers *registers)
{
	const struct dw_caller_memory both = {read_stack, read_code, NULL};
	dw_auto(callers) callers = NULL;

	*registers = dw_arch_registers_at(CODE + at, STACK);
	registers->values[RBX] = 1;
	registers->values[R12] = 2;
	registers->values[RBP] = STACK + 8 * 8;
	registers->known |= 1U << RBX | 1U << R12 | 1U << RBP;
	assert_int_equal(dw_callers_new(&callers), 0);
	return dw_callers_step(callers, registers, &both);
}

static int setup(void **state)
{
	(void)state;
	memset(&memory, 0, sizeof(memory));
	return 0;
}

static void a_stub_has_its_caller_on_top(void **state)
{
	struct dw_registers registers;

	(void)state;
	PUT(16, "\x0f\x05\xc3"); /* syscall; ret */
	memory.stack[0] = put_call(3, 16);
	assert_true(step(18, &registers));
	assert_int_equal(dw_arch_pc(&registers), CODE + 8);
	assert_int_equal(dw_arch_sp(&registers), STACK + 8);
	assert_int_equal(registers.values[RBX], 1);
}

/* push %rbx; sub $16,%rsp; mov %edi,%ebx; test; je over a call; syscall */
#define FRAMED "\x53\x48\x83\xec\x10\x89\xfb\x85\xff\x74\x02\x89\xd8\x0f\x05"

static void what_a_function_has_kept_is_given_back(void **state)
{
	struct dw_registers registers;

	(void)state;
	PUT(16, FRAMED);
	memory.stack[2] = 4711;
	memory.stack[3] = put_call(3, 16);
	assert_true(step(16 + sizeof(FRAMED) - 1, &registers));
	assert_int_equal(dw_arch_pc(&registers), CODE + 8);
	assert_int_equal(dw_arch_sp(&registers), STACK + 32);
	assert_int_equal(registers.values[RBX], 4711);
	assert_int_equal(registers.values[R12], 2);
}

/* Where the stack is otherwise than the function has it, that is no return address. */
static void what_is_left_from_another_call_is_no_caller(void **state)
{
	struct dw_registers registers;

	(void)state;
	PUT(16, FRAMED);
	memory.stack[0] = memory.stack[1] = memory.stack[4] = put_call(3, 16);
	assert_false(step(16 + sizeof(FRAMED) - 1, &registers));
	assert_int_equal(dw_arch_sp(&registers), STACK);
	memory.stack[3] = put_call(8, 16);
	assert_true(step(16 + sizeof(FRAMED) - 1, &registers));
	assert_int_equal(dw_arch_pc(&registers), CODE + 13);
}

static void a_function_may_go_on_in_another(void **state)
{
	struct dw_registers registers;

	(void)state;
	PUT(16, "\x31\xf6\xeb\x0c"); /* xor %esi,%esi; jmp to 32 */
	PUT(32, "\x53\x0f\x05");     /* push %rbx; syscall */
	memory.stack[1] = put_call(3, 16);
	assert_true(step(35, &registers));
	assert_int_equal(dw_arch_pc(&registers), CODE + 8);
}

static void a_call_may_be_by_the_linkers_table(void **state)
{
	const uint64_t function = CODE + 64;
	struct dw_registers registers;

	(void)state;
	PUT(16, "\xf3\x0f\x1e\xfa\xff\x25\x06\x00\x00\x00"); /* endbr64; jmp *6(%rip) */
	memcpy(memory.code + 32, &function, sizeof(function));
	PUT(64, "\x0f\x05");
	memory.stack[0] = put_call(3, 16);
	assert_true(step(66, &registers));
	assert_int_equal(dw_arch_pc(&registers), CODE + 8);
}

static void a_frame_pointer_tells_where_the_frame_is(void **state)
{
	struct dw_registers registers;

	(void)state;
	/* push %rbp; mov %rsp,%rbp; and $-32,%rsp; syscall */
	PUT(16, "\x55\x48\x89\xe5\x48\x83\xe4\xe0\x0f\x05");
	memory.stack[8] = 4711;
	memory.stack[9] = put_call(3, 16);
	assert_true(step(26, &registers));
	assert_int_equal(dw_arch_sp(&registers), STACK + 80);
	assert_int_equal(registers.values[RBP], 4711);
}

/* Of a register that has another value, and was kept nowhere, nothing is said. */
static void what_was_not_kept_is_not_known(void **state)
{
	struct dw_registers registers;

	(void)state;
	PUT(16, "\x89\xfb\x0f\x05"); /* mov %edi,%ebx; syscall */
	memory.stack[0] = put_call(3, 16);
	assert_true(step(20, &registers));
	assert_false(registers.known >> RBX & 1);
	assert_true(registers.known >> R12 & 1);
}

static void a_call_by_a_register_tells_nothing(void **state)
{
	struct dw_registers registers;

	(void)state;
	PUT(0, "\x90\x90\x90\x90\xff\xd0"); /* call *%rax */
	PUT(16, "\x0f\x05");
	memory.stack[0] = CODE + 6;
	assert_false(step(18, &registers));
}

/* Instructions that never end, and none at all. */
static void code_that_leads_nowhere_is_left(void **state)
{
	struct dw_registers registers;

	(void)state;
	PUT(16, "\xeb\xfe");
	memory.stack[0] = put_call(3, 16);
	memory.stack[1] = put_call(9, 900);
	memory.stack[2] = CODE + sizeof(memory.code);
	assert_false(step(64, &registers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_stub_has_its_caller_on_top, setup),
	    cmocka_unit_test_setup(what_a_function_has_kept_is_given_back, setup),
	    cmocka_unit_test_setup(what_is_left_from_another_call_is_no_caller, setup),
	    cmocka_unit_test_setup(a_function_may_go_on_in_another, setup),
	    cmocka_unit_test_setup(a_call_may_be_by_the_linkers_table, setup),
	    cmocka_unit_test_setup(a_frame_pointer_tells_where_the_frame_is, setup),
	    cmocka_unit_test_setup(what_was_not_kept_is_not_known, setup),
	    cmocka_unit_test_setup(a_call_by_a_register_tells_nothing, setup),
	    cmocka_unit_test_setup(code_that_leads_nowhere_is_left, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
