/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader-fixture.h"

static void everything_told_is_read(void **state)
{
	struct fixture *f = *state;
	const struct dw_facts *facts;
	const struct dw_chain *chain;

	recording_fill(&f->recording);
	recording_header(&f->recording)->losses[DW_LOSS_DISK] = 3;
	facts = read_back(f);
	assert_int_equal(damaged(f), 0);
	assert_int_equal(facts->losses[DW_LOSS_DISK], 3);
	assert_int_equal(facts->truncated, 0);
	assert_int_equal(facts->pid, 42);
	assert_string_equal(facts->program, "/bin/program");
	assert_int_equal(dw_reader_n_locked(f->reader), 2);
	assert_int_equal(facts->n_modules, 2);
	assert_string_equal(facts->modules[1].path, "/lib/one.so");
	assert_int_equal(facts->modules[1].build_id_size, 4);
	assert_int_equal(facts->n_things, 4);
	assert_int_equal(facts->n_chains, 5);
	chain = &facts->chains[2];
	assert_int_equal(chain->below, 1);
	assert_int_equal(chain->depth, 2);
	assert_int_equal(facts->things[chain->thing].address, 0x2000);
	assert_int_equal(facts->stacks[chain->stack].n_frames, 2);
	assert_int_equal(facts->stacks[chain->stack].frames[0], (UINT64_C(1) << 48) + 0x10);
	assert_string_equal(facts->hints[chain->hint].file, "one.c");
	assert_int_equal(facts->hints[chain->hint].line, 12);
	assert_int_equal(facts->n_joins, 2);
	assert_int_equal(facts->joins[1].other, 2);
	assert_int_equal(facts->n_misuses, 2);
	assert_int_equal(facts->misuses[1].chain, 1);
	assert_int_equal(facts->n_threads, 4);
	assert_int_equal(facts->threads[2].parent, 1);
	assert_int_equal(facts->threads[2].tid, 102);
	assert_null(facts->threads[2].name);
}

static void a_picture_refers_to_chains_by_their_numbers(void **state)
{
	struct fixture *f = *state;
	const struct dw_slot *slot;

	recording_fill(&f->recording);
	read_back(f);
	slot = f->facts->slots[f->facts->threads[2].slot].slot;
	assert_int_equal(slot->top, 1);
	assert_int_equal(slot->held[1].chain, 1);
	assert_int_equal(slot->wants, 0x2000);
	assert_int_equal(slot->held[2].chain, 2);
}

static void a_picture_that_does_not_fit_its_record_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct dw_rec_slot slot = {.slot = {.top = 1, .max = 5, .thread = 1}};
	struct dw_held held[6] = {0};
	uint32_t id;

	id = recording_add(&f->recording, DW_REC_SLOT, &slot, sizeof(slot), held, sizeof(held));
	recording_thread(&f->recording, 1, 0, id);
	read_back(f);
	assert_int_equal(f->facts->threads[1].slot, 0);
	assert_int_equal(damaged(f), 1);
	((struct dw_rec_slot *)recording_record(&f->recording, id))->slot.max = 4;
	read_back(f);
	assert_int_equal(f->facts->threads[1].slot, 1);
	((struct dw_rec_slot *)recording_record(&f->recording, id))->slot.top = 5;
	read_back(f);
	assert_int_equal(f->facts->threads[1].slot, 0);
}

static void a_picture_of_another_thread_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct dw_rec_slot slot = {.slot = {.max = 1, .thread = 2}};
	struct dw_held held[3] = {0};
	uint32_t id;

	id = recording_add(&f->recording, DW_REC_SLOT, &slot, sizeof(slot), held, sizeof(held));
	recording_thread(&f->recording, 1, 0, id);
	read_back(f);
	assert_int_equal(f->facts->n_slots, 1);
	assert_int_equal(damaged(f), 1);
}

