/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks of a child of ours that go through what has no table in a file. */
#include "base/arena.h"
#include "inspect/arch.h"
#include "inspect/frames.h"
#include "inspect/image.h"
#include "inspect/signalled.h"
#include "inspect/task.h"
#include "model/facts.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMORY_MAX ((size_t)64 << 20)

/* So many that some come while a thread is being stopped. */
#define N_SIGNALS 10000

/* How QEMU enters and leaves generated code; what it enters comes back behind the jump. */
static const uint8_t entry_code[] = {
    0x55,                                     /* push %rbp */
    0x53,                                     /* push %rbx */
    0x41, 0x54, 0x41, 0x55,                   /* push %r12; push %r13 */
    0x41, 0x56, 0x41, 0x57,                   /* push %r14; push %r15 */
    0x48, 0x8b, 0xef,                         /* mov %rdi,%rbp */
    0x48, 0x81, 0xc4, 0x78, 0xfb, 0xff, 0xff, /* add $-0x488,%rsp */
    0xff, 0xe6,                               /* jmp *%rsi */
    0x33, 0xc0,                               /* xor %eax,%eax */
    0x48, 0x81, 0xc4, 0x88, 0x04, 0x00, 0x00, /* add $0x488,%rsp */
    0xc5, 0xf8, 0x77,                         /* vzeroupper */
    0x41, 0x5f, 0x41, 0x5e,                   /* pop %r15; pop %r14 */
    0x41, 0x5d, 0x41, 0x5c,                   /* pop %r13; pop %r12 */
    0x5b, 0x5d, 0xc3,                         /* pop %rbx; pop %rbp; ret */
};

/* Of each instruction: where it begins, and how far the stack pointer is below the entry's. */
static const struct {
	size_t at;
	uint64_t depth;
} entry_steps[] = {
    {0, 0},   {1, 8},      {2, 16},     {4, 24},     {6, 32},  {8, 40},  {10, 48},
    {13, 48}, {20, 0x4b8}, {22, 0x4b8}, {24, 0x4b8}, {31, 48}, {34, 48}, {36, 40},
    {38, 32}, {40, 24},    {42, 16},    {43, 8},     {44, 0},
};

enum { RBX = 3, RBP = 6, RSP = 7, RIP = 16 };
#define ENTRY_SP UINT64_C(0x10000)

/* A word of the stack is its own address, less the entry's stack pointer. */
static bool read_address(void *context, uint64_t address, void *ret, size_t n)
{
	uint64_t value = address - ENTRY_SP;

	(void)context;
	if (n != sizeof(value))
		return false;
	memcpy(ret, &value, n);
	return true;
}

static void who_enters_generated_code_is_told_at_each_instruction(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(entry_steps) / sizeof(*entry_steps); i++) {
		uint64_t depth = entry_steps[i].depth;
		struct dw_registers registers = dw_arch_registers_at(/* pc= */ 1, ENTRY_SP - depth);

		registers.values[RBP] = 4711;
		assert_true(
		    dw_arch_leave(entry_code, entry_steps[i].at, &registers, read_address, NULL));
		assert_int_equal(registers.values[RIP], 0);
		assert_int_equal(registers.values[RSP], ENTRY_SP + 8);
		assert_int_equal(registers.values[RBP], depth >= 8 ? (uint64_t)-8 : 4711);
		assert_int_equal(registers.values[RBX], depth >= 16 ? (uint64_t)-16 : 0);
	}
}

static void other_code_is_not_guessed_at(void **state)
{
	static const uint8_t other[] = {0x55, 0x48, 0x8b, 0x07};
	struct dw_registers registers = dw_arch_registers_at(1, ENTRY_SP);

	(void)state;
	assert_false(dw_arch_leave(other, sizeof(other), &registers, read_address, NULL));
	/* Behind the end of the function there is another one. */
	assert_false(dw_arch_leave(entry_code, sizeof(entry_code), &registers, read_address, NULL));
}

