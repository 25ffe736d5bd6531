/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "base/pattern.h"
#include "model/event.h"
#include "profile/apply.h"
#include "profile/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static void expect_wrong(const char *text, unsigned line, const char *why)
{
	struct dw_profile_error error = {0};
	struct dw_profile *profile = NULL;

	assert_int_equal(dw_profile_read(&profile, text, strlen(text), &error), DW_PROFILE_WRONG);
	assert_null(profile);
	assert_string_equal(error.text, why);
	assert_int_equal(error.line, line);
}

static struct dw_profile *read_profile(const char *text)
{
	struct dw_profile_error error = {0};
	struct dw_profile *profile = NULL;

	if (dw_profile_read(&profile, text, strlen(text), &error) != 0)
		fail_msg("line %u: %s", error.line, error.text);
	return profile;
}

static void a_profile_has_what_its_text_says(void **state)
{
	dw_auto(profile) profile = read_profile(
	    "{\"name\": \"p\", \"applies\": {\"modules\": [\"qemu-*\"], \"symbols\": [\"bql\"]},"
	    "\"locks\": [{\"name\": \"BQL\", \"variables\": [\"bql\", \"mutex\"]}],"
	    "\"calls\": [{\"name\": \"f\", \"library\": \"l\", \"completed_by\": [\"g\"]},"
	    "{\"name\": \"h\"}], \"creators\": [\"i\"], \"wrappers\": [\"w*\"],"
	    "\"threads\": [{\"role\": \"r\", \"starts\": [\"s\"], \"names\": [\"n\"]}]}");

	(void)state;
	assert_string_equal(profile->name, "p");
	assert_string_equal(profile->applies.modules.entries[0], "qemu-*");
	assert_string_equal(profile->applies.symbols.entries[0], "bql");
	assert_int_equal(profile->n_locks, 1);
	assert_int_equal(profile->locks[0].variables.n, 2);
	assert_string_equal(profile->locks[0].variables.entries[1], "mutex");
	assert_int_equal(profile->n_calls, 2);
	assert_string_equal(profile->calls[0].completed_by.entries[0], "g");
	assert_null(profile->calls[1].library);
	assert_string_equal(profile->calls[1].name, "h");
	assert_string_equal(profile->threads[0].role, "r");
	assert_string_equal(profile->creators.entries[0], "i");
	assert_string_equal(profile->wrappers.entries[0], "w*");
}

static void an_unknown_key_is_named_with_its_line(void **state)
{
	(void)state;
	expect_wrong("{\n\"name\": \"p\",\n\"lokcs\": []}", 3, "'lokcs': no such key");
	expect_wrong("{\"name\": \"p\",\n\"calls\": [\n{\"name\": \"a\"},\n{\"name\": \"b\",\n"
		     "\"completed\": [\"x\"]}]}",
		     5, "'completed': no such key");
	expect_wrong("{\"name\": \"p\",\n\"applies\":\n{\"module\": [\"x\"]}}", 3,
		     "'module': no such key");
}

static void a_key_within_a_text_is_not_taken_for_one(void **state)
{
	(void)state;
	expect_wrong("{\"name\": \"}, \\\"x\\\": [\",\n\"x\": 1}", 2, "'x': no such key");
}

static void a_wrong_kind_is_named_with_its_line(void **state)
{
	(void)state;
	expect_wrong("{\n\"name\": 1}", 2, "'name': a text was expected");
	expect_wrong("{\"name\": \"p\",\n\"creators\": \"x\"}", 2,
		     "'creators': a list was expected");
	expect_wrong("{\"name\": \"p\", \"creators\": [\"a\",\n{}]}", 2,
		     "'creators': a text was expected");
	expect_wrong("{\"name\": \"p\", \"locks\": [\n3]}", 2, "'locks': an object was expected");
	expect_wrong("{\"name\": \"p\",\n \"applies\": []}", 2,
		     "'applies': an object was expected");
	expect_wrong("[]", 1, "'the profile': an object was expected");
	expect_wrong("null", 1, "'the profile': an object was expected");
}

