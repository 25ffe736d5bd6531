/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the reader takes waits, posts, names, and what the monitor found. */
#include "reader-fixture.h"

#include <string.h>

static void waits_and_posts_are_read(void **state)
{
	struct fixture *f = *state;
	const struct dw_facts *facts;
	const struct dw_chain *wait;
	uint32_t chain;

	recording_fill(&f->recording);
	recording_header(&f->recording)->monitor = 77;
	facts = read_back(f);
	assert_int_equal(damaged(f), 0);
	assert_int_equal(dw_reader_monitor(f->reader), 77);
	assert_int_equal(facts->n_posts, 3);
	assert_int_equal(facts->posts[1].thread, 2);
	assert_int_equal(facts->posts[1].chain, 0);
	chain = facts->posts[2].chain;
	assert_int_equal(facts->chains[chain].thread, 1);
	assert_string_equal(facts->things[facts->posts[2].thing].name, "cond");
	assert_int_equal(facts->posts[2].said, facts->posts[2].thing);
	wait = &facts->chains[facts->founds[1].legs[0].needs];
	assert_int_equal(wait->how, DW_WAITS);
	assert_int_equal(wait->depth, 2);
	assert_int_equal(wait->origin.woken_by, wait->thing);
	assert_int_equal(wait->origin.exit, 7);
	assert_int_equal(wait->origin.address, 0xfee00000);
	assert_int_equal(wait->n_waits, 3);
	assert_int_equal(wait->waited_ns, 30);
	assert_int_equal(wait->longest_ns, 20);
	assert_int_equal(wait->held_ns, 40);
}

static void what_was_found_is_read(void **state)
{
	struct fixture *f = *state;
	const struct dw_found *found;

	recording_fill(&f->recording);
	read_back(f);
	assert_int_equal(f->facts->n_founds, 2);
	found = &f->facts->founds[1];
	assert_int_equal(found->verdict, DW_FOUND_DEADLOCK);
	assert_int_equal(found->n_legs, 2);
	assert_int_equal(found->n_waiters, 1);
	assert_int_equal(found->legs[0].thread, 2);
	assert_int_equal(found->legs[0].holds, 1);
	assert_int_equal(found->legs[1].post, 2);
	assert_int_equal(found->legs[1].holds, 0);
	assert_int_equal(found->legs[2].thread, 3);
}

/* A post without the chain that it had would say that nothing is needed. */
static void a_post_that_has_lost_its_chain_is_left_out(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t chain = recording_chain(&f->recording, 1, 0, a);

	recording_post(&f->recording, 1, a, a);
	recording_post(&f->recording, 2, a, chain); /* another thread's chain */
	recording_post(&f->recording, 1, chain, chain);
	recording_post(&f->recording, 0, a, 0);
	recording_post(&f->recording, 1, a, chain);
	read_back(f);
	assert_int_equal(f->facts->n_posts, 2);
	assert_int_equal(f->facts->posts[1].chain, 1);
	assert_int_equal(damaged(f), 4);
}

static void what_only_adds_to_a_post_can_be_lost(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t id = recording_post(&f->recording, 1, a, 0);
	struct dw_rec_post *post = recording_record(&f->recording, id);

	post->said = post->stack = post->hint = id;
	read_back(f);
	assert_int_equal(f->facts->n_posts, 2);
	assert_int_equal(f->facts->posts[1].said, 0);
	assert_int_equal(damaged(f), 3);
}

static void nothing_builds_on_a_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t held = recording_chain(&f->recording, 1, 0, a);
	uint32_t wait = recording_wait(&f->recording, 1, held, a);
	uint32_t above = recording_chain(&f->recording, 1, wait, a);

	recording_chain(&f->recording, 1, above, a);
	recording_chain(&f->recording, 1, held, a);
	read_back(f);
	assert_int_equal(f->facts->n_chains, 4);
	assert_int_equal(damaged(f), 2);
}

static void add_thing(struct fixture *f, enum dw_thing_kind kind, uint64_t address)
{
	uint32_t id = recording_thing(&f->recording, address);
	struct dw_rec_thing *thing = recording_record(&f->recording, id);

	thing->kind = (uint16_t)kind;
	thing->place = 0;
}

