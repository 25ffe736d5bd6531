/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample-facts.h"

#include "symbol/names.h"
#include "symbol/wrapper.h"

#define START UINT64_C(0x7f1200000000)

static struct dw_names *names_of_sample(void)
{
	struct dw_names *names = NULL;

	assert_int_equal(dw_names_new(&names, &sample.facts), 0);
	return names;
}

static void expect_thing(const char *name)
{
	dw_auto(names) names = names_of_sample();

	assert_string_equal(dw_names_thing(names, sample.facts.n_things - 1), name);
}

static void a_lock_that_the_hook_named_is_the_bql(void **state)
{
	(void)state;
	sample_begin(START);
	sample_thing("new_lock", 0, DW_THING_BQL);
	expect_thing("BQL");
}

static void a_lock_that_is_a_variable_has_its_name(void **state)
{
	(void)state;
	sample_begin(START);
	sample_thing("fenceq_lock", sample_stack("aio_context_new"), 0);
	expect_thing("fenceq_lock");
}

static void a_lock_within_a_variable_says_how_far(void **state)
{
	(void)state;
	sample_begin(START);
	sample_thing("fenceq_lock", 0, 0);
	sample.things[1].place += 8;
	expect_thing("fenceq_lock+0x8");
}

static void a_lock_of_the_heap_is_named_by_its_birth(void **state)
{
	(void)state;
	sample_begin(START);
	sample_thing(NULL, sample_stack("qemu_mutex_init aio_context_new main_of_sample"), 0);
	sample_chain(1, 0, 1, sample_stack("fb_lock"), 0, 0);
	expect_thing("mutex of aio_context_new, util/async.c:130");
}

static void a_lock_without_a_birth_is_named_by_its_first_taking(void **state)
{
	(void)state;
	sample_begin(START);
	sample_thing(NULL, 0, 0);
	sample_chain(1, 0, 1, sample_stack("main_loop_wait"), 0, DW_REMAINS);
	sample_chain(1, 0, 1, sample_stack("qemu_mutex_lock_impl fb_lock"), 0, 0);
	sample_chain(1, 0, 1, sample_stack("main_loop_wait"), 0, 0);
	expect_thing("mutex first taken in fb_lock, hw/display/bcm2835_fb.c:150");
}

static void a_first_taking_with_a_hint_names_better_than_a_bare_birth(void **state)
{
	uint32_t birth, taking;

	(void)state;
	sample_begin(START);
	birth = sample_stack("aio_context_new");
	taking = sample_stack("fb_lock");
	sample.modules[1].path = "/nonexistent/stripped";
	sample.frames[birth][0] = sample.frames[taking][0] = UINT64_C(1) << 48 | 0x1235;
	sample_thing(NULL, birth, 0);
	expect_thing("mutex of stripped+0x1234");
	sample_chain(1, 0, 1, taking, sample_hint(".././util/x.c", 7), 0);
	expect_thing("mutex first taken in util/x.c:7");
}

static void a_lock_of_which_nothing_is_known_is_no_address(void **state)
{
	(void)state;
	sample_begin(START);
	sample_thing(NULL, 0, 0);
	sample.things[1].kind = DW_RWLOCK;
	expect_thing("rwlock");
}

static void equal_names_are_numbered_in_the_order_of_telling(void **state)
{
	dw_auto(names) names = NULL;
	uint32_t birth;

	(void)state;
	sample_begin(START);
	birth = sample_stack("aio_context_new");
	sample_thing(NULL, birth, 0);
	sample_thing("new_lock", 0, 0);
	sample_thing(NULL, birth, 0);
	sample_thing(NULL, birth, 0);
	/* Addresses say nothing about the order. */
	sample.things[1].address = UINT64_MAX;
	names = names_of_sample();
	assert_string_equal(dw_names_thing(names, 4),
			    "mutex of aio_context_new, util/async.c:130 #3");
	assert_string_equal(dw_names_thing(names, 3),
			    "mutex of aio_context_new, util/async.c:130 #2");
	assert_string_equal(dw_names_thing(names, 1), "mutex of aio_context_new, util/async.c:130");
	assert_string_equal(dw_names_thing(names, 2), "new_lock");
	assert_string_equal(dw_names_thing_plain(names, 4), "mutex of aio_context_new");
}