static void an_empty_list_or_text_is_wrong(void **state)
{
	(void)state;
	expect_wrong("{\"name\": \"p\",\n\"calls\": []}", 2,
		     "'calls': a list that is not empty was expected");
	expect_wrong("{\"name\": \"p\", \"wrappers\": []}", 1,
		     "'wrappers': a list that is not empty was expected");
	expect_wrong("{\"name\": \"\"}", 1, "'name': a text that is not empty was expected");
	expect_wrong("{\"name\": \"a\\u0000b\"}", 1,
		     "'name': a text that is not empty was expected");
}

static void what_is_mandatory_must_be_there(void **state)
{
	(void)state;
	expect_wrong("{}", 1, "'the profile': 'name' is missing");
	expect_wrong("{\"name\": \"p\", \"calls\": [{\"name\": \"a\"},\n{\"library\": \"l\"}]}", 2,
		     "'calls': 'name' is missing");
	expect_wrong("{\"name\": \"p\",\n\"threads\": [{\"names\": [\"l\"]}]}", 2,
		     "'threads': 'role' is missing");
}

static void a_key_that_stands_twice_is_wrong(void **state)
{
	(void)state;
	expect_wrong("{\"name\": \"p\",\n\"creators\": [\"a\"],\n\"creators\": [\"b\"]}", 3,
		     "'the profile': a key stands there twice");
	expect_wrong("{\"name\": \"p\", \"locks\": [{\"name\": \"a\",\n\"name\": \"a\"}]}", 2,
		     "'locks': a key stands there twice");
}

static void what_is_no_json_is_named_with_its_line(void **state)
{
	struct dw_profile_error error = {0};
	struct dw_profile *profile = NULL;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *text =
		    (const char *[]){"{\n\"name\": \"p\"", "{\n\"name\": nonsense}",
				     "{\n\"name\": \"p\",}", "{\n\"name\": \"p\"} x"}[i];

		assert_int_equal(dw_profile_read(&profile, text, strlen(text), &error),
				 DW_PROFILE_WRONG);
		assert_int_equal(error.line, 2);
		assert_true(error.text[0] != '\0');
	}
	assert_int_equal(dw_profile_read(&profile, "{}\0{}", 5, &error), DW_PROFILE_WRONG);
	assert_null(profile);
}

static void a_text_that_nests_deep_is_wrong(void **state)
{
	struct dw_profile_error error = {0};
	struct dw_profile *profile = NULL;
	char text[4096];

	(void)state;
	memset(text, '[', sizeof(text));
	assert_int_equal(dw_profile_read(&profile, text, sizeof(text), &error), DW_PROFILE_WRONG);
}

static void a_star_stands_for_any_number_of_characters(void **state)
{
	(void)state;
	assert_true(dw_pattern_is_match("CPU */KVM", "CPU 12/KVM"));
	assert_true(dw_pattern_is_match("*", ""));
	assert_true(dw_pattern_is_match("a*", "a"));
	assert_true(dw_pattern_is_match("*aab", "aaaab"));
	assert_true(dw_pattern_is_match("a*b*c", "axxbxbc"));
	assert_true(dw_pattern_is_match("operator[]", "operator[]"));
	assert_false(dw_pattern_is_match("CPU */KVM", "CPU 12/TCG"));
	assert_false(dw_pattern_is_match("a", "ab"));
	assert_false(dw_pattern_is_match("ab", "a"));
	assert_false(dw_pattern_is_match("*", NULL));
}

static void the_built_in_profiles_are_right(void **state)
{
	struct dw_profile_error error = {0};

	(void)state;
	assert_true(dw_profile_n_built_in() >= 3);
	for (size_t i = 0; i < dw_profile_n_built_in(); i++) {
		dw_auto(profile) profile = NULL;

		if (dw_profile_built_in(&profile, i, &error) != 0)
			fail_msg("line %u: %s", error.line, error.text);
		assert_true(profile->applies.modules.n > 0);
	}
}

