/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/picture.h"
#include "story-fixture.h"

#include <stdlib.h>
#include <string.h>

static void assert_wrong(const char *text, unsigned line, const char *expected)
{
	struct dw_story_error error = {0};
	struct dw_story *story = NULL;

	assert_int_equal(dw_story_parse(&story, text, &error), 1);
	assert_null(story);
	assert_int_equal(error.line, line);
	assert_string_equal(error.expected, expected);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	assert_wrong("1 hold A\n+", 2, "a thread");
	assert_wrong("1", 1, "a verb");
	assert_wrong("\n\n1 held A", 3, "a verb");
	assert_wrong("# x\n1 hold ; 1 drop A", 2, "a thing");
	assert_wrong("1 park", 1, "a condition");
	assert_wrong("1 enter", 1, "a call");
	assert_wrong("1 kick\n", 1, "the other thread");
	assert_wrong("1 hold A +20", 1, "a time behind the +, such as 20ms");
	assert_wrong("1 hold A sleeps", 1,
		     "how it is taken, a kind of thing, @site, +time, or the statement's end");
	assert_wrong("1 post", 1, "a condition");
	assert_wrong("1 born\n", 1, "the other thread");
	assert_wrong("1 hold A @ x", 1, "a site behind the @");
	assert_wrong("1 hold A softly", 1,
		     "how it is taken, a kind of thing, @site, +time, or the statement's end");
	assert_wrong("1 exit; 1 exit A", 1,
		     "how it is taken, a kind of thing, @site, +time, or the statement's end");
}

static void blanks_and_comments_mean_nothing(void **state)
{
	const char *story = "\n  # nothing\n;;1 hold A#x\n\t1  hold\tB ;  # y; 1 hold C\r\n;";

	assert_chains(state, story, "1:A, 1:A B");
	assert_chains(state, "", "");
}

static void threads_keep_their_numbers_and_words_their_meaning(void **state)
{
	const struct told *told;

	tell(state, "io hold A; 7 hold B; main.1 hold A; 2 hold B; io drop A; 08 hold C");
	told = *state;
	assert_string_equal(dw_story_thread(told->story, 7), "7");
	assert_string_equal(dw_story_thread(told->story, 1), "io");
	assert_string_equal(dw_story_thread(told->story, 2), "2");
	assert_string_equal(dw_story_thread(told->story, 3), "main.1");
	assert_string_equal(dw_story_thread(told->story, 4), "08");
	assert_null(dw_story_thread(told->story, 100));
	assert_string_equal(told->facts->threads[1].name, "io");
	assert_null(told->facts->threads[7].name);
	assert_string_equal(story_word(told, 2), "B");
	assert_null(dw_story_thing(told->story, 5));
}

static void a_site_is_a_hint_and_a_stack(void **state)
{
	const struct dw_facts *facts;

	facts =
	    tell(state, "1 hold A @../b.c:12; 1 hold B @somewhere; 1 hold C @b.c:3+1; 1 hold D");
	assert_string_equal(facts->hints[facts->chains[1].hint].file, "../b.c");
	assert_int_equal(facts->hints[facts->chains[1].hint].line, 12);
	assert_string_equal(facts->hints[facts->chains[2].hint].file, "somewhere");
	assert_int_equal(facts->hints[facts->chains[3].hint].line, 3);
	assert_int_equal(facts->stacks[facts->chains[3].stack].n_frames, 1);
	assert_int_equal(facts->chains[4].stack, 0);
}

static void a_chain_is_told_once_for_each_site(void **state)
{
	assert_chains(state,
		      "1 hold A; 1 hold B @x:1; 1 drop B; 1 hold B @x:1; 1 drop B; 1 hold B @x:2",
		      "1:A, 1:A B@x:1, 1:A B@x:2");
}

