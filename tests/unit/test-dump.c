/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps as people paste them: what is read of threads and frames, and what is passed over. */
#include "base/arena.h"
#include "inspect/dump.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY_MAX ((size_t)1 << 30)

typedef int reader(struct dw_dump *ret, struct dw_arena *arena, const char *text, size_t size);

static void write_frame(FILE *out, const struct dw_dump_frame *frame)
{
	fprintf(out, " %s", frame->function ? frame->function : "?");
	if (frame->args)
		fprintf(out, "(%s)", frame->args);
	if (frame->file)
		fprintf(out, "@%s:%u", frame->file, frame->line);
	if (frame->library)
		fprintf(out, "<%s>", frame->library);
}

static void write_thread(FILE *out, const struct dw_dump_thread *thread)
{
	if (thread->id)
		fprintf(out, "#%u", thread->id);
	if (thread->tid)
		fprintf(out, "(%u)", thread->tid);
	if (thread->name)
		fprintf(out, "\"%s\"", thread->name);
	for (uint32_t i = 0; i < thread->n_stacks; i++) {
		const struct dw_dump_stack *stack = &thread->stacks[i];

		fprintf(out, " %u:", stack->n_samples);
		for (uint32_t j = 0; j < stack->n_frames; j++)
			write_frame(out, &stack->frames[j]);
		fputs(stack->flags & DW_DUMP_CUT ? " cut" : "", out);
	}
	fputs("; ", out);
}

/* All that is read: `#ID(TID)"name" SAMPLES: innermost(args)@file:line<library> ...; ` */
static const char *read_by(reader *read, const char *text)
{
	static char out[16384];
	dw_auto(arena) arena = NULL;
	struct dw_dump dump;
	FILE *file = fmemopen(out, sizeof(out), "w");

	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	assert_int_equal(read(&dump, arena, text, strlen(text)), 0);
	for (uint32_t i = 0; i < dump.n_threads; i++)
		write_thread(file, &dump.threads[i]);
	for (uint32_t i = 0; i < dump.n_owners; i++)
		fprintf(file, "%s%#jx of %u; ", dump.owners[i].name ? dump.owners[i].name : "",
			(uintmax_t)dump.owners[i].address, dump.owners[i].tid);
	if (dump.program)
		fprintf(file, "program %s ", dump.program);
	if (dump.pid)
		fprintf(file, "pid %u ", dump.pid);
	if (dump.n_changed)
		fprintf(file, "changed %u ", dump.n_changed);
	if (dump.n_unnumbered)
		fprintf(file, "unnumbered %u ", dump.n_unnumbered);
	if (dump.n_lost)
		fprintf(file, "lost %ju ", (uintmax_t)dump.n_lost);
	fputc('\0', file);
	fclose(file);
	return out;
}

static const char *gdb(const char *text)
{
	return read_by(dw_dump_read_gdb, text);
}

static void frames_have_functions_arguments_and_places(void **state)
{
	(void)state;
	assert_string_equal(
	    gdb("Thread 3 (Thread 0x7f0b2a7fc700 (LWP 1236) \"CPU 0/KVM\"):\n"
		"#0  0x00007f0b3c1a4d5c in ?? () from /lib/libc.so.6\n"
		"#1  0x000055d0c2e1f0a9 in fb_lock (s=0x7ffff3013970) at ../hw/bcm2835_fb.c:56\n"
		"#2  bcm2835_fb_reconfigure () at ../hw/bcm2835_fb.c:303\n"
		"#3  <signal handler called>\n"
		"#4  0x0000000000000000 in ?? ()\n"),
	    "#3(1236)\"CPU 0/KVM\" 1: ?</lib/libc.so.6> fb_lock(s=0x7ffff3013970)@../hw/"
	    "bcm2835_fb.c:56 bcm2835_fb_reconfigure@../hw/bcm2835_fb.c:303 "
	    "<signal handler called> ?; ");
}