/*
 * A process for profiles. Thread 1 takes thing 1 in stack 1, then waits for thing 2 in stack 2;
 * thread 2 takes 1 in stack 3, then 3 in stack 4.
 */
static const dw_place places[] = {0x10, 0x20, 0x30, 0x40};
static const struct dw_stack stacks[] = {
    {0}, {places, 2, 0}, {places, 4, 0}, {places, 2, 0}, {places, 4, 0}};
#define FRAME(name, file, number)                                       \
	{                                                               \
		.function = (name), .module = (file), .frame = (number) \
	}
static const struct dw_profile_frame frames[][4] = {
    {FRAME(NULL, NULL, 0)},
    {FRAME("pthread_mutex_lock", "libc.so.6", 0), FRAME("bql_lock_impl", "qemu", 1)},
    {FRAME("sem_wait", "libc.so.6", 0), FRAME("wait_for_gpu", "libcf.so", 1),
     FRAME("CFRelease", "libcf.so", 2), FRAME("main_loop", "qemu", 3)},
    {FRAME("pthread_mutex_lock", "libc.so.6", 0), FRAME("main_loop", "qemu", 1)},
    {FRAME("pthread_mutex_lock", "libc.so.6", 0), FRAME("retire", "qemu", 1),
     FRAME("fence_poll", "qemu", 2), FRAME("main_loop", "qemu", 3)},
};

static struct process {
	struct dw_thing things[4];
	struct dw_told_thread threads[3];
	struct dw_chain chains[5];
	struct dw_post posts[2];
	struct dw_facts facts;
} process;

static uint32_t frames_of(void *context, uint32_t stack, const struct dw_profile_frame **ret)
{
	(void)context;
	assert_in_range(stack, 1, N_ELEMENTS(stacks) - 1);
	*ret = frames[stack];
	return stacks[stack].n_frames;
}

static const char *variable_of(void *context, uint32_t thing)
{
	(void)context;
	return thing == 3 ? "fenceq_lock" : NULL;
}

static const char *start_of(void *context, uint32_t thread)
{
	(void)context;
	return thread == 2 ? "fence_thread" : NULL;
}

static bool is_exported(void *context, const char *symbol)
{
	(void)context;
	return strcmp(symbol, "register_module_init") == 0;
}

static const struct dw_profile_source source = {NULL, frames_of, variable_of, start_of,
						is_exported};

static void begin(void)
{
	process = (struct process){
	    .things = {{0}, {.kind = DW_MUTEX}, {.kind = DW_SEMAPHORE}, {.kind = DW_MUTEX}},
	    .threads = {{0}, {.name = "main"}, {0}},
	    .chains =
		{{0},
		 {.thing = 1, .thread = 1, .stack = 1, .depth = 1},
		 {.below = 1, .thing = 2, .thread = 1, .stack = 2, .depth = 2, .how = DW_WAITS},
		 {.thing = 1, .thread = 2, .stack = 3, .depth = 1},
		 {.below = 3, .thing = 3, .thread = 2, .stack = 4, .depth = 2}},
	};
	process.facts = (struct dw_facts){
	    .program = "/usr/bin/program",
	    .stacks = stacks,
	    .n_stacks = N_ELEMENTS(stacks),
	    .things = process.things,
	    .n_things = N_ELEMENTS(process.things),
	    .threads = process.threads,
	    .n_threads = N_ELEMENTS(process.threads),
	    .chains = process.chains,
	    .n_chains = N_ELEMENTS(process.chains),
	    .posts = process.posts,
	    .n_posts = 1,
	};
}

static const struct dw_facts *apply(struct dw_arena *arena, const char *text)
{
	dw_auto(profile) profile = read_profile(text);
	const struct dw_profile *list[] = {profile};
	const struct dw_facts *facts = NULL;

	assert_int_equal(dw_profile_apply(&facts, arena, &process.facts,
					  &(struct dw_profile_set){list, 1}, &source),
			 0);
	return facts;
}

static struct dw_arena *new_arena(void)
{
	struct dw_arena *arena = NULL;