static void a_hint_is_about_the_first_frame_that_is_no_wrapper(void **state)
{
	dw_auto(names) names = NULL;
	const struct dw_named_stack *stack;
	uint32_t number, hint;

	(void)state;
	sample_begin(START);
	number = sample_stack("qemu_mutex_lock_impl fb_lock main_loop_wait qemu_thread_start");
	hint = sample_hint("../../hw/display/other.c", 77);
	names = names_of_sample();
	stack = dw_names_stack(names, number, hint);
	assert_int_equal(stack->n_frames, 4);
	assert_int_equal(stack->site, 1);
	assert_int_equal(stack->frames[0].flags, DW_FRAME_WRAPPER);
	assert_int_equal(stack->frames[0].line, 92);
	assert_string_equal(stack->frames[1].function, "fb_lock");
	assert_string_equal(stack->frames[1].file, "hw/display/other.c");
	assert_int_equal(stack->frames[1].line, 77);
	assert_int_equal(stack->frames[2].flags, 0);
	assert_int_equal(stack->frames[3].flags, DW_FRAME_RUNTIME);
	/* Without the hint, the same stack has the debug information's line. */
	stack = dw_names_stack(names, number, 0);
	assert_int_equal(stack->frames[1].line, 150);
	assert_string_equal(stack->frames[1].module, "sample-qemu.so");
}

static void a_hint_of_a_wrapper_says_nothing(void **state)
{
	dw_auto(names) names = NULL;
	const struct dw_named_stack *stack;
	uint32_t number, hint;

	(void)state;
	sample_begin(START);
	number = sample_stack("qemu_mutex_lock_impl fb_lock");
	hint = sample_hint("./include/qemu/thread.h", 118);
	names = names_of_sample();
	stack = dw_names_stack(names, number, hint);
	assert_string_equal(stack->frames[1].file, "hw/display/bcm2835_fb.c");
	assert_int_equal(stack->frames[1].line, 150);
}

static void a_stack_of_wrappers_alone_has_no_site(void **state)
{
	dw_auto(names) names = NULL;
	const struct dw_named_stack *stack;
	uint32_t number, hint;

	(void)state;
	sample_begin(START);
	number = sample_stack("qemu_mutex_lock_impl");
	hint = sample_hint("x.c", 1);
	names = names_of_sample();
	stack = dw_names_stack(names, number, hint);
	assert_int_equal(stack->n_frames, 1);
	assert_int_equal(stack->site, 1);
	assert_int_equal(dw_names_stack(names, 0, 0)->n_frames, 0);
}

static void the_c_library_is_a_site_only_where_there_is_no_other(void **state)
{
	dw_auto(names) names = NULL;
	const struct dw_named_stack *stack;
	uint32_t both, alone;

	(void)state;
	sample_begin(START);
	sample.modules[2].path = "/nonexistent/libc.so.6";
	both = sample_stack("fb_lock qemu_mutex_lock_impl main_loop_wait qemu_thread_start");
	sample_in_library(both, 1);
	alone = sample_stack("qemu_mutex_lock_impl fb_lock main_loop_wait");
	sample_in_library(alone, 3);
	/* At the outer end, what has no name in there starts a thread. */
	sample.frames[alone][2] = sample.frames[both][2];
	names = names_of_sample();
	stack = dw_names_stack(names, both, 0);
	assert_int_equal(stack->site, 2);
	assert_int_equal(stack->frames[0].flags, DW_FRAME_WRAPPER);
	stack = dw_names_stack(names, alone, 0);
	assert_int_equal(stack->site, 2);
	sample.stacks[alone].n_frames = 1;
	dw_names_free(names);
	names = names_of_sample();
	assert_int_equal(dw_names_stack(names, alone, 0)->site, 1);
	assert_null(dw_names_own_frame(names, alone, 0));
}

