/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What threads wait for, told by functions, arguments and memory. */
#include "inspect/meaning.h"

#include <linux/futex.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define MEMORY UINT64_C(0x1000)

static uint32_t memory[64];

static bool read_memory(void *context, uint64_t address, void *ret, size_t n)
{
	(void)context;
	if (address < MEMORY || address - MEMORY > sizeof(memory) ||
	    n > sizeof(memory) - (address - MEMORY))
		return false;
	memcpy(ret, (uint8_t *)memory + (address - MEMORY), n);
	return true;
}

static struct dw_frame wrapper(const char *function)
{
	return (struct dw_frame){
	    .function = function, .module = "libc.so.6", .flags = DW_FRAME_WRAPPER};
}

/* A thread in futex(@word, @operation, @value), called by @function. */
static struct dw_meaning in_futex(const char *function, uint64_t word, int operation,
				  uint32_t value)
{
	const struct dw_frame frames[] = {wrapper(function), {.function = "work"}};
	const uint64_t arguments[6] = {word, (uint64_t)operation, value};
	const struct dw_asleep asleep = {.frames = frames,
					 .n_frames = 2,
					 .call = SYS_futex,
					 .arguments = arguments,
					 .sp = MEMORY + 128,
					 .read = read_memory};

	return dw_meaning_tell(&asleep);
}

static struct dw_meaning in_call(long call, const char *function, const uint64_t *arguments)
{
	const struct dw_frame frames[] = {wrapper(function), {.function = "work"}};
	const struct dw_asleep asleep = {
	    .frames = frames, .n_frames = 2, .call = call, .arguments = arguments};

	return dw_meaning_tell(&asleep);
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	return 0;
}

static void a_mutex_is_where_its_word_is(void **state)
{
	struct dw_meaning m =
	    in_futex("___pthread_mutex_lock", MEMORY, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2);

	(void)state;
	assert_int_equal(m.kind, DW_MUTEX);
	assert_int_equal(m.address, MEMORY);
	assert_int_equal(m.owner, DW_OWNER_GLIBC_MUTEX);
	assert_int_equal(m.site, 1);
}

static void a_rwlock_is_before_either_of_its_words(void **state)
{
	struct dw_meaning reader =
	    in_futex("pthread_rwlock_rdlock", MEMORY + 8, FUTEX_WAIT_BITSET, 3);
	struct dw_meaning writer =
	    in_futex("pthread_rwlock_wrlock", MEMORY + 12, FUTEX_WAIT_BITSET, 3);

	(void)state;
	assert_int_equal(reader.address, MEMORY);
	assert_int_equal(writer.address, MEMORY);
	assert_int_equal(reader.how, DW_SHARED);
	assert_int_equal(writer.how, 0);
}

static void the_mutex_of_a_condition_is_on_the_stack(void **state)
{
	uint64_t pair[2] = {MEMORY, 0x7000};
	struct dw_meaning m;

	(void)state;
	memcpy((uint8_t *)memory + 160, pair, sizeof(pair));
	m = in_futex("pthread_cond_wait", MEMORY + 40, FUTEX_WAIT_BITSET, 0);
	assert_int_equal(m.kind, DW_CONDITION);
	assert_int_equal(m.address, MEMORY);
	assert_int_equal(m.mutex, 0x7000);
}

static void who_takes_the_mutex_again_waits_for_that(void **state)
{
	struct dw_meaning m =
	    in_futex("pthread_cond_wait", MEMORY, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2);

	(void)state;
	assert_int_equal(m.kind, DW_MUTEX);
	assert_int_equal(m.how, DW_RETAKEN);
	assert_true(m.retakes);
}

static void a_join_names_the_thread(void **state)
{
	struct dw_meaning m = in_futex("__pthread_clockjoin_ex", MEMORY, FUTEX_WAIT_BITSET, 4711);

	(void)state;
	assert_int_equal(m.kind, DW_ENDING);
	assert_int_equal(m.tid, 4711);
}

static void an_event_with_the_highest_bit_is_no_mutex(void **state)
{
	const uint32_t busy = UINT32_MAX; /* EV_BUSY of QEMU's events */
	struct dw_meaning m;

	(void)state;
	memory[0] = 1;
	memory[1] = busy;
	m = in_futex("syscall", MEMORY + 4, FUTEX_WAIT, busy);
	assert_int_equal(m.kind, DW_FUTEX);
	assert_int_equal(m.address, MEMORY + 4);
}

static void a_writer_of_rust_waits_behind_the_lock(void **state)
{
	struct dw_meaning m =
	    in_futex("std::sys::unix::locks::futex_rwlock::RwLock::write_contended", MEMORY + 4,
		     FUTEX_WAIT_BITSET, 1);

	(void)state;
	assert_int_equal(m.kind, DW_LOCK_WORD);
	assert_int_equal(m.address, MEMORY);
}

static void an_open_mutex_has_no_owner(void **state)
{
	const struct dw_asleep reader = {.read = read_memory};

	(void)state;
	memory[2] = 4711;
	assert_int_equal(dw_meaning_owner(&reader, DW_OWNER_GLIBC_MUTEX, MEMORY), 0);
	memory[0] = 2;
	assert_int_equal(dw_meaning_owner(&reader, DW_OWNER_GLIBC_MUTEX, MEMORY), 4711);
	assert_int_equal(dw_meaning_owner(&reader, DW_OWNER_GLIBC_MUTEX, MEMORY - 8), 0);
}

static void who_runs_a_guest_idles(void **state)
{
	struct dw_meaning m = in_call(SYS_ioctl, "ioctl", (uint64_t[6]){5, KVM_RUN});

	(void)state;
	assert_int_equal(m.address, dw_thing_address(DW_CALL, DW_CALL_KVM_RUN));
	assert_true(m.idles);
}

static void a_poll_of_nothing_is_a_sleep(void **state)
{
	(void)state;
	assert_true(in_call(SYS_ppoll, "ppoll", (uint64_t[6]){0, 0, 1}).sleeps);
	assert_false(in_call(SYS_ppoll, "ppoll", (uint64_t[6]){MEMORY, 1, 1}).sleeps);
}

static void who_is_in_no_call_waits_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_call(-1, "___pthread_mutex_lock", (uint64_t[6]){0}).kind, 0);
}

static void a_text_tells_the_kind_alone(void **state)
{
	struct dw_meaning m = in_call(-1, "___pthread_mutex_lock", NULL);

	(void)state;
	assert_int_equal(m.kind, DW_MUTEX);
	assert_int_equal(m.address, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_mutex_is_where_its_word_is, setup),
	    cmocka_unit_test_setup(a_rwlock_is_before_either_of_its_words, setup),
	    cmocka_unit_test_setup(the_mutex_of_a_condition_is_on_the_stack, setup),
	    cmocka_unit_test_setup(who_takes_the_mutex_again_waits_for_that, setup),
	    cmocka_unit_test_setup(a_join_names_the_thread, setup),
	    cmocka_unit_test_setup(an_event_with_the_highest_bit_is_no_mutex, setup),
	    cmocka_unit_test_setup(a_writer_of_rust_waits_behind_the_lock, setup),
	    cmocka_unit_test_setup(an_open_mutex_has_no_owner, setup),
	    cmocka_unit_test_setup(who_runs_a_guest_idles, setup),
	    cmocka_unit_test_setup(a_poll_of_nothing_is_a_sleep, setup),
	    cmocka_unit_test_setup(who_is_in_no_call_waits_for_nothing, setup),
	    cmocka_unit_test_setup(a_text_tells_the_kind_alone, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