static void a_frame_goes_over_as_many_lines_as_it_takes(void **state)
{
	(void)state;
	assert_string_equal(gdb("> [Switching to thread 1 (Thread 0x7f (LWP 84))]\n"
				"> #0  futex_wait (private=0, futex_word=0x55\n"
				"> <qemu_global_mutex>) at\n"
				"> ../sysdeps/nptl/futex-internal.h:146\n"
				"> 146 in ../sysdeps/nptl/futex-internal.h\n"
				"> #1  0x00007ffff75d501b in\n"
				"> rutabaga_gfx::CrossDomainWorker::run () at\n"
				"> /usr/local/lib/librutabaga_gfx_ffi.so\n"),
			    "#1(84) 1: futex_wait(private=0, futex_word=0x55 <qemu_global_mutex>)"
			    "@../sysdeps/nptl/futex-internal.h:146 "
			    "rutabaga_gfx::CrossDomainWorker::run</usr/local/lib/"
			    "librutabaga_gfx_ffi.so>; ");
	assert_string_equal(gdb("#0  f\n    (a=1)\n    at f.c:3\n        local = 3\n#1 g ()\n\n"
				"at nothing.c:3\n"),
			    " 1: f(a=1)@f.c:3 g; unnumbered 1 ");
}

static void names_have_brackets_of_their_own(void **state)
{
	(void)state;
	assert_string_equal(
	    gdb("Thread 2 (LWP 7):\n"
		"#0  std::function<void (int)>::operator()(int) const (this=0x7f, n=40 '(') at "
		"a.cc:3\n"
		"#1  operator< (a=..., b=...) at a.cc:4\n"
		"#2  foo::(anonymous namespace)::bar(int) (s=0x1 \"a) (b\\\" x\", c='\\003') at "
		"b.cc:5\n"
		"#3  alloc::boxed::{impl#44}::call_once<(), dyn core::ops::FnOnce<(), Output=()>> "
		"(self=0x5, args=()) at boxed.rs:1940\n"
		"#4  call<fn(&'a str) -> (), (u8)> (f=0x1) at x.rs:1\n"),
	    "#2(7) 1: std::function<void (int)>::operator()(int) const(this=0x7f, n=40 '(')@a.cc:3 "
	    "operator<(a=..., b=...)@a.cc:4 foo::(anonymous namespace)::bar(int)(s=0x1 \"a) (b\\\" "
	    "x\", c='\\003')@b.cc:5 alloc::boxed::{impl#44}::call_once<(), dyn "
	    "core::ops::FnOnce<(), "
	    "Output=()>>(self=0x5, args=())@boxed.rs:1940 call<fn(&'a str) -> (), "
	    "(u8)>(f=0x1)@x.rs:"
	    "1; ");
}

static void what_a_full_terminal_adds_is_left_out(void **state)
{
	(void)state;
	assert_string_equal(gdb("Thread 2 (LWP 7):\n"
				"#0  f (a=1,\n"
				"--Type <RET> for more, q to quit, c to continue without paging--\n"
				"    b=2) at f.c:3\n"
				"#1  g (x=<optimi--Type <RET> for more, q to quit, c to continue "
				"without paging--q\n"
				"Quit\n"),
			    "#2(7) 1: f(a=1, b=2)@f.c:3 g cut; ");
}

static void a_stack_that_ends_early_is_said_to(void **state)
{
	(void)state;
	assert_string_equal(gdb("Thread 2 (LWP 7):\n#0  f ()\n(More stack frames follow...)\n"),
			    "#2(7) 1: f cut; ");
	assert_string_equal(gdb("Thread 2 (LWP 7):\n#0  f ()\n"
				"Backtrace stopped: previous frame inner to this frame (corrupt "
				"stack?)\n\nThread 1 (LWP 6):\n#0 g ()\n"),
			    "#2(7) 1: f cut; #1(6) 1: g; ");
}

static void a_list_of_threads_has_the_innermost_frames(void **state)
{
	(void)state;
	assert_string_equal(
	    gdb("### thread 1\n```\n#0  f ()\n#1  main ()\n```\n"
		"  Id   Target Id                               Frame \n"
		"* 1    Thread 0x7fc (LWP 23) \"qemu\"   f (private=0,\n"
		"    abstime=0x0) at ./nptl/f.c:57\n"
		"  2    Thread 0x7fd (LWP 24) \"gmain\" 0x00007f in __GI___poll (nfds=1) at "
		"poll.c:29\n"
		"  3    LWP 25 \"w\" (running)\n"
		"  4    Thread 0x7fe (LWP 26) read () from /lib/libc.so\n"),
	    "#1(23)\"qemu\" 1: f main; #2(24)\"gmain\" 1: __GI___poll(nfds=1)@poll.c:29 cut; "
	    "#3(25)\"w\"; #4(26) 1: read</lib/libc.so> cut; ");
}