static void places_outside_of_files_have_no_names(void **state)
{
	dw_auto(names) names = NULL;
	const struct dw_named_stack *stack;
	uint32_t number;

	(void)state;
	sample_begin(START);
	number = sample_stack("fb_lock fb_lock");
	sample.frames[number][0] = 0x7f0000001234;             /* module 0: generated code */
	sample.frames[number][1] = UINT64_C(999) << 48 | 0x10; /* a module that is not there */
	names = names_of_sample();
	stack = dw_names_stack(names, number, 0);
	assert_int_equal(stack->n_frames, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_null(stack->frames[i].function);
		assert_null(stack->frames[i].module);
		assert_int_equal(stack->frames[i].address, 0);
	}
}

static void a_thread_is_called_by_name_start_or_number(void **state)
{
	dw_auto(names) names = NULL;

	(void)state;
	sample_begin(START);
	sample_thread("CPU 0/KVM", "kvm_vcpu_thread_fn", 0);
	sample_thread(NULL, "cross_domain_worker", 0);
	sample_thread(NULL, NULL, DW_THREAD_MAIN);
	sample_thread(NULL, NULL, DW_THREAD_FOREIGN);
	names = names_of_sample();
	assert_string_equal(dw_names_thread(names, 1), "CPU 0/KVM");
	assert_string_equal(dw_names_thread_start(names, 1), "kvm_vcpu_thread_fn");
	assert_string_equal(dw_names_thread(names, 2), "cross_domain_worker");
	assert_string_equal(dw_names_thread(names, 3), "main");
	assert_string_equal(dw_names_thread(names, 4), "thread 4");
	assert_null(dw_names_thread_start(names, 4));
}

static void a_frame_that_is_no_place_is_left_out(void **state)
{
	dw_auto(names) names = NULL;
	const struct dw_named_stack *stack;
	uint32_t number;

	(void)state;
	sample_begin(START);
	number = sample_stack("fb_lock main_loop_wait");
	sample.frames[number][0] = 0;
	names = names_of_sample();
	stack = dw_names_stack(names, number, 0);
	assert_int_equal(stack->n_frames, 1);
	assert_string_equal(stack->frames[0].function, "main_loop_wait");
}

static uint32_t add_call(const char *stack)
{
	uint32_t call = sample_other(DW_CALL, 11);

	return sample_chain(1, 0, call, sample_stack(stack), 0, DW_WAITS);
}

static void a_call_is_named_by_the_function_that_makes_it(void **state)
{
	dw_auto(names) names = NULL;
	uint32_t chain;

	(void)state;
	sample_begin(START);
	sample.facts.program = SAMPLE_QEMU;
	chain = add_call("qemu_poll_ns virtio_notify main_loop_wait");
	names = names_of_sample();
	assert_string_equal(dw_names_taken(names, chain), "recvmsg in virtio_notify");
	assert_string_equal(dw_names_taken_plain(names, chain), "recvmsg in virtio_notify");
	assert_string_equal(dw_names_thing(names, 1), "recvmsg");
	assert_false(dw_names_thing_is_own(names, 1));
	assert_false(dw_names_thing_is_lock(names, 1));
}

static void a_call_within_a_library_is_the_librarys(void **state)
{
	dw_auto(names) names = NULL;
	uint32_t chain;

	(void)state;
	sample_begin(START);
	sample.facts.program = SAMPLE_QEMU;
	chain = add_call("qemu_poll_ns msix_notify CFRelease main_loop_wait");
	sample_in_library(sample.chains[chain].stack, 3);
	names = names_of_sample();
	assert_string_equal(dw_names_taken(names, chain), "CFRelease");
}