	assert_int_equal(dw_arena_new(&arena, 1 << 20), 0);
	return arena;
}

#define BY_FENCE_POLL "\"completed_by\": [\"fence_poll\"]"
#define COMPLETION "{\"name\": \"p\", \"calls\": [{\"name\": \"CFRelease\", " BY_FENCE_POLL "}]}"

static void a_wait_in_a_call_needs_the_locks_of_what_completes_it(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;
	const struct dw_stack *stack;

	(void)state;
	begin();
	facts = apply(arena, COMPLETION);
	assert_int_equal(facts->n_posts, 3);
	assert_int_equal(facts->posts[1].thing, 2);
	assert_int_equal(facts->posts[1].thread, 2);
	assert_int_equal(facts->posts[1].chain, 4);
	assert_int_equal(facts->posts[2].chain, 3);
	stack = &facts->stacks[facts->posts[1].stack];
	assert_int_equal(stack->n_frames, 2);
	assert_int_equal(stack->frames[0], 0x30); /* fence_poll itself */
}

static void a_completion_that_was_not_seen_is_not_invented(void **state)
{
	dw_auto(arena) arena = new_arena();

	(void)state;
	begin();
	process.chains[4].stack = 3;
	assert_int_equal(apply(arena, COMPLETION)->n_posts, 1);
}

static void a_call_that_was_not_waited_in_has_no_completion(void **state)
{
	dw_auto(arena) arena = new_arena();

	(void)state;
	begin();
	process.chains[2].how = 0;
	assert_int_equal(apply(arena, COMPLETION)->n_posts, 1);
}

static void a_call_of_another_library_is_another(void **state)
{
	dw_auto(arena) arena = new_arena();

	(void)state;
	begin();
	assert_int_equal(apply(arena, "{\"name\": \"p\", \"calls\": [{\"name\": \"CFRelease\","
				      "\"library\": \"libother*\", " BY_FENCE_POLL "}]}")
			     ->n_posts,
			 1);
	assert_int_equal(apply(arena, "{\"name\": \"p\", \"calls\": [{\"name\": \"CFRelease\","
				      "\"library\": \"libcf*\", " BY_FENCE_POLL "}]}")
			     ->n_posts,
			 3);
}

/* One thing stands for all reads of the process: only some are made in the call. */
static void a_system_call_in_a_call_has_no_completion(void **state)
{
	dw_auto(arena) arena = new_arena();

	(void)state;
	begin();
	process.things[2] =
	    (struct dw_thing){.kind = DW_CALL, .address = dw_thing_address(DW_CALL, 7)};
	assert_int_equal(apply(arena, COMPLETION)->n_posts, 1);
	process.things[2].address = dw_thing_address(DW_CALL, DW_CALL_NAMED);
	process.things[2].name = "CFRelease";
	assert_int_equal(apply(arena, COMPLETION)->n_posts, 3);
}

static void a_wait_in_what_completes_a_call_needs_what_was_held(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;

	(void)state;
	begin();
	process.chains[4].how = DW_WAITS;
	process.things[3].kind = DW_SEMAPHORE;
	facts = apply(arena, COMPLETION);
	assert_int_equal(facts->n_posts, 2);
	assert_int_equal(facts->posts[1].chain, 3);
}

/* As whoever looks from outside tells it: that a lock was had then is not known. */
static void a_lock_that_what_completes_a_call_waits_for_is_needed(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;

	(void)state;
	begin();
	process.chains[4].how = DW_WAITS;
	facts = apply(arena, COMPLETION);
	assert_int_equal(facts->n_posts, 3);
	assert_int_equal(facts->posts[1].chain, 4);
	assert_true(facts->posts[1].is_completion);
}

static void who_is_in_what_completes_a_call_may_give_it_without_a_lock(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;

	(void)state;
	begin();
	process.facts.posts = NULL; /* as nobody has watched who gives what */
	process.facts.n_posts = 0;
	process.chains[4].stack = 3;
	process.threads[2].now = 4;
	facts = apply(arena, COMPLETION);
	assert_int_equal(facts->n_posts, 2);
	assert_int_equal(facts->posts[1].thread, 2);
	assert_int_equal(facts->posts[1].chain, 0);
	assert_true(facts->posts[1].is_completion);
	process.threads[2].now = 3;
	assert_int_equal(apply(arena, COMPLETION)->n_posts, 0);
}

