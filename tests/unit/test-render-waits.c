/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What they get to see of things that are not locks, and of what the monitor found. */
#include "sample-report.h"

#include <linux/kvm.h>

/*
 * BQL -> CFRelease -> fence_poll -> BQL: the main loop waits under the BQL for what it would
 * give itself, under the same BQL.
 */
static struct dw_leg *add_cfrelease(struct dw_finding finding)
{
	static struct dw_leg legs[2];
	uint32_t main = sample_thread("qemu-system-x86", NULL, DW_THREAD_MAIN);
	uint32_t bql = sample_thing(NULL, 0, DW_THING_BQL);
	uint32_t semaphore = sample_other(DW_SEMAPHORE, 0);

	sample.facts.program = "/usr/bin/sample-qemu.so";
	legs[0] = sample_leg(main, bql, "bql_lock_impl " MAIN, semaphore,
			     "qemu_sem_wait CFRelease virgl_cmd_resource_unref " MAIN);
	sample.chains[legs[0].needs].how = DW_WAITS;
	sample_in_library(sample.chains[legs[0].needs].stack, 2);
	legs[1] = (struct dw_leg){.thread = main};
	legs[1].needs = sample_chain(main, 0, bql, sample_stack("bql_lock_impl " MAIN), 0, 0);
	legs[1].post =
	    sample_post(main, semaphore,
			"qemu_sem_post MTLSharedEventSignal virgl_renderer_poll fence_poll " MAIN,
			legs[1].needs);
	sample_in_library(sample.posts[legs[1].post].stack, 3);
	add(finding, legs, 2);
	return given.legs[given.process.n_findings - 1];
}

static void a_leg_that_gives_says_where_and_after_what(void **state)
{
	(void)state;
	add_cfrelease((struct dw_finding){.verdict = DW_POTENTIAL});
	finish();
	expect_golden("text", "post.txt", (struct dw_render_options){0});
}

static void what_others_give_too_is_named(void **state)
{
	char *text;

	(void)state;
	add_cfrelease((struct dw_finding){
	    .verdict = DW_POTENTIAL, .excuse = DW_EXCUSE_POSTERS, .excused = {0, 1}});
	finish();
	text = rendered("text", (struct dw_render_options){.all = true});
	expect_contains(text, "no deadlock (posters): BQL -> CFRelease -> fence_poll -> BQL\n");
	expect_contains(text, "posters: another thread was seen giving CFRelease without taking "
			      "BQL first\n");
	free(text);
}

static uint32_t add_found(struct dw_found found, const struct dw_found_leg *legs)
{
	uint32_t number = sample.facts.n_founds++;
	uint32_t n = found.n_legs + found.n_waiters;

	assert_true(n <= SAMPLE_LEGS);
	memcpy(sample.found_legs[number], legs, n * sizeof(*legs));
	sample.founds[number] = found;
	sample.founds[number].legs = sample.found_legs[number];
	return number;
}

/* The same, as it has happened; vCPUs wait for the BQL, two of them at the same place. */
static void add_stuck_cfrelease(void)
{
	struct dw_leg *legs = add_cfrelease((struct dw_finding){.verdict = DW_DEADLOCK});
	struct dw_found_leg found[5] = {{.needs = legs[0].needs}, {.needs = legs[1].needs}};
	uint32_t size = given.process.n_findings - 1;

	legs[0].stack = legs[1].stack =
	    sample_stack("qemu_sem_wait CFRelease virgl_cmd_resource_unref " MAIN);
	sample_in_library(legs[0].stack, 2);
	for (uint32_t i = 2; i < 5; i++) {
		found[i].thread = sample_thread("CPU 0/KVM", "kvm_vcpu_thread_fn", 0);
		found[i].thing = 1;
		found[i].stack = sample_stack(
		    i == 3 ? "qemu_mutex_lock_impl bql_lock_impl prepare_mmio_access " MMIO
			   : "qemu_mutex_lock_impl bql_lock_impl " VCPU);
	}
	given.findings[size].found = add_found((struct dw_found){.verdict = DW_FOUND_DEADLOCK,
								 .flags = DW_FOUND_INFERRED,
								 .span_ns = UINT64_C(6249000000),
								 .n_legs = 2,
								 .n_waiters = 3},
					       found);
}