static void a_call_that_was_given_a_name_has_that(void **state)
{
	dw_auto(names) names = NULL;
	uint32_t chain;

	(void)state;
	sample_begin(START);
	chain = add_call("msix_notify");
	sample.things[1].name = "the GPU";
	names = names_of_sample();
	assert_string_equal(dw_names_taken(names, chain), "the GPU");
	assert_true(dw_names_thing_is_own(names, 1));
}

static void a_call_of_a_later_version_is_a_call(void **state)
{
	(void)state;
	sample_begin(START);
	sample_other(DW_CALL, 200);
	expect_thing("call");
}

static void a_threads_end_and_answer_are_the_threads(void **state)
{
	dw_auto(names) names = NULL;

	(void)state;
	sample_begin(START);
	sample_thread("COLO incoming", NULL, 0);
	sample_thread("vcpu0", NULL, 0);
	sample_thread(NULL, NULL, 0);
	sample_other(DW_ENDING, 1);
	sample_other(DW_ANSWER, 2);
	sample_other(DW_ENDING, 3);
	names = names_of_sample();
	assert_string_equal(dw_names_thing(names, 1), "end of COLO incoming");
	assert_string_equal(dw_names_thing(names, 2), "vcpu0's acknowledgement");
	assert_string_equal(dw_names_thing(names, 3), "end of thread 3");
	assert_string_equal(dw_names_thing_plain(names, 3), "end of a thread");
	assert_true(dw_names_thing_is_own(names, 1));
}

/* A semaphore, waited for in @n_library functions of a library, called by the program. */
static void add_semaphore(uint32_t n_library, const char *variable)
{
	uint32_t stack;

	sample_begin(START);
	sample.facts.program = SAMPLE_QEMU;
	sample_other(DW_SEMAPHORE, 0);
	if (variable)
		sample.things[1].place = sample_place(variable);
	stack = sample_stack("qemu_sem_wait msix_notify CFRelease main_loop_wait");
	sample_in_library(stack, n_library);
	sample_chain(1, 0, 1, stack, 0, DW_WAITS);
}

static void a_semaphore_of_a_library_is_the_call_that_waits_for_it(void **state)
{
	(void)state;
	add_semaphore(3, NULL);
	expect_thing("CFRelease");
	/* Whatever it is called in there. */
	add_semaphore(3, "fenceq_lock");
	sample.things[1].place += UINT64_C(1) << 48;
	expect_thing("CFRelease");
}

static void a_call_and_what_it_waits_for_inside_have_one_name(void **state)
{
	dw_auto(names) names = NULL;

	(void)state;
	add_semaphore(3, NULL);
	sample_other(DW_CALL, DW_CALL_NAMED);
	sample.things[2].name = "CFRelease";
	names = names_of_sample();
	assert_string_equal(dw_names_thing(names, 1), "CFRelease");
	assert_string_equal(dw_names_thing(names, 2), "CFRelease");
}

static void a_semaphore_of_the_program_is_its_variable(void **state)
{
	(void)state;
	add_semaphore(0, "fenceq_lock");
	expect_thing("fenceq_lock");
	add_semaphore(3, "fenceq_lock");
	expect_thing("fenceq_lock");
}

static void a_semaphore_without_a_variable_is_named_as_locks_are(void **state)
{
	(void)state;
	add_semaphore(0, NULL);
	expect_thing("semaphore waited for in msix_notify, hw/pci/msix.c:540");
}

static void a_semaphore_that_is_only_given_is_named_by_that(void **state)
{
	(void)state;
	sample_begin(START);
	sample_other(DW_SEMAPHORE, 0);
	sample_post(1, 1, "qemu_sem_post do_run_on_cpu", 0);
	expect_thing("semaphore given in do_run_on_cpu, softmmu/cpus-common.c:151");
}

