/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shim's unwinder against libunwind: from the same place, both must find the same frames
 * with the same registers in them. Stepping puts that place at every instruction in turn.
 *
 * Where the two differ, the compiler's own unwinder says who is right: libunwind 1.6 does not
 * understand a return address that is in a register, as it is at the end of longjmp.
 */
#include "sample-unwind.h"
#include "shim/cfi.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unwind.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <cmocka.h>

#define FRAMES_MAX 400

/* One function is stepped through this far: the dynamic linker takes some thousands. */
#define STEPS_MAX 12000

/* Instructions of one sample at which libunwind may be wrong; seen: 60, in longjmp. */
#define DISPUTED_MAX 100

static const struct {
	unsigned dwarf;
	int libunwind;
	const char *name;
} compared[] = {
    {CFI_RA, UNW_X86_64_RIP, "rip"},      {CFI_RSP, UNW_X86_64_RSP, "rsp"},
    {CFI_RBP, UNW_X86_64_RBP, "rbp"},     {CFI_RBX, UNW_X86_64_RBX, "rbx"},
    {CFI_R12, UNW_X86_64_R12, "r12"},     {CFI_R12 + 1, UNW_X86_64_R13, "r13"},
    {CFI_R12 + 2, UNW_X86_64_R14, "r14"}, {CFI_R15, UNW_X86_64_R15, "r15"},
};
#define N_COMPARED (sizeof(compared) / sizeof(*compared))

/* What was looked at since begin(), and the first difference. */
static struct {
	unsigned looks, steps, disputed;
	unsigned signal_frames, expressions, on_rbp; /* rows of these kinds */
	char difference[500];
} seen;

/* The frames of our last walk, from its first step on. */
static uint64_t frames[FRAMES_MAX];
static unsigned n_frames;

static __attribute__((format(printf, 1, 2))) void differs(const char *format, ...)
{
	va_list arguments;

	if (seen.difference[0])
		return;
	va_start(arguments, format);
	vsnprintf(seen.difference, sizeof(seen.difference), format, arguments);
	va_end(arguments);
}

static void count_kinds(const struct cfi_row *row)
{
	seen.signal_frames += row->signal_frame;
	seen.expressions += row->cfa_expression != NULL;
	seen.on_rbp += !row->cfa_expression && row->cfa_register == CFI_RBP;
}

/* One step of ours. Return: whether there is a caller; at the end, whether it is a clean one. */
static bool our_step(struct cfi_registers *registers, bool *called)
{
	uint64_t address = registers->value[CFI_RA] - *called;
	struct cfi_row row;

	if (!cfi_find(address, &row)) {
		differs("no row for %#lx", address);
		return false;
	}
	count_kinds(&row);
	*called = !row.signal_frame;
	if (cfi_step(&row, registers))
		return true;
	if (row.rules[CFI_RA].kind != CFI_UNDEFINED)
		differs("the walk breaks off at %#lx", address);
	return false;
}

static void compare_frame(unsigned n, unw_cursor_t *cursor, const struct cfi_registers *registers)
{
	for (unsigned i = 0; i < N_COMPARED; i++) {
		unw_word_t theirs = 0;

		unw_get_reg(cursor, compared[i].libunwind, &theirs);
		if (theirs != registers->value[compared[i].dwarf])
			differs("frame %u, %s: %#lx, libunwind %#lx; rip %#lx", n, compared[i].name,
				registers->value[compared[i].dwarf], theirs,
				registers->value[CFI_RA]);
	}
}

static void compare_walks(struct cfi_registers *registers, unw_context_t *context)
{
	unw_cursor_t cursor;
	bool called = true;

	n_frames = 0;
	unw_init_local(&cursor, context);
	while (n_frames < FRAMES_MAX) {
		bool theirs = unw_step(&cursor) > 0, ours = our_step(registers, &called);

		if (theirs != ours)
			differs("%s ends at frame %u", ours ? "libunwind" : "ours", n_frames);
		if (!ours)
			break;
		if (theirs)
			compare_frame(n_frames, &cursor, registers);
		frames[n_frames++] = registers->value[CFI_RA];
	}
	seen.looks++;
}

struct judgement {
	unsigned n;   /* frames so far */
	bool started; /* the frame was met that the walks began in */
	bool same;
};