static void what_was_wanted_is_told_though_it_was_not_had(void **state)
{
	assert_chains(state, "1 hold A; 1 want B timed; 1 fail B; 1 hold C",
		      "1:A, 1:A B(timed), 1:A C");
	assert_chains(state, "1 hold A; 1 fail B try; 1 hold C", "1:A, 1:A C");
}

static void recursion_makes_no_chain(void **state)
{
	assert_chains(state,
		      "1 hold R reentrant; 1 hold R reentrant; 1 drop R; 1 hold A; 1 drop A;"
		      "1 drop R; 1 hold A",
		      "1:R(reentrant), 1:R A, 1:A");
	assert_int_equal(((struct told *)*state)->facts->n_misuses, 1);
}

static void what_remains_is_held_but_not_taken(void **state)
{
	const struct dw_facts *facts;

	assert_chains(state, "1 hold A; 1 hold B @b:1; 1 drop A; 1 hold C",
		      "1:A, 1:A B@b:1, 1:B(remains)@b:1, 1:B C");
	facts = ((struct told *)*state)->facts;
	assert_int_equal(facts->chains[3].thing, facts->chains[2].thing);
}

static void a_condition_wait_takes_its_mutex_again(void **state)
{
	assert_chains(state, "1 hold M; 1 hold A; 1 park C M @w:1; 1 wake C M; 1 hold B; 2 post C",
		      "1:M, 1:M A, 1:A(remains), 1:A C(waits)@w:1, 1:A M(retaken)@w:1, 1:A M B");
}

static void segments_make_runs(void **state)
{
	const struct dw_facts *facts;
	const struct dw_run *run;

	facts = tell(state, "1 hold A; 1 drop A; 1 born 2; 1 hold A; 1 drop A; 2 hold A; 2 drop A;"
			    "1 join 2; 1 born 3; 1 hold A; 1 drop A");
	assert_int_equal(facts->n_chains, 3);
	run = &facts->runs[facts->chains[1].run];
	assert_int_equal(run->from, 1);
	assert_int_equal(run->to, 2);
	run = &facts->runs[run->next];
	assert_int_equal(run->from, 4);
	assert_int_equal(run->to, 4);
	assert_int_equal(run->next, 0);
	assert_int_equal(facts->threads[2].parent, 1);
	assert_int_equal(facts->threads[2].parent_run, 1);
	assert_int_equal(facts->threads[3].parent_run, 3);
	assert_int_equal(facts->n_joins, 2);
	assert_int_equal(facts->joins[1].thread, 1);
	assert_int_equal(facts->joins[1].segment, 3);
	assert_int_equal(facts->joins[1].other, 2);
}

static void no_thread_makes_its_ancestor(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "1 born 2; 2 born 1; 3 born 3; 2 born 2; 3 born 2");

	assert_int_equal(facts->threads[1].parent, 0);
	assert_int_equal(facts->threads[2].parent, 1);
	assert_int_equal(facts->threads[3].parent, 0);
}

/* The misuses as "1:relock A", with the holder behind it if that is another. */
static void assert_misuses(void **state, const char *story, const char *expected)
{
	const struct dw_facts *facts = tell(state, story);
	char text[256] = "", one[64];

	for (uint32_t i = 1; i < facts->n_misuses; i++) {
		const struct dw_misuse *misuse = &facts->misuses[i];

		snprintf(one, sizeof(one), "%s%u:%s %s", i > 1 ? ", " : "", misuse->thread,
			 dw_story_misuse_word(misuse->kind), story_word(*state, misuse->thing));
		strcat(text, one);
		if (misuse->holder) {
			snprintf(one, sizeof(one), " of %u", misuse->holder);
			strcat(text, one);
		}
	}
	assert_string_equal(text, expected);
}