static void a_thread_is_told_once_as_it_was_last(void **state)
{
	(void)state;
	assert_string_equal(
	    gdb("Thread 2 (LWP 7):\n#0  f ()\n#1  h ()\n\nThread 1 (LWP 6):\n#0  f ()\n"
		"[Switching to thread 1 (LWP 7)]\n#0  f ()\n(gdb) bt\n#0  f ()\n#1  h ()\n"
		"Thread 1 (LWP 6):\n#0  g ()\n"),
	    "#2(7) 1: f h; #1(6) 1: g; changed 1 ");
}

static void what_is_written_around_dumps_is_passed_over(void **state)
{
	(void)state;
	assert_string_equal(gdb("It hangs, see #12 and #1 (the old one):\n"
				"#1  not the first (x=1) at f.c:3\n"
				"Thread 2 is the worker (we think).\n"
				"## the crash\n```\n#0  f ()\n```\nand so on (a)\n#1 foo ()\n"),
			    " 1: f; unnumbered 1 ");
	assert_string_equal(gdb(""), "");
	assert_string_equal(gdb("#"), "");
	assert_string_equal(gdb("#0 "), "");
}

static void who_has_a_lock_may_have_been_printed(void **state)
{
	(void)state;
	assert_string_equal(
	    gdb("(gdb) p *(pthread_mutex_t*)0x5555\n"
		"$1 = {__data = {__lock = 2, __count = 0, __owner = 1236, __nusers = 1\n"
		"(gdb) p bql.lock\n"
		"$2 = {lock = {__data = {__lock = 2, __count = 0, __owner = 1235, ...\n"
		"$3 = {__owner = 7}\n(gdb) print x\n$4 = {__owner = 0}\n"
		"+p *(QemuMutex *)&new_lock\n$5 = {\n  __owner = 8\n}\n"),
	    "0x5555 of 1236; bql0 of 1235; new_lock0 of 8; ");
}

static void the_program_is_said_by_gdb(void **state)
{
	(void)state;
	assert_string_equal(gdb("Core was generated by `/usr/bin/qemu -M pc'.\n"
				"Attaching to process 4711\n"),
			    "program /usr/bin/qemu pid 4711 ");
}

static void lldb_is_read_too(void **state)
{
	(void)state;
	assert_string_equal(
	    read_by(
		dw_dump_read_lldb,
		"(lldb) bt all\n"
		"* thread #1, queue = 'com.apple.main-thread', stop reason = signal SIGSTOP\n"
		"  * frame #0: 0x01 libsystem_kernel.dylib`__psynch_mutexwait + 8\n"
		"    frame #1: 0x02 qemu`lock_impl(m=0x03, file=\"../x.c\") at posix.c:94:11 "
		"[opt]\n"
		"    frame #2: 0x03 qemu`bql_lock [inlined] at cpus.c:7:3\n"
		"    frame #3: 0x04 qemu`std::function<void (int)>::operator()(int) const + 12\n"
		"    frame #5: 0x04 qemu`skipped + 12\n"
		"  thread #7, name = 'CPU 3/HVF'\n"
		"    frame #0: 0x1 libsystem_kernel.dylib`poll + 8\n"),
	    "#1\"main\" 1: __psynch_mutexwait<libsystem_kernel.dylib> "
	    "lock_impl(m=0x03, file=\"../x.c\")@posix.c:94<qemu> bql_lock@cpus.c:7<qemu> "
	    "std::function<void (int)>::operator()(int)<qemu>; "
	    "#7\"CPU 3/HVF\" 1: poll<libsystem_kernel.dylib>; ");
}