static _Unwind_Reason_Code judge_frame(struct _Unwind_Context *context, void *argument)
{
	struct judgement *j = argument;

	if (!_Unwind_GetIP(context))
		return _URC_NO_REASON; /* what it finds outside of the outermost frame */
	if (!j->started) {
		j->started = n_frames && _Unwind_GetIP(context) == frames[0];
		if (!j->started)
			return _URC_NO_REASON;
	}
	/* The stack is not compared: that of a callee says nothing where rsp is in a register. */
	if (j->n < n_frames && _Unwind_GetIP(context) != frames[j->n])
		j->same = false;
	j->n++;
	return _URC_NO_REASON;
}

/* Return: whether the compiler's unwinder finds the frames that ours has found. */
static bool judged_right(void)
{
	struct judgement j = {.same = true};

	_Unwind_Backtrace(judge_frame, &j);
	return j.started && j.same && j.n == n_frames;
}

/* Both walks begin in this function, which is not over before they are. */
static __attribute__((noinline)) void look(void)
{
	struct cfi_registers registers = {{0}};
	bool differed = seen.difference[0];
	unw_context_t context;

	__asm__ volatile("lea 0(%%rip), %%rax\n"
			 "mov %%rax, 128(%0)\n"
			 "mov %%rbx, 24(%0)\n"
			 "mov %%rbp, 48(%0)\n"
			 "mov %%rsp, 56(%0)\n"
			 "mov %%r12, 96(%0)\n"
			 "mov %%r13, 104(%0)\n"
			 "mov %%r14, 112(%0)\n"
			 "mov %%r15, 120(%0)\n"
			 :
			 : "r"(registers.value)
			 : "rax", "memory");
	unw_getcontext(&context);
	compare_walks(&registers, &context);
	if (!differed && seen.difference[0] && judged_right()) {
		seen.difference[0] = '\0';
		seen.disputed++;
	}
}

static void nothing(void)
{
	__asm__ volatile("" : : : "memory");
}

static void begin(void)
{
	memset(&seen, 0, sizeof(seen));
}

/* What was looked at was the same to both. */
static void expect_same(const char *what)
{
	if (seen.difference[0])
		fail_msg("%s, look %u: %s", what, seen.looks, seen.difference);
	if (!seen.looks)
		fail_msg("%s: nothing was looked at", what);
	if (seen.disputed > DISPUTED_MAX)
		fail_msg("%s: libunwind is wrong %u times", what, seen.disputed);
}

/*
 * The trap flag: the processor stops after every instruction. What is pushed meanwhile is
 * described, since these instructions are stopped at too.
 */
void trap_on(void);
void trap_off(void);
#define TRAP_FUNCTION(name, operation)           \
	".type " name ", @function\n" name ":\n" \
	"	.cfi_startproc\n"                      \
	"	pushfq\n"                              \
	"	.cfi_def_cfa_offset 16\n"              \
	"	" operation ", (%rsp)\n"         \
	"	popfq\n"                               \
	"	.cfi_def_cfa_offset 8\n"               \
	"	ret\n"                                 \
	"	.cfi_endproc\n"                        \
	".size " name ", .-" name "\n"
__asm__(".pushsection .text\n" TRAP_FUNCTION("trap_on", "orq $0x100")
	    TRAP_FUNCTION("trap_off", "andq $~0x100") ".popsection\n");

static void on_trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	if (seen.steps++ < STEPS_MAX)
		look();
}

static void on_signal(int number)
{
	(void)number;
	look();
}

static void on_outer_signal(int number)
{
	(void)number;
	raise(SIGUSR2);
	look();
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	assert_int_equal(sigaction(number, &action, NULL), 0);
}

static void handle_traps(int flags)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | flags};

	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
}

static char other_stack[1 << 20];

static void use_other_stack(bool on)
{
	stack_t stack = {
	    .ss_sp = other_stack, .ss_size = sizeof(other_stack), .ss_flags = on ? 0 : SS_DISABLE};

	assert_int_equal(sigaltstack(&stack, NULL), 0);
}