static void variables_are_found_in_code_by_their_distance(void **state)
{
	/* Each at 0x100: what it has is so far behind its end. */
	static const struct {
		uint8_t code[10];
		size_t n;
		uint64_t address;
	} rows[] = {
	    {{0x48, 0x8d, 0x3d, 0x0f, 0x2e, 0x00, 0x00}, 7, 0x2f16},          /* lea */
	    {{0xf0, 0x0f, 0xb1, 0x0d, 0xf8, 0xff, 0xff, 0xff}, 8, 0x100},     /* cmpxchg */
	    {{0x83, 0x3d, 0x10, 0x00, 0x00, 0x00, 0xff}, 7, 0x117},           /* cmpl, a byte */
	    {{0xc7, 0x05, 0x10, 0, 0, 0, 0x44, 0x33, 0x22, 0x11}, 10, 0x11a}, /* movl */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = rows[i].n;

		assert_true(dw_arch_has_operand(rows[i].code, n, 0x100, rows[i].address));
		assert_false(dw_arch_has_operand(rows[i].code, n, 0x108, rows[i].address));
		assert_false(dw_arch_has_operand(rows[i].code, 3, 0x100, rows[i].address));
	}
}

static void end_of_a_signal_is_known(void **state)
{
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	static const uint8_t other[] = {0x48, 0xc7, 0xc0, 0x0e, 0, 0, 0, 0x0f, 0x05};

	(void)state;
	assert_true(dw_arch_is_sigreturn(code));
	assert_false(dw_arch_is_sigreturn(other));
}

static bool read_own(void *context, uint64_t address, void *ret, size_t n)
{
	(void)context;
	memcpy(ret, (const void *)(uintptr_t)address, n);
	return true;
}

static void a_list_of_images_that_loops_has_an_end(void **state)
{
	static struct {
		uint64_t next, previous, address, size;
	} entry;
	static struct {
		uint32_t version, action;
		uint64_t relevant, first;
	} list = {.version = 1};
	struct dw_image images[DW_IMAGES_MAX];
	dw_auto(arena) arena = NULL;
	Elf64_Ehdr image = {
	    .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64},
	    .e_phnum = 1,
	    .e_phentsize = sizeof(Elf64_Phdr),
	    .e_phoff = UINT64_MAX,
	};

	(void)state;
	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	list.first = entry.next = (uint64_t)(uintptr_t)&entry;
	entry.address = (uint64_t)(uintptr_t)&image;
	entry.size = sizeof(image);
	assert_int_equal(dw_images_read(arena, read_own, NULL, (uintptr_t)&list, images), 0);
	/* It lies behind the image's end. */
	image.e_phoff = sizeof(image) - sizeof(Elf64_Phdr) + 1;
	assert_int_equal(dw_images_read(arena, read_own, NULL, (uintptr_t)&list, images), 0);
	entry.size = UINT64_MAX;
	assert_int_equal(dw_images_read(arena, read_own, NULL, (uintptr_t)&list, images), 0);
}

static pid_t child;

static void start(void (*wait)(void))
{
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait();
		_exit(1);
	}
	while (dw_task_state(child, child) != 'S')
		usleep(1000);
}