static void what_has_no_address_is_of_a_thread_or_call(void **state)
{
	struct fixture *f = *state;

	add_thing(f, DW_ENDING, dw_thing_address(DW_ENDING, 2));
	add_thing(f, DW_ANSWER, dw_thing_address(DW_ANSWER, 8));
	add_thing(f, DW_CALL, dw_thing_address(DW_CALL, 4000000000));
	read_back(f);
	assert_int_equal(f->facts->n_things, 4);
	assert_int_equal(f->facts->n_threads, 9);
	assert_int_equal(damaged(f), 0);
	add_thing(f, DW_ENDING, dw_thing_address(DW_ENDING, 9)); /* there are 8 */
	add_thing(f, DW_ENDING, dw_thing_address(DW_ENDING, 0));
	add_thing(f, DW_ENDING, dw_thing_address(DW_ANSWER, 2));
	add_thing(f, DW_ANSWER, 0x1000);
	add_thing(f, DW_CALL, 0x1000);
	add_thing(f, DW_MUTEX, dw_thing_address(DW_CALL, 1));
	read_back(f);
	assert_int_equal(f->facts->n_things, 4);
	assert_int_equal(f->facts->n_threads, 9);
	assert_int_equal(damaged(f), 6);
}

static void the_last_name_of_a_thing_counts(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t long_name;

	recording_name(&f->recording, a, "one");
	recording_name(&f->recording, a, "two");
	recording_name(&f->recording, a + 1, "none");
	long_name = recording_name(&f->recording, a, "1234567");
	((struct dw_rec_name *)recording_record(&f->recording, long_name))->text[7] = 'x';
	read_back(f);
	assert_string_equal(f->facts->things[1].name, "two");
	assert_int_equal(damaged(f), 2);
}

static void a_finding_has_no_more_legs_than_fit(void **state)
{
	struct fixture *f = *state;
	const struct dw_rec_found_leg legs[3] = {{.thread = 1}, {.thread = 2}, {.thread = 3}};
	uint32_t id = recording_found(&f->recording, legs, 3, 0);
	static const uint32_t counts[][2] = {
	    {4, 0}, {2, 2}, {0, 3}, {UINT32_MAX, 3}, {2, UINT32_MAX}};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct dw_rec_found *found = recording_record(&f->recording, id);

		found->n_legs = counts[i][0];
		found->n_waiters = counts[i][1];
		read_back(f);
		assert_int_equal(f->facts->n_founds, 1);
		assert_int_equal(damaged(f), 1);
	}
	((struct dw_rec_found *)recording_record(&f->recording, id))->n_legs = 1;
	((struct dw_rec_found *)recording_record(&f->recording, id))->n_waiters = 2;
	read_back(f);
	assert_int_equal(f->facts->n_founds, 2);
	assert_int_equal(damaged(f), 0);
	((struct dw_rec_found *)recording_record(&f->recording, id))->verdict = 3;
	read_back(f);
	assert_int_equal(f->facts->n_founds, 1);
	assert_int_equal(damaged(f), 1);
}

/* What follows a leg: another one is as long as who is at the other end. */
static void who_has_the_other_end_is_read_with_a_name_that_ends(void **state)
{
	struct fixture *f = *state;
	struct {
		struct dw_rec_found_leg leg;
		struct dw_rec_peer peer;
	} behind = {{.thread = 1}, {.pid = 4712, .name = "virtiofsd"}};
	struct dw_rec_found record = {.verdict = DW_FOUND_STALL, .n_legs = 1};

	recording_add(&f->recording, DW_REC_FOUND, &record, sizeof(record), &behind,
		      sizeof(behind));
	memset(behind.peer.name, 'x', sizeof(behind.peer.name));
	recording_add(&f->recording, DW_REC_FOUND, &record, sizeof(record), &behind,
		      sizeof(behind));
	read_back(f);
	assert_int_equal(f->facts->n_founds, 3);
	assert_string_equal(f->facts->founds[1].peer, "virtiofsd");
	assert_int_equal(f->facts->founds[1].peer_pid, 4712);
	assert_null(f->facts->founds[2].peer);
	assert_int_equal(damaged(f), 1);
}