static void misuses_are_told(void **state)
{
	assert_misuses(state, "1 drop A", "1:unlock-not-held A");
	assert_misuses(state, "2 hold A; 1 drop A", "1:unlock-not-held A of 2");
	assert_misuses(state, "1 hold A; 1 want A", "1:relock A");
	assert_misuses(state, "1 hold A; 1 hold A try", "");
	assert_misuses(state, "1 hold A; 1 destroy A", "1:destroy-held A");
	assert_misuses(state, "1 hold A; 2 destroy A", "2:destroy-held A of 1");
	assert_misuses(state, "1 hold A; 1 drop A; 2 destroy A", "");
	assert_misuses(state, "1 hold A; 1 hold B; 1 drop A; 1 exit", "1:exit-holding B");
	assert_misuses(state, "1 hold A robust; 1 exit", "");
	assert_misuses(state, "1 park C M; 1 wake C M", "1:wait-without-mutex M");
	assert_misuses(state, "1 hold M reentrant; 1 hold M reentrant; 1 park C M",
		       "1:wait-mutex-recursed M");
	assert_misuses(state, "1 drop A; 1 drop A; 1 drop A @b",
		       "1:unlock-not-held A, "
		       "1:unlock-not-held A");
}

static void who_lets_go_for_another_ends_its_hold(void **state)
{
	assert_chains(state, "1 hold A; 2 drop A; 1 hold B", "1:A, 1:B");
}

static void an_address_can_have_many_lives(void **state)
{
	const struct dw_facts *facts;

	facts = tell(
	    state, "1 init A rwlock @a; 1 hold A rwlock; 1 drop A; 1 destroy A; 1 hold A; 1 drop A;"
		   "1 init A; 1 init A");
	assert_int_equal(facts->n_things, 4);
	assert_int_equal(facts->things[1].life, 1);
	assert_int_equal(facts->things[1].kind, DW_RWLOCK);
	assert_int_equal(facts->things[1].maker, 1);
	assert_int_not_equal(facts->things[1].birth, 0);
	assert_int_equal(facts->things[1].flags, DW_THING_ENDED);
	assert_int_equal(facts->things[2].life, 2);
	assert_int_equal(facts->things[2].maker, 0);
	assert_int_equal(facts->things[2].flags, DW_THING_ENDED);
	assert_int_equal(facts->things[3].life, 3);
	assert_int_equal(facts->n_chains, 3);
	assert_int_equal(facts->chains[2].thing, 2);
}

static void the_picture_is_what_is_held_in_the_end(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "1 hold A; 1 hold B; 1 drop A; 1 want C; 2 exit");
	const struct dw_slot *slot = facts->slots[facts->threads[1].slot].slot;

	assert_int_equal(slot->top, 1);
	assert_int_equal(slot->held[1].chain, 3);
	assert_int_equal(slot->wants, facts->things[3].address);
	assert_int_equal(facts->threads[2].flags, DW_THREAD_EXITED);
}

static void a_thousand_locks_are_held_at_once(void **state)
{
	char *story = calloc(1000, 16), *at = story;
	const struct dw_facts *facts;

	for (int i = 0; i < 1000; i++)
		at += sprintf(at, "1 hold L%d\n", i);
	facts = tell(state, story);
	free(story);
	assert_int_equal(facts->chains[1000].depth, 1000);
	assert_int_equal(facts->slots[facts->threads[1].slot].slot->top, 1000);
}

static void a_replay_without_a_story_has_its_sites_as_stacks(void **state)
{
	const struct dw_event events[] = {
	    {.seq = 1,
	     .object = 0x10,
	     .site = 0x77,
	     .thread = 1,
	     .kind = DW_HOLD,
	     .what = DW_MUTEX},
	    {.seq = 2,
	     .object = 0x20,
	     .site = 0x88,
	     .thread = 1,
	     .kind = DW_HOLD,
	     .what = DW_MUTEX},
	};
	struct told *told = *state;

	assert_int_equal(dw_replay_new(&told->replay, events, 2, NULL), 0);
	told->facts = dw_replay_facts(told->replay);
	assert_int_equal(told->facts->n_chains, 3);
	assert_int_equal(told->facts->stacks[told->facts->chains[2].stack].frames[0], 0x88);
	assert_int_equal(told->facts->things[2].address, 0x20);
}