static void a_post_is_where_the_program_made_it(void **state)
{
	dw_auto(names) names = NULL;
	uint32_t post, library, unknown;

	(void)state;
	sample_begin(START);
	sample.facts.program = SAMPLE_QEMU;
	sample_other(DW_SEMAPHORE, 0);
	post = sample_post(1, 1, "qemu_sem_post MTLSharedEventSignal fence_poll", 0);
	sample_in_library(sample.posts[post].stack, 2);
	library = sample_post(1, 1, "qemu_sem_post MTLSharedEventSignal cross_domain_worker", 0);
	sample_in_library(sample.posts[library].stack, 3);
	unknown = sample_post(1, 1, "qemu_sem_post", 0);
	names = names_of_sample();
	assert_string_equal(dw_names_frame(names, dw_names_post(names, post)), "fence_poll");
	assert_string_equal(dw_names_frame(names, dw_names_post(names, library)),
			    "MTLSharedEventSignal");
	assert_null(dw_names_post(names, unknown));
	assert_null(dw_names_post(names, 999));
}

/* The sample says where it called pthread_mutex_lock() from. */
static dw_place place_of_cxx_lock(void)
{
	FILE *out = popen(SAMPLE_CXX, "r");
	unsigned long offset = 0;

	assert_non_null(out);
	assert_int_equal(fscanf(out, "locked %lx", &offset), 1);
	pclose(out);
	return UINT64_C(1) << 48 | offset;
}

static void wrappers_of_libstdcxx_are_skipped_where_they_are_inlined(void **state)
{
	dw_auto(names) names = NULL;
	const struct dw_named_stack *stack;
	uint32_t number;

	(void)state;
	sample_begin(START);
	number = sample_stack("fb_lock");
	sample.modules[1].path = SAMPLE_CXX;
	sample.frames[number][0] = place_of_cxx_lock();
	names = names_of_sample();
	stack = dw_names_stack(names, number, 0);
	assert_true(stack->site >= 1 && stack->site < stack->n_frames);
	assert_string_equal(stack->frames[stack->site].function, "fence::Queue::poll");
	assert_true(stack->frames[0].flags & DW_FRAME_WRAPPER);
	assert_true(stack->frames[0].flags & DW_FRAME_INLINED);
}