static void a_leg_has_only_what_is_its_threads(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t chain = recording_chain(&f->recording, 1, 0, a);
	uint32_t post = recording_post(&f->recording, 1, a, chain);
	const struct dw_rec_found_leg legs[] = {
	    {.thread = 2, .holds = chain, .needs = chain, .thing = chain, .post = post, .stack = a},
	    {.thread = 1, .holds = chain, .needs = chain, .thing = a, .post = post},
	};
	const struct dw_found_leg *leg;

	recording_found(&f->recording, legs, 2, 0);
	read_back(f);
	assert_int_equal(damaged(f), 5);
	leg = f->facts->founds[1].legs;
	assert_int_equal(leg->holds + leg->needs + leg->thing + leg->post + leg->stack, 0);
	assert_int_equal(leg[1].holds, 1);
	assert_int_equal(leg[1].post, 1);
	assert_int_equal(leg[1].thing, 1);
}

static void a_finding_of_an_unknown_thread_is_left_out(void **state)
{
	struct fixture *f = *state;
	const struct dw_rec_found_leg legs[] = {{.thread = 1}, {.thread = 9}};

	recording_found(&f->recording, legs, 1, 1);
	read_back(f);
	assert_int_equal(f->facts->n_founds, 1);
	assert_int_equal(damaged(f), 1);
}

/* A slot of thread 1 that holds nothing and waits for @waits. */
static const struct dw_slot *read_waits(struct fixture *f, struct dw_held waits)
{
	struct dw_rec_slot slot = {.slot = {.max = 1, .thread = 1, .waits = waits}};
	struct dw_held held[3] = {0};

	recording_thread(
	    &f->recording, 1, 0,
	    recording_add(&f->recording, DW_REC_SLOT, &slot, sizeof(slot), held, sizeof(held)));
	read_back(f);
	assert_int_equal(f->facts->threads[1].slot, 1);
	return f->facts->slots[1].slot;
}

static void what_a_picture_waits_for_needs_no_chain(void **state)
{
	struct fixture *f = *state;
	const struct dw_slot *slot;

	slot = read_waits(f, (struct dw_held){.thing = 0x3000, .key = 5, .what = DW_CONDITION});
	assert_int_equal(slot->waits.thing, 0x3000);
	assert_int_equal(slot->waits.key, 5);
	assert_int_equal(slot->waits.chain, 0);
	assert_int_equal(damaged(f), 0);
}

static void what_a_picture_waits_for_has_its_chain_by_number(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t chain = recording_chain(&f->recording, 1, 0, a);
	const struct dw_slot *slot;

	slot = read_waits(f, (struct dw_held){.thing = dw_thing_address(DW_ENDING, 2),
					      .chain = recording_wait(&f->recording, 1, chain, a),
					      .what = DW_ENDING});
	assert_int_equal(slot->waits.chain, 2);
	assert_int_equal(damaged(f), 0);
}

static void what_nobody_can_wait_for_is_left_out_of_the_picture(void **state)
{
	struct fixture *f = *state;
	const struct dw_slot *slot;

	slot = read_waits(
	    f, (struct dw_held){.thing = dw_thing_address(DW_ENDING, 900), .what = DW_ENDING});
	assert_int_equal(slot->waits.thing, 0);
	assert_int_equal(slot->waits.what, 0);
	assert_int_equal(damaged(f), 1);
}

static void events_name_threads_that_can_be(void **state)
{
	struct fixture *f = *state;
	uint32_t id;
	size_t n;

	recording_header(&f->recording)->flags = DW_REC_EVENTS;
	recording_event(&f->recording, 1, 1, DW_KICK, 0);
	id = recording_event(&f->recording, 2, 1, DW_KICK, 0);
	((struct dw_rec_event *)recording_record(&f->recording, id))->event.other = 3;
	id = recording_event(&f->recording, 3, 1, DW_PARK, dw_thing_address(DW_ENDING, 900));
	((struct dw_rec_event *)recording_record(&f->recording, id))->event.what = DW_ENDING;
	id = recording_event(&f->recording, 4, 1, DW_PARK, dw_thing_address(DW_ENDING, 5));
	((struct dw_rec_event *)recording_record(&f->recording, id))->event.what = DW_ENDING;
	read_back(f);
	dw_reader_events(f->reader, &n);
	assert_int_equal(n, 2);
	assert_int_equal(f->facts->n_threads, 6);
	assert_int_equal(damaged(f), 2);
}

