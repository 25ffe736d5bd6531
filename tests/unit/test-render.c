/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people and programs get to see of cycles of locks, misuses, and what was not seen. */
#include "sample-report.h"

#include "base/arena.h"
#include "render/escape.h"

/* BQL -> fenceq_lock -> BQL, between a vCPU and a thread of a library. */
static void add_rutabaga(struct dw_finding finding)
{
	uint32_t vcpu = sample_thread("CPU 0/KVM", "kvm_vcpu_thread_fn", 0);
	uint32_t worker =
	    sample_thread("CrossDomainWork", "cross_domain_worker", DW_THREAD_FOREIGN);
	uint32_t bql = sample_thing(NULL, 0, DW_THING_BQL);
	uint32_t fenceq = sample_thing("fenceq_lock", 0, 0);
	struct dw_leg legs[] = {
	    sample_leg(vcpu, bql, "bql_lock_impl " VCPU, fenceq,
		       "qemu_mutex_lock_impl virtio_gpu_rutabaga_process_cmdq " MMIO),
	    sample_leg(worker, fenceq, "qemu_mutex_lock_impl " WORKER, bql,
		       "bql_lock_impl prepare_mmio_access msix_notify virtio_notify " WORKER),
	};

	sample.chains[legs[0].holds].hint = sample_hint("../../accel/kvm/kvm-all.c", 2995);
	add(finding, legs, 2);
}

static void a_deadlock_tells_both_legs(void **state)
{
	(void)state;
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	given.reported[0].occurrences = 3;
	finish();
	expect_golden("text", "deadlock.txt", (struct dw_render_options){0});
}

/* new_lock -> BQL -> new_lock: the condition wait in do_run_on_cpu() takes the BQL again. */
static void add_framebuffer(void)
{
	uint32_t main = sample_thread("qemu-system-x86", NULL, DW_THREAD_MAIN);
	uint32_t vcpu = sample_thread("CPU 0/TCG", "kvm_vcpu_thread_fn", 0);
	uint32_t bql = sample_thing(NULL, 0, DW_THING_BQL);
	uint32_t lock = sample_thing("new_lock", 0, 0);
	struct dw_leg legs[] = {
	    sample_leg(main, lock, "qemu_mutex_lock_impl fb_lock fb_update_display " MAIN, bql,
		       "do_run_on_cpu framebuffer_update_display fb_update_display " MAIN),
	    sample_leg(vcpu, bql, "bql_lock_impl prepare_mmio_access " VCPU, lock,
		       "qemu_mutex_lock_impl fb_lock bcm2835_fb_reconfigure " MMIO),
	};

	sample.chains[legs[0].needs].how = DW_RETAKEN;
	add((struct dw_finding){.verdict = DW_POTENTIAL}, legs, 2);
}

static void a_lock_taken_again_by_a_wait_is_said_to_be(void **state)
{
	(void)state;
	add_framebuffer();
	finish();
	expect_golden("text", "retaken.txt", (struct dw_render_options){0});
}

/* One cycle of each excuse, by the same two threads. */
static void add_excused(void)
{
	uint32_t one = sample_thread("worker", "cross_domain_worker", 0);
	uint32_t two = sample_thread(NULL, NULL, DW_THREAD_MAIN);
	uint32_t gate = sample_thing("fenceq_lock", 0, 0);
	uint32_t a = sample_thing("new_lock", 0, 0);
	uint32_t b = sample_thing(NULL, sample_stack("qemu_mutex_init aio_context_new " MAIN), 0);

	for (uint32_t excuse = DW_EXCUSE_REUSED; excuse <= DW_EXCUSE_ORDERED; excuse++) {
		struct dw_leg legs[] = {
		    sample_leg(one, a, WORKER, b, "fb_lock " WORKER),
		    sample_leg(two, b, MAIN, a, "fb_lock " MAIN),
		};

		if (excuse == DW_EXCUSE_READERS)
			sample.chains[legs[0].needs].how = sample.chains[legs[1].holds].how =
			    DW_SHARED;
		if (excuse == DW_EXCUSE_TRY)
			sample.chains[legs[1].needs].how = DW_TRY;
		add((struct dw_finding){.verdict = DW_POTENTIAL,
					.excuse = excuse,
					.gate = excuse == DW_EXCUSE_GATED ? gate : 0,
					.excused = {excuse == DW_EXCUSE_TRY, 1}},
		    legs, 2);
	}
}