static void a_post_in_what_completes_a_call_is_its_completion(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;

	(void)state;
	begin();
	process.chains[4].stack = 3;
	process.posts[1] = (struct dw_post){.thing = 3, .thread = 2, .chain = 3, .stack = 4};
	process.facts.n_posts = 2;
	facts = apply(arena, COMPLETION);
	assert_int_equal(facts->n_posts, 3);
	assert_int_equal(facts->posts[2].thing, 2);
	assert_int_equal(facts->posts[2].chain, 3);
}

static void a_lock_is_named_by_where_it_is_taken_and_by_its_variable(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;

	(void)state;
	begin();
	facts = apply(arena, "{\"name\": \"p\", \"wrappers\": [\"pthread_*\"], \"locks\": ["
			     "{\"name\": \"BQL\", \"taken_in\": [\"bql_lock_impl\"]},"
			     "{\"name\": \"fence queue\", \"variables\": [\"fenceq_*\"]}]}");
	assert_string_equal(facts->things[1].name, "BQL");
	assert_null(facts->things[2].name); /* a semaphore is no lock */
	assert_string_equal(facts->things[3].name, "fence queue");
	assert_null(process.things[1].name);
}

static void a_function_outside_the_first_that_is_no_wrapper_names_no_lock(void **state)
{
	dw_auto(arena) arena = new_arena();

	(void)state;
	begin();
	process.chains[1].stack = 4;
	assert_null(apply(arena, "{\"name\": \"p\", \"wrappers\": [\"pthread_*\"], \"locks\": ["
				 "{\"name\": \"BQL\", \"taken_in\": [\"fence_poll\"]}]}")
			->things[1]
			.name);
}

static void what_the_program_named_keeps_its_name(void **state)
{
	dw_auto(arena) arena = new_arena();

	(void)state;
	begin();
	process.things[3].name = "mine";
	assert_string_equal(apply(arena, "{\"name\": \"p\", \"locks\": [{\"name\": \"other\","
					 "\"variables\": [\"fenceq_lock\"]}]}")
				->things[3]
				.name,
			    "mine");
}

static void a_thread_without_a_name_has_that_of_its_role(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;

	(void)state;
	begin();
	facts = apply(arena, "{\"name\": \"p\", \"threads\": [{\"role\": \"fences\","
			     "\"starts\": [\"fence_*\"], \"names\": [\"main\"]}]}");
	assert_string_equal(facts->threads[1].name, "main");
	assert_string_equal(facts->threads[2].name, "fences");
}

static bool applies(const char *what)
{
	char text[256];
	dw_auto(profile) profile = NULL;

	snprintf(text, sizeof(text), "{\"name\": \"p\", \"applies\": {%s}}", what);
	profile = read_profile(text);
	return dw_profile_applies(profile, &process.facts, &source);
}

static void a_profile_applies_where_its_files_or_symbols_are(void **state)
{
	static const struct dw_module modules[] = {{0}, {.path = "/usr/lib/libvirgl.so.1"}};
	dw_auto(profile) profile = read_profile("{\"name\": \"p\"}");

	(void)state;
	begin();
	process.facts.modules = modules;
	process.facts.n_modules = 2;
	assert_true(applies("\"modules\": [\"progr*\"]"));
	assert_true(applies("\"modules\": [\"other\", \"libvirgl.so*\"]"));
	assert_true(applies("\"symbols\": [\"x\", \"register_module_init\"]"));
	assert_false(applies("\"modules\": [\"qemu-*\", \"/usr/*\"], \"symbols\": [\"x\"]"));
	assert_false(dw_profile_applies(profile, &process.facts, &source));
}