/* So it is as long as that thread has not begun to run. */
static void a_picture_may_wait_for_a_thread_without_a_record(void **state)
{
	struct fixture *f = *state;
	struct dw_rec_slot slot = {.slot = {.max = 1, .thread = 1}};
	struct dw_held held[3] = {0};
	uint32_t id;

	slot.slot.waits.thing = dw_thing_address(DW_ENDING, 8);
	slot.slot.waits.what = DW_ENDING;
	id = recording_add(&f->recording, DW_REC_SLOT, &slot, sizeof(slot), held, sizeof(held));
	recording_thread(&f->recording, 1, 0, id);
	read_back(f);
	assert_int_equal(damaged(f), 0);
	assert_int_equal(f->facts->n_threads, 8 + 1);
	for (uint32_t i = 2; i <= 8; i++)
		assert_memory_equal(&f->facts->threads[i], &f->facts->threads[0],
				    sizeof(f->facts->threads[0]));
	assert_int_equal(f->facts->threads[1].slot, 1);
}

static void events_come_in_the_order_of_their_numbers(void **state)
{
	struct fixture *f = *state;
	const struct dw_event *events;
	size_t n;

	recording_fill(&f->recording);
	read_back(f);
	events = dw_reader_events(f->reader, &n);
	assert_int_equal(n, 2);
	assert_int_equal(events[0].seq, 1);
	assert_int_equal(events[0].kind, DW_HOLD);
	assert_int_equal(events[1].seq, 2);
}

static void events_are_none_where_not_all_were_recorded(void **state)
{
	struct fixture *f = *state;
	size_t n = 1;

	recording_fill(&f->recording);
	recording_header(&f->recording)->flags = DW_REC_ENDED;
	read_back(f);
	dw_reader_events(f->reader, &n);
	assert_int_equal(n, 0);
	assert_int_equal(dw_reader_flags(f->reader), DW_REC_ENDED);
}

static void two_events_of_one_number_are_damage(void **state)
{
	struct fixture *f = *state;
	size_t n;

	recording_header(&f->recording)->flags = DW_REC_EVENTS;
	recording_event(&f->recording, 7, 1, DW_HOLD, 0x1000);
	recording_event(&f->recording, 7, 1, DW_DROP, 0x1000);
	recording_event(&f->recording, 0, 1, DW_DROP, 0x1000);
	recording_event(&f->recording, 8, 1, DW_IDLE + 1, 0x1000);
	recording_event(&f->recording, 9, 1000, DW_DROP, 0x1000);
	read_back(f);
	dw_reader_events(f->reader, &n);
	assert_int_equal(n, 1);
	assert_int_equal(damaged(f), 4);
}

static void text_must_end_in_its_record(void **state)
{
	struct fixture *f = *state;
	uint32_t id = recording_hint(&f->recording, "1234567", 1);

	((struct dw_rec_hint *)recording_record(&f->recording, id))->file[7] = 'x';
	id = recording_module(&f->recording, 1, "1234567");
	((struct dw_rec_module *)recording_record(&f->recording, id))->path[7] = 'x';
	read_back(f);
	assert_int_equal(f->facts->n_hints, 1);
	assert_null(f->facts->modules[1].path);
	assert_int_equal(damaged(f), 2);
}

static void a_frame_of_an_unknown_module_keeps_its_offset(void **state)
{
	struct fixture *f = *state;

	recording_module(&f->recording, 1, "/lib/one.so");
	recording_stack(&f->recording, (UINT64_C(7) << 48) + 0x10, (UINT64_C(1) << 48) + 0x20);
	read_back(f);
	assert_int_equal(f->facts->stacks[1].frames[0], 0x10);
	assert_int_equal(f->facts->stacks[1].frames[1], (UINT64_C(1) << 48) + 0x20);
	assert_int_equal(damaged(f), 1);
}

static void a_stack_has_no_more_frames_than_fit(void **state)
{
	struct fixture *f = *state;
	uint32_t id = recording_stack(&f->recording, 1, 2);

	((struct dw_rec_stack *)recording_record(&f->recording, id))->n_frames = 3;
	id = recording_stack(&f->recording, 1, 2);
	((struct dw_rec_stack *)recording_record(&f->recording, id))->n_frames = UINT32_MAX;
	read_back(f);
	assert_int_equal(f->facts->n_stacks, 1);
	assert_int_equal(damaged(f), 2);
}