static void samples_are_told_apart_by_stack(void **state)
{
	(void)state;
	assert_string_equal(
	    read_by(dw_dump_read_sample,
		    "Analysis of sampling qemu (pid 2415) every 1 millisecond\n"
		    "Call graph:\n"
		    "    100 Thread_1   DispatchQueue_1: com.apple.main-thread  (serial)\n"
		    "    + 100 main  (in qemu) + 40  [0x2]  main.c:48\n"
		    "    +   70 step  (in qemu) + 4  [0x3,0x4]\n"
		    "    +   ! 30 malloc  (in libsystem_malloc.dylib) + 4  [0x4]\n"
		    "    +   30 free  (in libsystem_malloc.dylib) + 4  [0x5]\n"
		    "    5 Thread_2: CPU 0/HVF\n"
		    "      5 ???  (in foo)  load address 0x106637000 + 0x3e80  [0x10663ae80]\n"
		    "        5 static Probe.isPrime(_:)  (in App) + 1,2  [0x1,0x2]\n"
		    "\n"
		    "Total number in stack (recursive counted multiple, when >=5):\n"
		    "        5 x\n"),
	    "(1)\"main\" 40: step<qemu> main@main.c:48<qemu> "
	    "30: malloc<libsystem_malloc.dylib> step<qemu> main@main.c:48<qemu> "
	    "30: free<libsystem_malloc.dylib> main@main.c:48<qemu>; "
	    "(2)\"CPU 0/HVF\" 5: static Probe.isPrime(_:)<App> ?<foo>; "
	    "program qemu pid 2415 ");
}

static void samples_that_do_not_add_up_are_taken_as_they_are(void **state)
{
	(void)state;
	assert_string_equal(
	    read_by(dw_dump_read_sample,
		    "Call graph:\n  3 Thread_1\n  + 3 f  (in a)\n  +   5 g  (in a)\n"
		    "  + 18446744073709551616 h  (in a)\n"),
	    "(1) 5: g<a> f<a>; ");
}

/* Return: a text of @n times @line, to be freed. */
static char *repeated(const char *head, const char *format, unsigned n)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(head, out);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, format, i, i);
	fclose(out);
	return text;
}

static void what_is_beyond_the_limits_is_counted(void **state)
{
	dw_auto(arena) arena = NULL;
	struct dw_dump dump;
	char *text = repeated("Thread 1 (LWP 1):\n", "#%u f ()\n", DW_DUMP_FRAMES_MAX + 3);

	(void)state;
	assert_int_equal(dw_arena_new(&arena, MEMORY_MAX), 0);
	assert_int_equal(dw_dump_read_gdb(&dump, arena, text, strlen(text)), 0);
	assert_int_equal(dump.threads[0].stacks[0].n_frames, DW_DUMP_FRAMES_MAX);
	assert_int_equal(dump.threads[0].stacks[0].flags, DW_DUMP_CUT);
	assert_true(dump.n_lost > 0);
	free(text);
	text = repeated("", "Thread 1 (LWP 1%u):\n#0 f (x=%u)\n", DW_DUMP_THREADS_MAX + 2);
	assert_int_equal(dw_dump_read_gdb(&dump, arena, text, strlen(text)), 0);
	assert_int_equal(dump.n_threads, DW_DUMP_THREADS_MAX);
	assert_int_equal(dump.n_lost, 4); /* two threads, and a stack of each */
	free(text);
}

static void a_dump_too_large_for_memory_is_refused(void **state)
{
	dw_auto(arena) arena = NULL;
	struct dw_dump dump;
	char *text = repeated("", "Thread 1 (LWP 1%u):\n#0 f (x=%u)\n", 8000);

	(void)state;
	assert_int_equal(dw_arena_new(&arena, 128 << 10), 0);
	assert_int_equal(dw_dump_read_gdb(&dump, arena, text, strlen(text)), -ENOMEM);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_have_functions_arguments_and_places),
	    cmocka_unit_test(a_frame_goes_over_as_many_lines_as_it_takes),
	    cmocka_unit_test(names_have_brackets_of_their_own),
	    cmocka_unit_test(what_a_full_terminal_adds_is_left_out),
	    cmocka_unit_test(a_stack_that_ends_early_is_said_to),
	    cmocka_unit_test(a_list_of_threads_has_the_innermost_frames),
	    cmocka_unit_test(a_thread_is_told_once_as_it_was_last),
	    cmocka_unit_test(what_is_written_around_dumps_is_passed_over),
	    cmocka_unit_test(who_has_a_lock_may_have_been_printed),
	    cmocka_unit_test(the_program_is_said_by_gdb),
	    cmocka_unit_test(lldb_is_read_too),
	    cmocka_unit_test(samples_are_told_apart_by_stack),
	    cmocka_unit_test(samples_that_do_not_add_up_are_taken_as_they_are),
	    cmocka_unit_test(what_is_beyond_the_limits_is_counted),
	    cmocka_unit_test(a_dump_too_large_for_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