static void wrappers_and_entries_are_told_by_name_or_module(void **state)
{
	(void)state;
	assert_true(dw_wrapper_is_lock("pthread_rwlock_wrlock", "libc.so.6"));
	assert_true(dw_wrapper_is_lock("std::unique_lock<std::mutex>::lock", NULL));
	assert_true(dw_wrapper_is_lock(NULL, "libdeadwatch.so"));
	assert_true(dw_wrapper_is_lock("qsp_mutex_lock", "qemu-system-x86_64"));
	assert_false(dw_wrapper_is_lock("aio_context_acquire", "qemu-system-x86_64"));
	assert_false(dw_wrapper_is_lock("qemu_mutex_lock_implausible", NULL));
	assert_true(dw_wrapper_is_lock("sem_wait", "program"));
	assert_true(
	    dw_wrapper_is_word_lock("std::sys::unix::locks::futex_mutex::Mutex::lock_contended"));
	assert_true(
	    dw_wrapper_is_word_lock("<std::sys::sync::rwlock::futex::RwLock>::read_contended"));
	assert_true(
	    dw_wrapper_is_word_lock("parking_lot::raw_rwlock::RawRwLock::lock_shared_slow"));
	assert_false(
	    dw_wrapper_is_word_lock("std::sys::unix::locks::futex_condvar::Condvar::wait"));
	assert_false(dw_wrapper_is_word_lock("std::sys::Mutex::lock_contended"));
	assert_false(dw_wrapper_is_word_lock(NULL));
	assert_true(dw_wrapper_is_word_wait("std::sys::pal::unix::futex::futex_wait"));
	assert_false(dw_wrapper_is_word_wait("std::thread::park"));
	assert_true(dw_wrapper_is_system("libc.so.6"));
	assert_true(dw_wrapper_is_system("ld-linux-x86-64.so.2"));
	assert_false(dw_wrapper_is_system("libcoreaudio.so"));
	assert_false(dw_wrapper_is_system(NULL));
	assert_true(
	    dw_wrapper_is_lock("std::sys::unix::locks::futex::Mutex::lock_contended", "vmm"));
	assert_true(dw_wrapper_is_lock("<lock_api::mutex::MutexGuard<R,T>>::lock", "vmm"));
	assert_false(dw_wrapper_is_lock("aio_poll", "qemu-system-x86_64"));
	assert_false(dw_wrapper_is_lock("poll_fds", NULL));
	assert_false(dw_wrapper_is_lock(NULL, NULL));
	assert_true(dw_wrapper_is_entry("start_thread", "libc.so.6"));
	assert_true(dw_wrapper_is_entry("__GI___nptl_deallocate_tsd", "libc.so.6"));
	assert_true(dw_wrapper_is_entry(NULL, "libc.so.6"));
	assert_true(dw_wrapper_is_entry("anything", "libdeadwatch.so"));
	assert_true(dw_wrapper_is_entry(NULL, "libstdc++.so.6"));
	assert_true(
	    dw_wrapper_is_entry("std::sys::unix::thread::Thread::new::thread_start", "vmm"));
	assert_false(dw_wrapper_is_entry("qsort", "libc.so.6"));
	assert_false(dw_wrapper_is_entry(NULL, "libvirglrenderer.so.1"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lock_that_the_hook_named_is_the_bql),
	    cmocka_unit_test(a_lock_that_is_a_variable_has_its_name),
	    cmocka_unit_test(a_lock_within_a_variable_says_how_far),
	    cmocka_unit_test(a_lock_of_the_heap_is_named_by_its_birth),
	    cmocka_unit_test(a_lock_without_a_birth_is_named_by_its_first_taking),
	    cmocka_unit_test(a_first_taking_with_a_hint_names_better_than_a_bare_birth),
	    cmocka_unit_test(a_lock_of_which_nothing_is_known_is_no_address),
	    cmocka_unit_test(equal_names_are_numbered_in_the_order_of_telling),
	    cmocka_unit_test(a_hint_is_about_the_first_frame_that_is_no_wrapper),
	    cmocka_unit_test(a_hint_of_a_wrapper_says_nothing),
	    cmocka_unit_test(a_stack_of_wrappers_alone_has_no_site),
	    cmocka_unit_test(the_c_library_is_a_site_only_where_there_is_no_other),
	    cmocka_unit_test(places_outside_of_files_have_no_names),
	    cmocka_unit_test(a_frame_that_is_no_place_is_left_out),
	    cmocka_unit_test(a_thread_is_called_by_name_start_or_number),
	    cmocka_unit_test(a_call_is_named_by_the_function_that_makes_it),
	    cmocka_unit_test(a_call_within_a_library_is_the_librarys),
	    cmocka_unit_test(a_call_that_was_given_a_name_has_that),
	    cmocka_unit_test(a_call_of_a_later_version_is_a_call),
	    cmocka_unit_test(a_threads_end_and_answer_are_the_threads),
	    cmocka_unit_test(a_semaphore_of_a_library_is_the_call_that_waits_for_it),
	    cmocka_unit_test(a_call_and_what_it_waits_for_inside_have_one_name),
	    cmocka_unit_test(a_semaphore_of_the_program_is_its_variable),
	    cmocka_unit_test(a_semaphore_without_a_variable_is_named_as_locks_are),
	    cmocka_unit_test(a_semaphore_that_is_only_given_is_named_by_that),
	    cmocka_unit_test(a_post_is_where_the_program_made_it),
	    cmocka_unit_test(wrappers_of_libstdcxx_are_skipped_where_they_are_inlined),
	    cmocka_unit_test(wrappers_and_entries_are_told_by_name_or_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