static void every_excuse_says_its_reason(void **state)
{
	(void)state;
	add_excused();
	finish();
	expect_golden("text", "excuses.txt", (struct dw_render_options){.all = true});
}

static void excused_cycles_are_counted_where_they_are_not_shown(void **state)
{
	(void)state;
	add_excused();
	given.findings[0].excuse = DW_EXCUSE_GATED;
	finish();
	expect_golden("text", "excused.txt", (struct dw_render_options){0});
}

/* One misuse of each kind. */
static void add_misuses(void)
{
	uint32_t one = sample_thread("worker", "cross_domain_worker", 0);
	uint32_t two = sample_thread(NULL, NULL, DW_THREAD_MAIN);
	uint32_t lock = sample_thing("new_lock", 0, 0);
	uint32_t held = sample_chain(two, 0, lock, sample_stack("fb_lock " MAIN), 0, 0);

	for (uint32_t kind = DW_MISUSE_UNLOCK; kind <= DW_MISUSE_PARK_TWICE; kind++) {
		uint32_t number = sample.facts.n_misuses++;
		bool is_by_other = kind == DW_MISUSE_UNLOCK || kind == DW_MISUSE_DESTROY;

		sample.misuses[number] = (struct dw_misuse){
		    .kind = kind,
		    .thread = is_by_other ? one : two,
		    .thing = lock,
		    .stack = sample_stack(is_by_other ? WORKER : MAIN),
		    .chain = kind == DW_MISUSE_DESTROY || kind == DW_MISUSE_RELOCK ? held : 0,
		    .holder = is_by_other ? two : 0,
		};
		add((struct dw_finding){.verdict = DW_MISUSE, .misuse = number}, NULL, 0);
	}
}

static void every_misuse_says_what_was_done(void **state)
{
	(void)state;
	add_misuses();
	finish();
	expect_golden("text", "misuse.txt", (struct dw_render_options){0});
}

static void nothing_found_and_everything_seen_is_clean(void **state)
{
	(void)state;
	sample_thread("worker", NULL, 0);
	sample_thing("new_lock", 0, 0);
	given.process.n_needs = 0;
	finish();
	expect_golden("text", "clean.txt", (struct dw_render_options){0});
}

static const struct dw_blind blind[] = {
    {.reason = "lost-limit",
     .text = "The recording reached its size limit; give it more with limit=."},
    {.reason = "truncated", .text = "The recording ends early."},
};

static void blind_is_never_clean(void **state)
{
	(void)state;
	sample_thread("worker", NULL, 0);
	sample.facts.short_stacks = 2;
	given.process.blind = blind;
	given.process.n_blind = 1;
	given.report.blind = &blind[1];
	given.report.n_blind = 1;
	finish();
	expect_golden("text", "blind.txt", (struct dw_render_options){0});
}

static void no_recording_is_not_clean_either(void **state)
{
	char *text;

	(void)state;
	given.report.n_processes = 0;
	text = rendered("text", (struct dw_render_options){0});
	assert_string_equal(text, "blind: no recording was read\n");
	free(text);
}

static void excused_and_blind_is_not_clean(void **state)
{
	char *text;

	(void)state;
	add_excused();
	given.report.blind = blind;
	given.report.n_blind = 2;
	finish();
	text = rendered("text", (struct dw_render_options){.all = true});
	expect_contains(text, "\nblind: not everything was seen (2 reasons above)\n");
	expect_lacks(text, "clean");
	free(text);
}

static void a_frame_without_a_name_says_where_it_is(void **state)
{
	(void)state;
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	/* A file that is gone, generated code, and a stack that could not be unwound. */
	sample.modules[1].path = "/nonexistent/libgone.so.1";
	for (uint32_t stack = 1; stack < sample.facts.n_stacks; stack++)
		for (uint32_t i = 0; i < sample.stacks[stack].n_frames; i++)
			sample.frames[stack][i] = UINT64_C(1) << 48 | (0x1001 + 16 * i);
	sample.frames[2][1] = 0x7f0000001234;
	sample.stacks[3].n_frames = 1;
	sample.stacks[3].flags = DW_STACK_SHORT;
	sample.stacks[4].flags = DW_STACK_CUT;
	sample.chains[1].stack = 0;
	finish();
	expect_golden("text", "no-names.txt", (struct dw_render_options){0});
}