/* Thread 2 as if made in stack 3; the program exports register_module_init, which makes threads. */
static bool is_foreign(struct dw_arena *arena, const char *creators)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"name\": \"p\", \"creators\": [%s]}", creators);
	process.threads[2].stack = 3;
	return apply(arena, text)->threads[2].flags & DW_THREAD_FOREIGN;
}

static void a_thread_that_the_program_did_not_make_is_foreign(void **state)
{
	dw_auto(arena) arena = new_arena();

	(void)state;
	begin();
	assert_true(is_foreign(arena, "\"register_module_init\""));
	assert_false(is_foreign(arena, "\"register_module_init\", \"main_loop\""));
	assert_false(is_foreign(arena, "\"not_in_the_program\""));
	assert_false(apply(arena, "{\"name\": \"p\", \"creators\": [\"register_module_init\"]}")
			 ->threads[1]
			 .flags &
		     DW_THREAD_FOREIGN);
}

static void what_is_paused_meanwhile_is_marked(void **state)
{
	dw_auto(arena) arena = new_arena();
	const struct dw_facts *facts;

	(void)state;
	begin();
	facts = apply(arena,
		      "{\"name\": \"p\", \"threads\": [{\"role\": \"r\", \"names\": [\"main\"]}],"
		      "\"pauses\": [{\"role\": \"r\", \"during\": [\"fence_poll\"],"
		      "\"within\": [\"retire\"]}, {\"role\": \"r\", \"during\": [\"retire\"],"
		      "\"within\": [\"fence_poll\"], \"except\": [\"CFRelease\"]}]}");
	assert_int_equal(facts->chains[2].paused, 1);
	assert_int_equal(facts->chains[2].pauses, 0);
	assert_int_equal(facts->chains[4].pauses, 1);
	assert_int_equal(facts->chains[4].paused, 0);
	assert_int_equal(process.chains[4].pauses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_profile_has_what_its_text_says),
	    cmocka_unit_test(an_unknown_key_is_named_with_its_line),
	    cmocka_unit_test(a_key_within_a_text_is_not_taken_for_one),
	    cmocka_unit_test(a_wrong_kind_is_named_with_its_line),
	    cmocka_unit_test(an_empty_list_or_text_is_wrong),
	    cmocka_unit_test(what_is_mandatory_must_be_there),
	    cmocka_unit_test(a_key_that_stands_twice_is_wrong),
	    cmocka_unit_test(what_is_no_json_is_named_with_its_line),
	    cmocka_unit_test(a_text_that_nests_deep_is_wrong),
	    cmocka_unit_test(a_star_stands_for_any_number_of_characters),
	    cmocka_unit_test(the_built_in_profiles_are_right),
	    cmocka_unit_test(a_wait_in_a_call_needs_the_locks_of_what_completes_it),
	    cmocka_unit_test(a_completion_that_was_not_seen_is_not_invented),
	    cmocka_unit_test(a_call_that_was_not_waited_in_has_no_completion),
	    cmocka_unit_test(a_call_of_another_library_is_another),
	    cmocka_unit_test(a_system_call_in_a_call_has_no_completion),
	    cmocka_unit_test(a_wait_in_what_completes_a_call_needs_what_was_held),
	    cmocka_unit_test(a_lock_that_what_completes_a_call_waits_for_is_needed),
	    cmocka_unit_test(who_is_in_what_completes_a_call_may_give_it_without_a_lock),
	    cmocka_unit_test(a_post_in_what_completes_a_call_is_its_completion),
	    cmocka_unit_test(a_lock_is_named_by_where_it_is_taken_and_by_its_variable),
	    cmocka_unit_test(a_function_outside_the_first_that_is_no_wrapper_names_no_lock),
	    cmocka_unit_test(what_the_program_named_keeps_its_name),
	    cmocka_unit_test(a_thread_without_a_name_has_that_of_its_role),
	    cmocka_unit_test(a_thread_that_the_program_did_not_make_is_foreign),
	    cmocka_unit_test(what_is_paused_meanwhile_is_marked),
	    cmocka_unit_test(a_profile_applies_where_its_files_or_symbols_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
