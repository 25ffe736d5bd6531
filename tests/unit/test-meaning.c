/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What threads wait for, told by functions, arguments and memory. */
#include "inspect/meaning.h"
#include "symbol/wrapper.h"

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

/* A thread in a futex, in the last of @functions, which are no library's. */
static struct dw_meaning in_program(const char *const *functions)
{
	struct dw_frame frames[6] = {{0}};
	const uint64_t arguments[6] = {MEMORY, FUTEX_WAIT_BITSET};
	struct dw_asleep asleep = {.frames = frames, .call = SYS_futex, .arguments = arguments};

	for (; functions[asleep.n_frames] && asleep.n_frames < 5; asleep.n_frames++)
		frames[asleep.n_frames].function = functions[asleep.n_frames];
	frames[asleep.n_frames++].function = "work";
	for (uint32_t i = 0; i < asleep.n_frames && dw_wrapper_is_lock(frames[i].function, NULL);
	     i++)
		frames[i].flags = DW_FRAME_WRAPPER;
	return dw_meaning_tell(&asleep);
}

/* The function at which a thread waits that is in @functions, called by work(). */
static const char *site_of(const char *const *functions, uint32_t site)
{
	for (uint32_t i = 0; i <= site; i++)
		if (!functions[i])
			return "work";
	return functions[site];
}