static void names_cannot_command_the_terminal(void **state)
{
	char *text;

	(void)state;
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	sample.threads[1].name = "\033[31mred\a\n\302\233x\xff";
	sample.threads[2].name = "\342\200\256drow"; /* U+202E: what follows is written backwards */
	sample.facts.program = "/bin/\033]0;title\a";
	finish();
	text = rendered("text", (struct dw_render_options){0});
	expect_contains(text, "\\x1b[31mred\\x07\\x0a\\xc2\\x9bx\\xff (4711)");
	expect_contains(text, "\\xe2\\x80\\xaedrow (4712, foreign)");
	expect_contains(text, "\\x1b]0;title\\x07 (pid 4711)");
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\a'));
	free(text);
}

static void colour_is_only_where_it_was_asked_for(void **state)
{
	char *plain, *coloured;

	(void)state;
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	finish();
	plain = rendered("text", (struct dw_render_options){0});
	coloured = rendered("text", (struct dw_render_options){.colour = true});
	assert_null(strchr(plain, '\033'));
	expect_contains(coloured, "\033[1;31mpotential deadlock: \033[0m");
	expect_contains(coloured, "\033[2mqemu_thread_start\033[0m");
	free(plain);
	free(coloured);
}

static void two_processes_say_which_is_meant(void **state)
{
	struct dw_reported_process both[2];
	char *text;

	(void)state;
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	finish();
	both[0] = both[1] = given.process;
	given.report = (struct dw_report){.processes = both, .n_processes = 2};
	text = rendered("text", (struct dw_render_options){0});
	expect_contains(text, "-> BQL\n  in qemu-system-x86_64 (pid 4711)\n");
	expect_contains(text, "\nfound: 2 potential deadlocks\n");
	free(text);
}