static const struct {
	const char *name;
	long (*function)(sample_inner *);
} shapes[] = {
#define X(name)                                             \
	{"plainly compiled " #name, sample_plainly_##name}, \
	    {"optimised " #name, sample_optimised_##name},
    SAMPLE_SHAPES(X)
#undef X
};
#define N_SHAPES (sizeof(shapes) / sizeof(*shapes))

static void every_shape_of_frame_is_walked_as_by_libunwind(void **state)
{
	unsigned expressions = 0, on_rbp = 0;

	(void)state;
	for (unsigned i = 0; i < N_SHAPES; i++) {
		begin();
		shapes[i].function(look);
		expect_same(shapes[i].name);
		expressions += seen.expressions;
		on_rbp += seen.on_rbp;
	}
	/* The samples are what they are meant to be. */
	assert_true(expressions > 0);
	assert_true(on_rbp > 0);
}

static void every_instruction_of_a_shape_can_be_interrupted(void **state)
{
	(void)state;
	handle_traps(0);
	for (unsigned i = 0; i < N_SHAPES; i++) {
		begin();
		trap_on();
		shapes[i].function(nothing);
		trap_off();
		expect_same(shapes[i].name);
		assert_true(seen.looks > 10);
		assert_true(seen.signal_frames >= seen.looks);
	}
}

static void handlers_on_a_stack_of_their_own_are_walked_out_of(void **state)
{
	(void)state;
	use_other_stack(true);
	handle_traps(SA_ONSTACK);
	begin();
	trap_on();
	sample_optimised_growing_aligned(nothing);
	trap_off();
	expect_same("stepped, on another stack");
	handle(SIGUSR1, on_outer_signal, SA_ONSTACK);
	handle(SIGUSR2, on_signal, SA_ONSTACK);
	begin();
	raise(SIGUSR1);
	expect_same("a handler in a handler");
	assert_int_equal(seen.looks, 2);
	assert_int_equal(seen.signal_frames, 3);
	use_other_stack(false);
}

static void calls_are_walked_out_of_while_they_are_bound(void **state)
{
	(void)state;
	begin();
	sample_resolving = look;
	assert_int_equal(sample_resolved(1), 2);
	sample_resolving = NULL;
	expect_same("a resolver");
	assert_int_equal(seen.looks, 1);

	handle_traps(0);
	begin();
	trap_on();
	sample_bound_late(1);
	trap_off();
	expect_same("stepped through the binding of a call");
	assert_true(seen.expressions > 0);
	assert_true(seen.looks > 100);
}

static void system_calls_without_the_kernel_are_walked_out_of(void **state)
{
	struct timespec now;

	(void)state;
	handle_traps(0);
	clock_gettime(CLOCK_MONOTONIC, &now); /* bound */
	begin();
	trap_on();
	clock_gettime(CLOCK_MONOTONIC, &now);
	trap_off();
	expect_same("stepped through clock_gettime");
}

static void *run_thread(void *argument)
{
	look();
	raise(SIGUSR1);
	return argument;
}

static void a_threads_walk_ends_where_it_began(void **state)
{
	pthread_t thread;

	(void)state;
	handle(SIGUSR1, on_signal, 0);
	begin();
	assert_int_equal(pthread_create(&thread, NULL, run_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	expect_same("a thread");
	assert_int_equal(seen.looks, 2);
}

/* Not stepped: the instruction that goes to a handler is described by nobody. */
static void frames_that_exceptions_pass_are_walked(void **state)
{
	static const struct {
		const char *name;
		void (*function)(sample_inner *);
	} samples[] = {
	    {"a destructor", sample_passing},
	    {"a handler", sample_catching},
	    {"a terminate handler", sample_terminating},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		begin();
		samples[i].function(look);
		expect_same(samples[i].name);
	}
}

static void there_is_no_row_where_there_is_no_code(void **state)
{
	struct cfi_row row;
	void *heap = malloc(64);

	(void)state;
	assert_false(cfi_find(0, &row));
	assert_false(cfi_find(UINT64_MAX, &row));
	assert_false(cfi_find((uint64_t)heap, &row));
	assert_false(cfi_find((uint64_t)&row, &row));
	assert_false(cfi_find((uint64_t)other_stack, &row));
	free(heap);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    /* First, so that its calls are not bound yet. */
	    cmocka_unit_test(calls_are_walked_out_of_while_they_are_bound),
	    cmocka_unit_test(every_shape_of_frame_is_walked_as_by_libunwind),
	    cmocka_unit_test(every_instruction_of_a_shape_can_be_interrupted),
	    cmocka_unit_test(handlers_on_a_stack_of_their_own_are_walked_out_of),
	    cmocka_unit_test(system_calls_without_the_kernel_are_walked_out_of),
	    cmocka_unit_test(a_threads_walk_ends_where_it_began),
	    cmocka_unit_test(frames_that_exceptions_pass_are_walked),
	    cmocka_unit_test(there_is_no_row_where_there_is_no_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