static int end(void **state)
{
	(void)state;
	kill(child, SIGKILL);
	return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static void read_child(struct dw_frames *ret)
{
	*ret = (struct dw_frames){.tid = child};
	assert_int_equal(dw_frames_read(child, ret, 1), 0);
	assert_int_equal(ret->error, 0);
}

static bool is_in(const struct dw_frames *frames, void (*function)(void), size_t size)
{
	uint64_t begin = (uint64_t)(uintptr_t)function;

	for (uint32_t i = 0; i < frames->n; i++)
		if (begin <= frames->addresses[i] && frames->addresses[i] < begin + size)
			return true;
	return false;
}

static void pause_in_handler(int number)
{
	(void)number;
	for (;;)
		pause();
}

static __attribute__((noinline)) void wait_in_handler(void)
{
	static char stack[1 << 16];
	const stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	const struct sigaction action = {.sa_handler = pause_in_handler, .sa_flags = SA_ONSTACK};

	sigaltstack(&other, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	pause();
}

static void a_stack_goes_on_behind_a_handler_on_a_stack_of_its_own(void **state)
{
	struct dw_frames frames;

	(void)state;
	start(wait_in_handler);
	read_child(&frames);
	assert_true(is_in(&frames, (void (*)(void))pause_in_handler, 64));
	assert_true(is_in(&frames, wait_in_handler, 256));
	assert_int_equal(frames.flags, 0);
	assert_true(frames.stopped_ns > 0);
}

/* mov $34,%eax (pause); syscall; ret */
static const uint8_t generated_code[] = {0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xc3};

static __attribute__((noinline)) void wait_in_generated_code(void)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(code, generated_code, sizeof(generated_code));
	((void (*)(void))code)();
	pause();
}

static void a_stack_in_code_that_nobody_describes_ends_and_says_so(void **state)
{
	struct dw_frames frames;

	(void)state;
	start(wait_in_generated_code);
	read_child(&frames);
	assert_int_equal(frames.n, 1);
	assert_int_equal(frames.flags, DW_STACK_SHORT | DW_STACK_ENDS(DW_END_GENERATED));
}

static unsigned *n_signals; /* shared with the child */

static void count_signal(int number)
{
	(void)number;
	(*n_signals)++;
}

static void wait_for_signals(void)
{
	signal(SIGRTMIN, count_signal);
	for (;;)
		pause();
}

/* Signals of this kind are queued: none becomes one with another. */
static void send_signals(void)
{
	for (unsigned i = 0; i < N_SIGNALS; i++) {
		while (sigqueue(child, SIGRTMIN, (union sigval){0}) < 0)
			usleep(100);
		usleep(50);
	}
	_exit(0);
}

/* Return: who sends the child signals. */
static pid_t start_signals(void)
{
	pid_t sender;

	n_signals = mmap(NULL, sizeof(*n_signals), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	start(wait_for_signals);
	sender = fork();
	if (sender == 0)
		send_signals();
	return sender;
}

static void await_all_signals(pid_t sender)
{
	waitpid(sender, NULL, 0);
	while (dw_task_state(child, child) != 'S')
		usleep(1000);
	assert_int_equal(*n_signals, N_SIGNALS);
}

static void who_is_sent_signals_is_known_and_gets_them(void **state)
{
	pid_t sender = start_signals();
	bool is_signalled = false;

	(void)state;
	for (int i = 0; i < 20; i++) {
		dw_signalled(&child, 1, &is_signalled);
		assert_true(is_signalled || waitpid(sender, NULL, WNOHANG) != 0);
	}
	await_all_signals(sender);
	dw_signalled(&child, 1, &is_signalled);
	assert_false(is_signalled);
}

static void no_signal_is_lost_to_a_look(void **state)
{
	struct dw_frames frames;
	pid_t sender = start_signals();

	(void)state;
	while (waitpid(sender, NULL, WNOHANG) == 0) {
		frames = (struct dw_frames){.tid = child};
		assert_int_equal(dw_frames_read(child, &frames, 1), 0);
	}
	await_all_signals(sender);
}

#define test(function) cmocka_unit_test_teardown(function, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_enters_generated_code_is_told_at_each_instruction),
	    cmocka_unit_test(other_code_is_not_guessed_at),
	    cmocka_unit_test(variables_are_found_in_code_by_their_distance),
	    cmocka_unit_test(end_of_a_signal_is_known),
	    cmocka_unit_test(a_list_of_images_that_loops_has_an_end),
#ifndef __SANITIZE_ADDRESS__ /* its functions are larger, and lie on its own frames */
	    test(a_stack_goes_on_behind_a_handler_on_a_stack_of_its_own),
	    test(a_stack_in_code_that_nobody_describes_ends_and_says_so),
#endif
	    test(who_is_sent_signals_is_known_and_gets_them),
	    test(no_signal_is_lost_to_a_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