static void output_is_a_function_of_the_report(void **state)
{
	char *first, *second;

	(void)state;
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	finish();
	first = rendered("text", (struct dw_render_options){0});
	dw_names_free(given.names);
	sample.modules[1].start = sample.modules[1].bias = UINT64_C(0x555500000000);
	for (uint32_t i = 1; i < sample.facts.n_things; i++)
		sample.things[i].address = 100 - i;
	finish();
	second = rendered("text", (struct dw_render_options){0});
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void add_everything(void)
{
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	add_rutabaga((struct dw_finding){
	    .verdict = DW_POTENTIAL, .excuse = DW_EXCUSE_ORDERED, .excused = {0, 1}});
	sample.misuses[sample.facts.n_misuses++] = (struct dw_misuse){
	    .kind = DW_MISUSE_UNLOCK,
	    .thread = 1,
	    .thing = 2,
	    .stack = sample_stack("fb_lock " MAIN),
	    .chain = 3,
	    .holder = 2,
	};
	add((struct dw_finding){.verdict = DW_MISUSE, .misuse = 1}, NULL, 0);
	sample.facts.losses[DW_LOSS_LIMIT] = 5;
	given.process.blind = blind;
	given.process.n_blind = 1;
	given.report.blind = &blind[1];
	given.report.n_blind = 1;
}

static void json_tells_everything(void **state)
{
	(void)state;
	add_everything();
	finish();
	expect_golden("json", "report.json", (struct dw_render_options){0});
}

static void json_is_valid_by_its_schema(void **state)
{
	char *text, *word;
	int r;

	(void)state;
	add_everything();
	sample.threads[1].name = "\033\xff\"\\";
	sample.modules[1].build_id = (const uint8_t *)"another";
	sample.modules[1].build_id_size = 7;
	finish();
	text = rendered("json", (struct dw_render_options){0});
	r = validate(text);
	if (r == 2) {
		print_message("skipped: python3-jsonschema is not installed\n");
		free(text);
		skip();
	}
	assert_int_equal(r, 0);
	/* And the schema is none that takes everything. */
	word = strstr(text, "\"potential\"");
	assert_non_null(word);
	memcpy(word, "\"patential\"", strlen("\"potential\""));
	assert_int_equal(validate(text), 1);
	free(text);
}

static const struct dw_silence silences[] = {
    {.function = NULL},
    {.function = "fence_poll", .quiet_ns = 1300000000, .usual_ns = 10000000, .n_beats = 211},
    {.function = "gui_update",
     .quiet_ns = 2500000000,
     .usual_ns = 30000000,
     .n_beats = 9,
     .flags = DW_SILENCE_OVER},
};

static void add_silences(void)
{
	sample.facts.silences = silences;
	sample.facts.n_silences = 3;
	finish();
}

static void a_silence_is_told_and_no_finding(void **state)
{
	char *text;

	(void)state;
	add_silences();
	text = rendered("text", (struct dw_render_options){0});
	expect_contains(text, "\n  silent: fence_poll last ran 1.3 s before it was last looked at; "
			      "it used to run every 10 ms (seen 211 times)\n");
	expect_contains(text,
			"\n  silent: gui_update did not run for 2.5 s, and ran again; it used "
			"to run every 30 ms (seen 9 times)\n");
	expect_contains(text, "\nclean: no cycle of needs was found\n");
	free(text);
}

static void silences_are_valid_by_the_schema(void **state)
{
	char *text, *word;
	int r;

	(void)state;
	add_silences();
	text = rendered("json", (struct dw_render_options){0});
	word = strstr(text, "\"quiet_ns\"");
	assert_non_null(word);
	r = validate(text);
	if (r != 2) { /* see json_is_valid_by_its_schema() */
		assert_int_equal(r, 0);
		word[1] = 'Q';
		assert_int_equal(validate(text), 1);
	}
	free(text);
}

static void text_that_is_no_utf8_is_made_such(void **state)
{
	static const char *const texts[][2] = {
	    {"plain", "plain"},
	    {"\303\244\342\202\254\360\237\224\222", "\303\244\342\202\254\360\237\224\222"},
	    {"a\xff", "a\357\277\275"},
	    {"\xc0\x80", "\357\277\275\357\277\275"},                 /* overlong */
	    {"\xed\xa0\x80", "\357\277\275\357\277\275\357\277\275"}, /* a surrogate */
	    {"\342\202", "\357\277\275\357\277\275"},                 /* cut */
	    {"", ""},
	};
	struct dw_arena *arena;

	(void)state;
	assert_int_equal(dw_arena_new(&arena, 1 << 20), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(dw_escape_utf8(arena, texts[i][0]), texts[i][1]);
	assert_int_equal(dw_escape_width("\303\244\342\202\254x"), 3);
	dw_arena_free(arena);
}

static void a_failure_to_write_is_told(void **state)
{
	static const char *const formats[] = {"text", "json"};

	(void)state;
	add_rutabaga((struct dw_finding){.verdict = DW_POTENTIAL});
	finish();
	for (size_t i = 0; i < 2; i++) {
		FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		assert_true(dw_renderer_find(formats[i])
				->render(full, &given.report, &(struct dw_render_options){0}) < 0);
		fclose(full);
	}
}

static void an_unknown_format_is_not_found(void **state)
{
	(void)state;
	assert_null(dw_renderer_find("html5"));
	assert_null(dw_renderer_find(""));
	assert_ptr_equal(dw_renderer_find("text"), &dw_render_text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_deadlock_tells_both_legs),
	    TEST(a_lock_taken_again_by_a_wait_is_said_to_be),
	    TEST(every_excuse_says_its_reason),
	    TEST(excused_cycles_are_counted_where_they_are_not_shown),
	    TEST(every_misuse_says_what_was_done),
	    TEST(nothing_found_and_everything_seen_is_clean),
	    TEST(blind_is_never_clean),
	    TEST(no_recording_is_not_clean_either),
	    TEST(excused_and_blind_is_not_clean),
	    TEST(a_frame_without_a_name_says_where_it_is),
	    TEST(names_cannot_command_the_terminal),
	    TEST(colour_is_only_where_it_was_asked_for),
	    TEST(two_processes_say_which_is_meant),
	    TEST(output_is_a_function_of_the_report),
	    TEST(json_tells_everything),
	    TEST(json_is_valid_by_its_schema),
	    TEST(a_silence_is_told_and_no_finding),
	    TEST(silences_are_valid_by_the_schema),
	    TEST(text_that_is_no_utf8_is_made_such),
	    TEST(a_failure_to_write_is_told),
	    TEST(an_unknown_format_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