static void module_and_thread_numbers_are_unique(void **state)
{
	struct fixture *f = *state;

	recording_module(&f->recording, 1, "/lib/one.so");
	recording_module(&f->recording, 1, "/lib/two.so");
	recording_module(&f->recording, 0, "/lib/none.so");
	recording_module(&f->recording, 65536, "/lib/many.so");
	recording_thread(&f->recording, 2, 0, 0);
	recording_thread(&f->recording, 2, 1, 0);
	recording_thread(&f->recording, 9, 0, 0);
	read_back(f);
	assert_string_equal(f->facts->modules[1].path, "/lib/one.so");
	assert_int_equal(f->facts->n_modules, 2);
	assert_int_equal(f->facts->threads[2].parent, 0);
	assert_int_equal(f->facts->threads[1].tid, 0);
	assert_int_equal(damaged(f), 5);
}

static void no_thread_is_its_own_ancestor(void **state)
{
	struct fixture *f = *state;
	const struct dw_told_thread *threads;

	recording_thread(&f->recording, 1, 3, 0);
	recording_thread(&f->recording, 2, 1, 0);
	recording_thread(&f->recording, 3, 2, 0);
	recording_thread(&f->recording, 4, 4, 0);
	recording_thread(&f->recording, 5, 2, 0);
	threads = read_back(f)->threads;
	assert_int_equal(damaged(f), 2);
	assert_int_equal(threads[4].parent, 0);
	assert_int_equal(threads[5].parent, 2);
	for (uint32_t i = 1; i < f->facts->n_threads; i++) {
		uint32_t at = i, steps = 0;

		for (; at; at = threads[at].parent)
			assert_true(steps++ < f->facts->n_threads);
	}
}

static void what_is_on_top_of_a_damaged_chain_is_left_out(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000), chain;

	chain = recording_chain(&f->recording, 1, 0, a + 1);
	chain = recording_chain(&f->recording, 1, chain, a);
	recording_chain(&f->recording, 1, chain, a);
	recording_chain(&f->recording, 1, 0, a);
	read_back(f);
	assert_int_equal(f->facts->n_chains, 2);
	assert_int_equal(damaged(f), 3);
}

static void a_chain_is_on_top_of_one_of_its_own_thread(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t below = recording_chain(&f->recording, 1, 0, a);

	recording_chain(&f->recording, 2, below, a);
	recording_chain(&f->recording, 1, below, a);
	recording_chain(&f->recording, 1, a, a);
	recording_chain(&f->recording, 0, 0, a);
	read_back(f);
	assert_int_equal(f->facts->n_chains, 3);
	assert_int_equal(damaged(f), 3);
}

static void chains_that_go_round_are_left_out(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t first = recording_chain(&f->recording, 1, 0, a);
	uint32_t second = recording_chain(&f->recording, 1, first, a);
	uint32_t self = recording_chain(&f->recording, 1, 0, a);

	recording_chain(&f->recording, 1, second, a);
	((struct dw_rec_chain *)recording_record(&f->recording, first))->below = second;
	((struct dw_rec_chain *)recording_record(&f->recording, self))->below = self;
	read_back(f);
	assert_int_equal(f->facts->n_chains, 1);
	assert_int_equal(damaged(f), 4);
}

static void a_chain_has_a_higher_number_than_the_one_below(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t early = recording_chain(&f->recording, 1, 0, a);
	uint32_t late = recording_chain(&f->recording, 1, 0, a);

	((struct dw_rec_chain *)recording_record(&f->recording, early))->below = late;
	read_back(f);
	assert_int_equal(f->facts->n_chains, 3);
	assert_int_equal(f->facts->chains[1].depth, 1);
	assert_int_equal(f->facts->chains[2].below, 1);
	assert_int_equal(damaged(f), 0);
}