static struct dw_meaning in_musl_condition(uint64_t word)
{
	const struct dw_frame frames[] = {
	    {.function = "__timedwait_cp", .flags = DW_FRAME_WRAPPER},
	    {.function = "__pthread_cond_timedwait", .flags = DW_FRAME_WRAPPER},
	    {.function = "work"}};
	const uint64_t arguments[6] = {word, FUTEX_WAIT};
	const struct dw_asleep asleep = {.frames = frames,
					 .n_frames = 3,
					 .call = SYS_futex,
					 .arguments = arguments,
					 .sp = MEMORY + 128,
					 .read = read_memory};

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

/* What a wait for a condition keeps on the stack, and what refers to it. */
static void put_cleanup(uint64_t condition, uint64_t mutex)
{
	const uint64_t cleanup[] = {/* sequence */ 6, condition, mutex}, place = MEMORY + 176;

	memcpy((uint8_t *)memory + 176, cleanup, sizeof(cleanup));
	memcpy((uint8_t *)memory + 160, &place, sizeof(place));
}

static void the_mutex_of_a_condition_is_on_the_stack(void **state)
{
	struct dw_meaning m;

	(void)state;
	put_cleanup(MEMORY, 0x7000);
	m = in_futex("pthread_cond_wait", MEMORY + 40, FUTEX_WAIT_BITSET, 0);
	assert_int_equal(m.kind, DW_CONDITION);
	assert_int_equal(m.address, MEMORY);
	assert_int_equal(m.mutex, 0x7000);
}

/* As glibc has it since 2.41: the words are elsewhere, and in between is a return address. */
static void what_lies_behind_a_condition_on_the_stack_need_not_be_its_mutex(void **state)
{
	const uint64_t kept[] = {0, MEMORY, 0x429e1c};
	struct dw_meaning m;

	(void)state;
	memcpy((uint8_t *)memory + 128, kept, sizeof(kept));
	m = in_futex("pthread_cond_wait", MEMORY + 32, FUTEX_WAIT_BITSET, 0);
	assert_int_equal(m.mutex, 0);
	put_cleanup(MEMORY, 0x7000);
	m = in_futex("pthread_cond_wait", MEMORY + 32, FUTEX_WAIT_BITSET, 0);
	assert_int_equal(m.address, MEMORY);
	assert_int_equal(m.mutex, 0x7000);
}

/* The functions that threads were seen waiting in, of programs that are linked statically. */
static void every_libc_is_understood(void **state)
{
	static const struct {
		const char *functions[5];
		uint8_t kind;
	} rows[] = {
	    /* glibc 2.31 */
	    {{"__pthread_clockjoin_ex"}, DW_ENDING},
	    {{"__lll_lock_wait", "__pthread_mutex_lock"}, DW_MUTEX},
	    {{"futex_wait_cancelable", "__pthread_cond_wait_common", "__pthread_cond_wait"},
	     DW_CONDITION},
	    {{"futex_abstimed_wait_cancelable", "do_futex_wait", "__new_sem_wait_slow"},
	     DW_SEMAPHORE},
	    {{"do_futex_wait.constprop.0", "__new_sem_wait_slow.constprop.0"}, DW_SEMAPHORE},
	    {{"futex_wait", "futex_wait_simple", "__pthread_barrier_wait"}, DW_BARRIER},
	    {{"futex_abstimed_wait", "__pthread_rwlock_rdlock_full", "__pthread_rwlock_rdlock"},
	     DW_RWLOCK},

	    /* glibc 2.36 */
	    {{"__futex_abstimed_wait_common", "__pthread_clockjoin_ex"}, DW_ENDING},
	    {{"__futex_abstimed_wait_common", "__new_sem_wait_slow64.constprop.0"}, DW_SEMAPHORE},
	    {{"__futex_abstimed_wait_common", "__pthread_cond_wait"}, DW_CONDITION},

	    /* glibc 2.41 and 2.43 */
	    {{"__syscall_cancel_arch", "__internal_syscall_cancel", "__futex_abstimed_wait_common",
	      "__pthread_clockjoin_ex"},
	     DW_ENDING},
	    {{"__syscall_cancel_arch", "__internal_syscall_cancel", "__futex_abstimed_wait_common",
	      "__pthread_cond_wait"},
	     DW_CONDITION},
	    {{"__syscall_cancel_arch", "__internal_syscall_cancel", "__futex_abstimed_wait_common",
	      "__new_sem_wait_slow64.constprop.0"},
	     DW_SEMAPHORE},

	    /* musl 1.2.3 */
	    {{"__syscall_cp_c", "__timedwait_cp", "pthread_timedjoin_np"}, DW_ENDING},
	    {{"__syscall_cp_c", "__timedwait_cp", "__timedwait", "__pthread_mutex_timedlock"},
	     DW_MUTEX},
	    {{"__syscall_cp_c", "__timedwait_cp", "__pthread_cond_timedwait"}, DW_CONDITION},
	    {{"__syscall_cp_c", "__timedwait_cp", "sem_timedwait"}, DW_SEMAPHORE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dw_meaning m = in_program(rows[i].functions);

		assert_string_equal(site_of(rows[i].functions, m.site), "work");
		assert_int_equal(m.kind, rows[i].kind);
		assert_int_equal(m.how & DW_TIMED, 0);
	}
}

/* Without debug symbols, sem_wait() of glibc 2.41 goes on in a function that has no name. */
static void a_function_without_a_name_is_known_by_its_caller(void **state)
{
	const struct dw_frame frames[] = {wrapper(NULL), wrapper(NULL), {.function = "work"}};
	const uint64_t arguments[6] = {MEMORY, FUTEX_WAIT_BITSET};
	struct dw_asleep asleep = {
	    .frames = frames, .n_frames = 3, .call = SYS_futex, .arguments = arguments};

	(void)state;
	assert_int_equal(dw_meaning_tell(&asleep).kind, DW_FUTEX);
	asleep.called = "sem_wait";
	assert_int_equal(dw_meaning_tell(&asleep).kind, DW_SEMAPHORE);
	asleep.called = "work";
	assert_int_equal(dw_meaning_tell(&asleep).kind, DW_FUTEX);
}

/* A stripped program that is linked statically: memory is all there is. */
static void a_program_without_names_is_known_by_its_memory(void **state)
{
	const uint32_t plain_of_musl = 0x80000010;

	(void)state;
	put_cleanup(MEMORY, 0x7000);
	assert_int_equal(in_futex(NULL, MEMORY + 32, FUTEX_WAIT_BITSET, 0).kind, DW_CONDITION);
	memory[1] = plain_of_musl;
	assert_int_equal(in_futex(NULL, MEMORY + 4, FUTEX_WAIT, plain_of_musl).kind, DW_MUTEX);
	memory[2] = 4711;
	assert_int_equal(in_futex(NULL, MEMORY + 8, FUTEX_WAIT_BITSET, 4711).tid, 4711);
	assert_int_equal(in_futex(NULL, MEMORY + 8, FUTEX_WAIT_BITSET, 4712).tid, 0);
	assert_int_equal(
	    in_futex(NULL, MEMORY + 8, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 4711).tid, 0);
}

/* Two wait for a musl condition, each on its own word; their stacks name it. */
static void waiters_of_a_musl_condition_are_in_its_list(void **state)
{
	enum { CONDITION = 0, NEWER = 80, OLDER = 48 };
	const uint64_t condition = MEMORY + CONDITION, newer = MEMORY + NEWER,
		       older = MEMORY + OLDER;
	uint8_t *bytes = (uint8_t *)memory;

	(void)state;
	memcpy(bytes + CONDITION + 8, &newer, sizeof(newer));
	memcpy(bytes + CONDITION + 40, &older, sizeof(older));
	memcpy(bytes + NEWER + 8, &older, sizeof(older));
	memcpy(bytes + OLDER, &newer, sizeof(newer));
	memcpy(bytes + 136, &condition, sizeof(condition));
	assert_int_equal(in_musl_condition(newer + 20).address, condition);
	assert_int_equal(in_musl_condition(older + 20).address, condition);
	/* A list that leads round, and a condition that is another's. */
	memcpy(bytes + OLDER + 8, &newer, sizeof(newer));
	assert_int_equal(in_musl_condition(newer + 20).address, newer + 20);
}

/* Of malloc's, or a FILE's, nobody is told by name; an event with the same value is none. */
static void a_lock_of_the_c_librarys_own_is_one(void **state)
{
	(void)state;
	assert_int_equal(in_futex("malloc", MEMORY, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2).kind,
			 DW_LOCK_WORD);
	assert_int_equal(in_futex("malloc", MEMORY, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1).kind,
			 DW_FUTEX);
	assert_int_equal(in_futex("syscall", MEMORY, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2).kind,
			 DW_FUTEX);
}

static void readers_are_counted_by_the_lock(void **state)
{
	const struct dw_asleep reader = {.read = read_memory};

	(void)state;
	memory[0] = 0x80000002; /* two, and somebody waits */
	assert_int_equal(dw_meaning_readers(&reader, DW_OWNER_MUSL_RWLOCK, MEMORY), 2);
	assert_int_equal(dw_meaning_readers(&reader, DW_OWNER_MUSL_MUTEX, MEMORY), 0);
	memory[0] = UINT32_MAX; /* a writer */
	assert_int_equal(dw_meaning_readers(&reader, DW_OWNER_MUSL_RWLOCK, MEMORY), 0);
	assert_int_equal(dw_meaning_readers(&reader, DW_OWNER_RUST_RWLOCK, MEMORY), 0);
	assert_int_equal(dw_meaning_readers(&reader, DW_OWNER_MUSL_RWLOCK, MEMORY - 8), 0);
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
	    cmocka_unit_test_setup(what_lies_behind_a_condition_on_the_stack_need_not_be_its_mutex,
				   setup),
	    cmocka_unit_test_setup(every_libc_is_understood, setup),
	    cmocka_unit_test_setup(a_function_without_a_name_is_known_by_its_caller, setup),
	    cmocka_unit_test_setup(a_program_without_names_is_known_by_its_memory, setup),
	    cmocka_unit_test_setup(waiters_of_a_musl_condition_are_in_its_list, setup),
	    cmocka_unit_test_setup(a_lock_of_the_c_librarys_own_is_one, setup),
	    cmocka_unit_test_setup(readers_are_counted_by_the_lock, setup),
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
