/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tracker where no story leads: after four thousand million activities. */
#include "model/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define A 0x100
#define B 0x200
#define C 0x300

/* What the thread under test has told. */
static uint32_t n_chains, n_again, n_posts;
static uint32_t post_chain, post_said;

static void revise(struct dw_thread *thread, struct dw_taking *taking)
{
	(void)taking;
	(void)thread;
}

static uint32_t tell_chain(struct dw_thread *thread, uint32_t below, const struct dw_taking *taking,
			   uint32_t remains)
{
	(void)thread, (void)below, (void)taking, (void)remains;
	return ++n_chains;
}

static uint32_t tell_post(struct dw_thread *thread, const struct dw_taking *taking, uint32_t chain,
			  uint32_t said)
{
	(void)thread;
	n_posts++;
	post_chain = chain;
	post_said = said;
	return (uint32_t)taking->thing;
}

static uint32_t ask(struct dw_thread *thread, uint32_t other)
{
	(void)thread, (void)other;
	return UINT32_MAX;
}

static void tell_again(struct dw_thread *thread, uint32_t chain)
{
	(void)thread, (void)chain;
	n_again++;
}

static void tell_misuse(struct dw_thread *thread, enum dw_misuse_kind kind,
			const struct dw_taking *taking, uint32_t chain)
{
	(void)thread, (void)kind, (void)taking, (void)chain;
}

static void *memory(struct dw_thread *thread, size_t size)
{
	void *got = aligned_alloc(64, (size + 63) / 64 * 64);

	(void)thread;
	for (size_t i = 0; got && i < size; i++)
		((char *)got)[i] = 0;
	return got;
}

static void memory_free(struct dw_thread *thread, void *got, size_t size)
{
	(void)thread, (void)size;
	free(got);
}

static struct dw_slot *slot_new(struct dw_thread *thread, uint32_t max)
{
	struct dw_slot *slot = memory(thread, dw_slot_size(max));

	if (slot)
		slot->max = max;
	return slot;
}

static void lost(struct dw_thread *thread, unsigned loss)
{
	(void)thread, (void)loss;
}

static const struct dw_teller teller = {
    .revise = revise,
    .chain = tell_chain,
    .post = tell_post,
    .ask = ask,
    .again = tell_again,
    .misuse = tell_misuse,
    .memory = memory,
    .memory_free = memory_free,
    .slot = slot_new,
    .lost = lost,
};

static struct dw_thread thread;

static int set_up(void **state)
{
	(void)state;
	n_chains = n_again = n_posts = post_chain = post_said = 0;
	thread = (struct dw_thread){.number = 1, .teller = &teller};
	return dw_thread_begin(&thread);
}

static int tear_down(void **state)
{
	struct dw_slot *slot = thread.slot;

	(void)state;
	dw_thread_end(&thread);
	free(slot);
	return 0;
}

static void use(uint64_t lock)
{
	const struct dw_taking taking = {.thing = lock, .what = DW_MUTEX};

	dw_thread_want(&thread, &taking);
	dw_thread_hold(&thread, &taking);
	assert_true(dw_thread_drop(&thread, lock));
}

static void post(uint64_t condition)
{
	dw_thread_post(&thread, &(struct dw_taking){.thing = condition, .what = DW_CONDITION});
}

static void idle(void)
{
	dw_thread_idle(&thread, &(struct dw_taking){0});
}

static void old_chains_stay_old_when_the_stamp_wraps(void **state)
{
	(void)state;
	use(A);
	thread.stamp = UINT32_MAX - 1;
	idle();
	assert_int_equal(thread.stamp, UINT32_MAX);
	use(B);
	idle(); /* wraps */
	assert_true(thread.stamp < 10);
	post(C);
	assert_int_equal(n_posts, 1);
	assert_int_equal(post_chain, 0);
	idle();
	use(B);
	post(C);
	assert_int_equal(n_posts, 2);
	assert_int_equal(post_chain, 2);
	assert_int_equal(n_chains, 2);
}

static void an_activity_goes_on_when_the_stamp_wraps(void **state)
{
	(void)state;
	thread.stamp = thread.activity_began = thread.segment_began = UINT32_MAX;
	use(A);
	post(B); /* wraps */
	assert_true(thread.stamp < 10);
	assert_int_equal(post_chain, 1);
	post(C);
	assert_int_equal(n_posts, 2);
	assert_int_equal(post_chain, 1);
	assert_int_equal(post_said, B);
}

static void a_segment_is_new_when_the_stamp_wraps(void **state)
{
	(void)state;
	thread.stamp = thread.activity_began = thread.segment_began = UINT32_MAX;
	use(A);
	dw_thread_new_segment(&thread); /* wraps */
	assert_true(thread.stamp < 10);
	use(A);
	assert_int_equal(n_again, 1);
	assert_int_equal(n_chains, 1);
	use(A);
	assert_int_equal(n_again, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(old_chains_stay_old_when_the_stamp_wraps),
	    TEST(an_activity_goes_on_when_the_stamp_wraps),
	    TEST(a_segment_is_new_when_the_stamp_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