static void what_is_stuck_says_since_when_where_and_who_else_waits(void **state)
{
	(void)state;
	add_stuck_cfrelease();
	finish();
	expect_golden("text", "stuck.txt", (struct dw_render_options){0});
}

/* A pauser polls under vcpu_states; the vCPU, in an exit, waits for that lock. */
static void add_stuck_pause(void)
{
	uint32_t vmm = sample_thread("vmm", NULL, DW_THREAD_MAIN);
	uint32_t vcpu = sample_thread("vcpu0", "kvm_vcpu_thread_fn", DW_THREAD_VCPU);
	uint32_t states = sample_thing("new_lock", 0, 0);
	uint32_t answer = sample_other(DW_ANSWER, vcpu);
	struct dw_leg legs[] = {
	    sample_leg(vmm, states, "do_run_on_cpu " MAIN, answer,
		       "qemu_poll_ns do_run_on_cpu " MAIN),
	    {.thread = vcpu},
	};

	sample.chains[legs[0].needs].how = DW_WAITS;
	legs[1].needs = sample_chain(vcpu, 0, states, sample_stack("fb_lock " MMIO), 0, 0);
	sample.chains[legs[1].needs].origin =
	    (struct dw_origin){.exit = KVM_EXIT_MMIO + 1, .address = UINT64_C(0xe0000000)};
	legs[1].stack = sample_stack("fb_lock " MMIO);
	add((struct dw_finding){.verdict = DW_DEADLOCK}, legs, 2);
	given.findings[given.process.n_findings - 1].found =
	    add_found((struct dw_found){.verdict = DW_FOUND_DEADLOCK,
					.flags = DW_FOUND_POLLING,
					.span_ns = 12345,
					.n_legs = 2},
		      (struct dw_found_leg[2]){{.thread = vmm}, {.thread = vcpu}});
}

static void a_vcpu_that_does_not_answer_says_what_it_handles(void **state)
{
	(void)state;
	add_stuck_pause();
	finish();
	expect_golden("text", "answer.txt", (struct dw_render_options){0});
}

/* Stalls: nobody to give it; a thread that runs; a thread that does not end. */
static void add_stalls(void)
{
	uint32_t main = sample_thread("qemu-system-x86", NULL, DW_THREAD_MAIN);
	uint32_t worker = sample_thread("COLO incoming", "cross_domain_worker", 0);
	uint32_t bql = sample_thing(NULL, 0, DW_THING_BQL);
	uint32_t semaphore = sample_other(DW_SEMAPHORE, 0);
	uint32_t ending = sample_other(DW_ENDING, worker);
	struct dw_leg waits = sample_leg(main, bql, "bql_lock_impl " MAIN, semaphore,
					 "qemu_sem_wait do_run_on_cpu " MAIN);
	struct dw_leg joins[] = {
	    sample_leg(main, bql, "bql_lock_impl " MAIN, ending, "do_run_on_cpu " MAIN),
	    {.thread = worker, .stack = sample_stack(WORKER)},
	};

	sample.chains[waits.needs].how = sample.chains[joins[0].needs].how = DW_WAITS;
	sample.facts.program = "/usr/bin/sample-qemu.so";
	add((struct dw_finding){.verdict = DW_STALL}, &waits, 1);
	given.findings[0].found =
	    add_found((struct dw_found){.verdict = DW_FOUND_STALL,
					.flags = DW_FOUND_NO_POSTER | DW_FOUND_POSTERS_GONE,
					.span_ns = UINT64_C(75000000000),
					.n_legs = 1,
					.n_waiters = 1},
		      (struct dw_found_leg[2]){{.thread = main}, {.thread = worker, .thing = bql}});
	add((struct dw_finding){.verdict = DW_STALL}, joins, 2);
	given.findings[1].found =
	    add_found((struct dw_found){.verdict = DW_FOUND_STALL,
					.flags = DW_FOUND_RUNNING,
					.span_ns = UINT64_C(987000000),
					.n_legs = 2},
		      (struct dw_found_leg[2]){{.thread = main}, {.thread = worker}});
}