static void no_lock_is_at_address_0(void **state)
{
	const struct dw_event events[] = {
	    {.seq = 1, .thread = 1, .kind = DW_DROP},
	    {.seq = 2, .thread = 1, .kind = DW_HOLD},
	    {.seq = 3, .thread = 1, .kind = DW_PARK, .object = 0x10},
	};
	struct told *told = *state;

	assert_int_equal(dw_replay_new(&told->replay, events, 3, NULL), 0);
	told->facts = dw_replay_facts(told->replay);
	assert_int_equal(told->facts->n_chains, 1);
	assert_int_equal(told->facts->slots[told->facts->threads[1].slot].slot->top, 0);
}

static void a_replay_has_the_stacks_and_hints_that_are_known(void **state)
{
	const dw_place frames[] = {5};
	const struct dw_stack stacks[] = {{0}, {frames, 1, 0}};
	const struct dw_hint hints[] = {{0}, {"a.c", 3}};
	const struct dw_chain chains[] = {{0}, {.thread = 1, .stack = 1, .hint = 1, .depth = 1}};
	const struct dw_told_thread threads[] = {{0}, {.name = "main", .flags = DW_THREAD_FORKED}};
	const struct dw_facts known = {.stacks = stacks,
				       .n_stacks = 2,
				       .hints = hints,
				       .n_hints = 2,
				       .chains = chains,
				       .n_chains = 2,
				       .threads = threads,
				       .n_threads = 2,
				       .program = "/p",
				       .pid = 3};
	const struct dw_event events[] = {
	    {.seq = 1, .object = 0x10, .stack = 1, .thread = 1, .kind = DW_HOLD, .what = DW_MUTEX},
	    {.seq = 2, .object = 0x20, .stack = 9, .thread = 1, .kind = DW_HOLD, .what = DW_MUTEX},
	    {.seq = 3, .object = 0x30, .thread = 1, .kind = DW_DROP, .what = DW_MUTEX},
	};
	struct told *told = *state;

	assert_int_equal(dw_replay_new(&told->replay, events, 3, &known), 0);
	told->facts = dw_replay_facts(told->replay);
	assert_int_equal(told->facts->chains[1].stack, 1);
	assert_int_equal(told->facts->chains[1].hint, 1);
	assert_int_equal(told->facts->chains[2].stack, 0);
	assert_string_equal(told->facts->threads[1].name, "main");
	assert_string_equal(told->facts->program, "/p");
	assert_int_equal(told->facts->n_misuses, 1); /* what it held before is not known */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_wrong_is_said_with_its_line),
	    TEST(blanks_and_comments_mean_nothing),
	    TEST(threads_keep_their_numbers_and_words_their_meaning),
	    TEST(a_site_is_a_hint_and_a_stack),
	    TEST(a_chain_is_told_once_for_each_site),
	    TEST(what_was_wanted_is_told_though_it_was_not_had),
	    TEST(recursion_makes_no_chain),
	    TEST(what_remains_is_held_but_not_taken),
	    TEST(a_condition_wait_takes_its_mutex_again),
	    TEST(segments_make_runs),
	    TEST(no_thread_makes_its_ancestor),
	    TEST(misuses_are_told),
	    TEST(who_lets_go_for_another_ends_its_hold),
	    TEST(an_address_can_have_many_lives),
	    TEST(the_picture_is_what_is_held_in_the_end),
	    TEST(a_thousand_locks_are_held_at_once),
	    TEST(a_replay_without_a_story_has_its_sites_as_stacks),
	    TEST(no_lock_is_at_address_0),
	    TEST(a_replay_has_the_stacks_and_hints_that_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