static uint32_t add_silence(struct fixture *f, const char *function, size_t n)
{
	struct dw_rec_silence record = {
	    .time_ns = 5, .quiet_ns = 4, .usual_ns = 3, .n_beats = 2, .flags = ~0U};

	return recording_add(&f->recording, DW_REC_SILENCE, &record, sizeof(record), function, n);
}

static void a_silence_is_read_with_its_function(void **state)
{
	struct fixture *f = *state;
	const struct dw_silence *silence;

	add_silence(f, "fence_poll", sizeof("fence_poll"));
	read_back(f);
	assert_int_equal(damaged(f), 0);
	assert_int_equal(f->facts->n_silences, 2);
	silence = &f->facts->silences[1];
	assert_string_equal(silence->function, "fence_poll");
	assert_int_equal(silence->time_ns, 5);
	assert_int_equal(silence->quiet_ns, 4);
	assert_int_equal(silence->usual_ns, 3);
	assert_int_equal(silence->n_beats, 2);
	assert_int_equal(silence->flags, DW_SILENCE_OVER);
}

static void a_silence_of_a_name_without_end_is_left_out(void **state)
{
	struct fixture *f = *state;

	add_silence(f, "12345678", 8);
	add_silence(f, "poll", sizeof("poll"));
	read_back(f);
	assert_int_equal(damaged(f), 1);
	assert_int_equal(f->facts->n_silences, 2);
	assert_string_equal(f->facts->silences[1].function, "poll");
}

static uint32_t add_signal(struct fixture *f, uint32_t chain, uint32_t handler, uint64_t exposed)
{
	struct dw_rec_signal record = {.chain = chain, .handler = handler, .exposed = exposed};

	return recording_add(&f->recording, DW_REC_SIGNAL, &record, sizeof(record), NULL, 0);
}

static void what_is_said_of_signals_is_read_unless_it_cannot_be(void **state)
{
	struct fixture *f = *state;
	uint32_t a = recording_thing(&f->recording, 0x1000);
	uint32_t first, second;

	recording_thread(&f->recording, 1, 0, 0);
	first = recording_chain(&f->recording, 1, 0, a);
	second = recording_chain(&f->recording, 1, 0, a);
	add_signal(f, first, 0, 6);
	add_signal(f, second, DW_SIGNALS, 0);
	add_signal(f, second, DW_SIGNALS + 1, 0);
	add_signal(f, second, 1, 2);
	add_signal(f, a, 1, 0);
	read_back(f);
	assert_int_equal(damaged(f), 3);
	assert_int_equal(f->facts->chains[1].handler, 0);
	assert_int_equal(f->facts->chains[1].exposed, 6);
	assert_int_equal(f->facts->chains[2].handler, DW_SIGNALS);
	assert_int_equal(f->facts->chains[2].exposed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(waits_and_posts_are_read),
	    TEST(what_was_found_is_read),
	    TEST(a_post_that_has_lost_its_chain_is_left_out),
	    TEST(what_only_adds_to_a_post_can_be_lost),
	    TEST(nothing_builds_on_a_wait),
	    TEST(what_has_no_address_is_of_a_thread_or_call),
	    TEST(the_last_name_of_a_thing_counts),
	    TEST(a_finding_has_no_more_legs_than_fit),
	    TEST(who_has_the_other_end_is_read_with_a_name_that_ends),
	    TEST(a_leg_has_only_what_is_its_threads),
	    TEST(a_finding_of_an_unknown_thread_is_left_out),
	    TEST(a_silence_is_read_with_its_function),
	    TEST(a_silence_of_a_name_without_end_is_left_out),
	    TEST(what_is_said_of_signals_is_read_unless_it_cannot_be),
	    TEST(what_a_picture_waits_for_needs_no_chain),
	    TEST(what_a_picture_waits_for_has_its_chain_by_number),
	    TEST(what_nobody_can_wait_for_is_left_out_of_the_picture),
	    TEST(events_name_threads_that_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