static void a_stall_says_what_is_not_given(void **state)
{
	(void)state;
	add_stalls();
	finish();
	expect_golden("text", "stall.txt", (struct dw_render_options){0});
}

/* Each way once, and only those of the thing that is waited for. */
static void a_stall_says_who_used_to_give_it(void **state)
{
	uint32_t main = sample_thread("qemu-system-x86", NULL, DW_THREAD_MAIN);
	uint32_t worker = sample_thread("worker", "cross_domain_worker", 0);
	uint32_t semaphore = sample_other(DW_SEMAPHORE, 0);
	struct dw_leg waits =
	    sample_leg(main, sample_thing(NULL, 0, DW_THING_BQL), "bql_lock_impl " MAIN, semaphore,
		       "qemu_sem_wait do_run_on_cpu " MAIN);
	char *text, *giver;

	(void)state;
	sample.chains[waits.needs].how = DW_WAITS;
	sample.facts.program = "/usr/bin/sample-qemu.so";
	add((struct dw_finding){.verdict = DW_STALL}, &waits, 1);
	given.findings[0].found =
	    add_found((struct dw_found){.verdict = DW_FOUND_STALL, .n_legs = 1},
		      &(struct dw_found_leg){.thread = main, .needs = waits.needs});
	sample_post(worker, semaphore, "virtio_notify " WORKER, 0);
	sample_post(worker, semaphore, "virtio_notify " WORKER, 0);
	sample_post(main, sample_other(DW_CONDITION, 0), "msix_notify " MAIN, 0);
	finish();
	text = rendered("text", (struct dw_render_options){0});
	expect_contains(text, "was given before by:\n  worker (");
	giver = strstr(text, " in virtio_notify");
	assert_non_null(giver);
	assert_null(strstr(giver + 1, " in virtio_notify"));
	assert_null(strstr(text, " in msix_notify"));
	free(text);
}

static void add_hazards(void)
{
	uint32_t main = sample_thread("qemu-system-x86", NULL, DW_THREAD_MAIN);
	uint32_t bql = sample_thing(NULL, 0, DW_THING_BQL);
	uint32_t call = sample_other(DW_CALL, 11);

	sample.facts.program = "/usr/bin/sample-qemu.so";
	for (uint32_t i = 0; i < 3; i++) {
		struct dw_leg leg =
		    sample_leg(main, bql, "bql_lock_impl " MAIN, call,
			       i == 1 ? "virtio_notify " MAIN : "msix_notify " MAIN);
		struct dw_chain *waits = &sample.chains[leg.needs];

		waits->how = i == 2 ? DW_WAITS | DW_TIMED : DW_WAITS;
		waits->n_waits = i;
		waits->waited_ns = i * UINT64_C(61000000);
		waits->longest_ns = 61000000;
		add((struct dw_finding){.verdict = DW_HAZARD}, &leg, 1);
	}
}

static void hazards_are_listed_and_leave_a_clean_result_clean(void **state)
{
	(void)state;
	add_hazards();
	finish();
	expect_golden("text", "hazard.txt", (struct dw_render_options){0});
}