static void runs_are_in_ascending_order(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t chain = recording_chain(&f->recording, 1, 0, a);
	struct dw_rec_again of_no_chain = {.chain = a, .from = 9, .to = 9};
	const struct dw_run *run;

	recording_again(&f->recording, chain, 3, 5);
	recording_again(&f->recording, chain, 5, 6); /* overlaps */
	recording_again(&f->recording, chain, 9, 8); /* ends before it begins */
	recording_again(&f->recording, chain, 8, 8);
	recording_add(&f->recording, DW_REC_AGAIN, &of_no_chain, sizeof(of_no_chain), NULL, 0);
	read_back(f);
	assert_int_equal(damaged(f), 3);
	run = &f->facts->runs[f->facts->chains[1].run];
	assert_int_equal(run->from, 1);
	assert_int_equal(run->to, 1);
	run = &f->facts->runs[run->next];
	assert_int_equal(run->from, 3);
	assert_int_equal(run->to, 5);
	run = &f->facts->runs[run->next];
	assert_int_equal(run->from, 8);
	assert_int_equal(run->next, 0);
}

static void things_not_in_use_are_skipped(void **state)
{
	struct fixture *f = *state;
	uint32_t id = recording_thing(&f->recording, 0x1000);

	((struct dw_rec_thing *)recording_record(&f->recording, id))->kind = 0;
	read_back(f);
	assert_int_equal(f->facts->n_things, 1);
	assert_int_equal(damaged(f), 0);
	recording_chain(&f->recording, 1, 0, id);
	read_back(f);
	assert_int_equal(f->facts->n_chains, 1);
	assert_int_equal(damaged(f), 1);
}

static void thread_numbers_are_bounded(void **state)
{
	struct fixture *f = *state;

	recording_header(&f->recording)->n_threads = UINT32_MAX;
	recording_thread(&f->recording, UINT32_MAX, 0, 0);
	recording_thread(&f->recording, 1, 4000000000, 0);
	recording_thread(&f->recording, 3, 0, 0);
	read_back(f);
	assert_int_equal(f->facts->n_threads, 4);
	assert_int_equal(damaged(f), 2);
}

static void chains_that_were_counted_are_missed(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);

	recording_chain(&f->recording, 1, 0, a);
	recording_header(&f->recording)->n_chains = 30;
	read_back(f);
	assert_int_equal(f->facts->n_chains, 1 + 1);
	assert_int_equal(damaged(f), 29);
}

static void a_chain_under_way_in_each_thread_is_not_missed(void **state)
{
	struct fixture *f = *state;

	recording_header(&f->recording)->n_chains = recording_header(&f->recording)->n_threads;
	read_back(f);
	assert_int_equal(damaged(f), 0);
}

static void hostile_sizes_take_no_long_time(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000), chain = 0;

	for (int i = 0; i < 100000; i++)
		chain = recording_chain(&f->recording, 1, chain, a);
	read_back(f);
	assert_int_equal(f->facts->n_chains, 65536 + 1);
	assert_int_equal(damaged(f), 100000 - 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(everything_told_is_read),
	    TEST(a_picture_refers_to_chains_by_their_numbers),
	    TEST(a_picture_that_does_not_fit_its_record_is_left_out),
	    TEST(a_picture_of_another_thread_is_left_out),
	    TEST(a_picture_may_wait_for_a_thread_without_a_record),
	    TEST(events_come_in_the_order_of_their_numbers),
	    TEST(events_are_none_where_not_all_were_recorded),
	    TEST(two_events_of_one_number_are_damage),
	    TEST(text_must_end_in_its_record),
	    TEST(a_frame_of_an_unknown_module_keeps_its_offset),
	    TEST(a_stack_has_no_more_frames_than_fit),
	    TEST(module_and_thread_numbers_are_unique),
	    TEST(no_thread_is_its_own_ancestor),
	    TEST(what_is_on_top_of_a_damaged_chain_is_left_out),
	    TEST(a_chain_is_on_top_of_one_of_its_own_thread),
	    TEST(chains_that_go_round_are_left_out),
	    TEST(a_chain_has_a_higher_number_than_the_one_below),
	    TEST(runs_are_in_ascending_order),
	    TEST(things_not_in_use_are_skipped),
	    TEST(thread_numbers_are_bounded),
	    TEST(chains_that_were_counted_are_missed),
	    TEST(a_chain_under_way_in_each_thread_is_not_missed),
	    TEST(hostile_sizes_take_no_long_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