/* A taking of @thing by a thread of its own, with what was measured of it. */
static void add_measured(uint32_t thing, const char *stack, struct dw_chain measured)
{
	uint32_t thread = sample_thread("CPU 0/KVM", NULL, 0);
	struct dw_chain *chain =
	    &sample.chains[sample_chain(thread, 0, thing, sample_stack(stack), 0, 0)];

	chain->n_waits = measured.n_waits;
	chain->waited_ns = measured.waited_ns;
	chain->longest_ns = measured.longest_ns;
	chain->held_ns = measured.held_ns;
}

/* Two threads wait at one place; who held it so long has not waited. */
static void add_contention(void)
{
	uint32_t bql = sample_thing(NULL, 0, DW_THING_BQL);
	uint32_t lock = sample_thing("new_lock", 0, 0);
	uint32_t call = sample_other(DW_CALL, 11);
	struct dw_chain some = {.n_waits = 3, .waited_ns = 40000000, .longest_ns = 20000000};
	struct dw_chain more = {.n_waits = 4, .waited_ns = 900000000, .longest_ns = 610000000};

	add_measured(lock, "fb_lock " MMIO, some);
	add_measured(bql, "bql_lock_impl " VCPU, some);
	add_measured(bql, "bql_lock_impl " VCPU, more);
	add_measured(bql, "bql_lock_impl " MAIN, (struct dw_chain){.held_ns = 605000000});
	add_measured(bql, "bql_lock_impl msix_notify " MAIN, (struct dw_chain){.n_waits = 0});
	add_measured(call, "msix_notify " MAIN, more);
	sample.facts.run_ns = UINT64_C(2000000000);
}

static void contention_is_told_by_lock_and_place_where_it_was_asked_for(void **state)
{
	char *text;

	(void)state;
	add_contention();
	finish();
	expect_golden("text", "contention.txt", (struct dw_render_options){.contention = true});
	text = rendered("text", (struct dw_render_options){0});
	expect_lacks(text, "contention");
	free(text);
}

static void no_contention_is_said_to_be_none(void **state)
{
	char *text;

	(void)state;
	finish();
	text = rendered("text", (struct dw_render_options){.contention = true});
	expect_contains(text, "\n  no lock was found taken\n");
	free(text);
}

static void contention_in_json_is_valid_by_its_schema(void **state)
{
	char *text;
	int r;

	(void)state;
	add_contention();
	finish();
	text = rendered("json", (struct dw_render_options){.contention = true});
	expect_contains(text, "\"waits\": 7");
	expect_contains(text, "\"held_us\": 605000");
	r = validate(text);
	free(text);
	if (r == 2)
		skip();
	assert_int_equal(r, 0);
}

static void json_tells_what_the_monitor_found(void **state)
{
	(void)state;
	add_stuck_cfrelease();
	add_stuck_pause();
	add_hazards();
	finish();
	expect_golden("json", "stuck.json", (struct dw_render_options){0});
}

static void json_of_stalls_is_valid_by_its_schema(void **state)
{
	char *text;
	int r;

	(void)state;
	add_stalls();
	add_stuck_pause();
	add_hazards();
	finish();
	text = rendered("json", (struct dw_render_options){0});
	r = validate(text);
	free(text);
	if (r == 2)
		skip();
	assert_int_equal(r, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_leg_that_gives_says_where_and_after_what),
	    TEST(what_others_give_too_is_named),
	    TEST(what_is_stuck_says_since_when_where_and_who_else_waits),
	    TEST(a_vcpu_that_does_not_answer_says_what_it_handles),
	    TEST(a_stall_says_what_is_not_given),
	    TEST(a_stall_says_who_used_to_give_it),
	    TEST(hazards_are_listed_and_leave_a_clean_result_clean),
	    TEST(contention_is_told_by_lock_and_place_where_it_was_asked_for),
	    TEST(no_contention_is_said_to_be_none),
	    TEST(contention_in_json_is_valid_by_its_schema),
	    TEST(json_tells_what_the_monitor_found),
	    TEST(json_of_stalls_is_valid_by_its_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
