/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample-facts.h"

#include "gate/fingerprint.h"
#include "symbol/names.h"

#define START UINT64_C(0x7f1200000000)

#define VCPU "kvm_cpu_exec kvm_vcpu_thread_fn qemu_thread_start"
#define WORKER "virtio_gpu_rutabaga_fence_cb cross_domain_worker"

/* What a variation of the finding below differs in. */
struct variation {
	uint64_t start;        /* where the program is loaded */
	uint32_t first;        /* the leg that the cycle starts with */
	uint32_t others;       /* locks that were told before */
	const char *lock;      /* in place of fenceq_lock */
	const char *outermost; /* of the first leg's stacks, in place of kvm_vcpu_thread_fn */
	const char *site;      /* where the first leg takes fenceq_lock */
};

static const struct variation plain = {
    START, 0, 0, "fenceq_lock", "kvm_vcpu_thread_fn", "virtio_gpu_rutabaga_process_cmdq",
};

/* BQL -> fenceq_lock -> BQL, and its fingerprint in @ret. */
static void fingerprint(struct variation variation, char *ret)
{
	dw_auto(names) names = NULL;
	struct dw_finding finding = {.verdict = DW_POTENTIAL, .n_legs = 2};
	struct dw_leg legs[3];
	char holds[256], needs[256];
	uint32_t bql, lock;

	sample_begin(variation.start);
	for (uint32_t i = 0; i < variation.others; i++) {
		sample_thread("other", NULL, 0);
		sample_thing("new_lock", 0, 0);
	}
	bql = sample_thing(NULL, 0, DW_THING_BQL);
	lock = sample_thing(variation.lock, 0, 0);
	snprintf(holds, sizeof(holds), "kvm_cpu_exec %s qemu_thread_start", variation.outermost);
	snprintf(needs, sizeof(needs), "qemu_mutex_lock_impl %s kvm_cpu_exec %s qemu_thread_start",
		 variation.site, variation.outermost);
	legs[0] = sample_leg(1 + variation.others, bql, holds, lock, needs);
	legs[1] = sample_leg(2 + variation.others, lock, WORKER, bql,
			     "bql_lock_impl prepare_mmio_access " WORKER);
	legs[2] = legs[0];
	finding.legs = &legs[variation.first];
	assert_int_equal(dw_names_new(&names, &sample.facts), 0);
	dw_fingerprint(&finding, &sample.facts, names, ret);
}

static void expect(struct variation variation, bool same)
{
	char before[DW_FINGERPRINT_SIZE], after[DW_FINGERPRINT_SIZE];

	fingerprint(plain, before);
	fingerprint(variation, after);
	assert_int_equal(strlen(before), 16);
	assert_int_equal(strspn(before, "0123456789abcdef"), 16);
	assert_int_equal(strcmp(before, after) == 0, same);
}

static void the_leg_that_a_cycle_starts_with_does_not_matter(void **state)
{
	struct variation variation = plain;

	(void)state;
	variation.first = 1;
	expect(variation, true);
}

static void addresses_and_numbers_do_not_matter(void **state)
{
	struct variation variation = plain;

	(void)state;
	variation.start = UINT64_C(0x555500000000);
	variation.others = 3;
	expect(variation, true);
}

static void another_lock_matters(void **state)
{
	struct variation variation = plain;

	(void)state;
	variation.lock = "chr_write_lock";
	expect(variation, false);
}

static void another_outermost_function_matters(void **state)
{
	struct variation variation = plain;

	(void)state;
	variation.outermost = "main_of_sample";
	expect(variation, false);
}

static void what_is_called_in_between_does_not_matter(void **state)
{
	struct variation variation = plain;

	(void)state;
	variation.site = "virtio_notify";
	expect(variation, true);
}

/* A -> B -> C against A -> C -> B: the same locks and stacks, and another cycle. */
static void the_direction_of_a_cycle_matters(void **state)
{
	dw_auto(names) names = NULL;
	struct dw_finding finding = {.verdict = DW_POTENTIAL, .n_legs = 3};
	char there[DW_FINGERPRINT_SIZE], back[DW_FINGERPRINT_SIZE];
	uint32_t a, b, c;

	(void)state;
	sample_begin(START);
	a = sample_thing("fenceq_lock", 0, 0);
	b = sample_thing("new_lock", 0, 0);
	c = sample_thing("chr_write_lock", 0, 0);
	struct dw_leg forth[] = {sample_leg(1, a, VCPU, b, VCPU), sample_leg(2, b, VCPU, c, VCPU),
				 sample_leg(3, c, VCPU, a, VCPU)};
	struct dw_leg reverse[] = {sample_leg(1, a, VCPU, c, VCPU), sample_leg(2, c, VCPU, b, VCPU),
				   sample_leg(3, b, VCPU, a, VCPU)};
	assert_int_equal(dw_names_new(&names, &sample.facts), 0);
	finding.legs = forth;
	dw_fingerprint(&finding, &sample.facts, names, there);
	finding.legs = reverse;
	dw_fingerprint(&finding, &sample.facts, names, back);
	assert_string_not_equal(there, back);
}

/* BQL -> a semaphore -> BQL: the semaphore is given at @post, by @outermost. */
static void fingerprint_of_post(const char *post, enum dw_verdict verdict, uint32_t first,
				char *ret)
{
	dw_auto(names) names = NULL;
	struct dw_finding finding = {.verdict = verdict, .n_legs = 2};
	struct dw_leg legs[3];
	uint32_t bql, semaphore;

	sample_begin(START);
	bql = sample_thing(NULL, 0, DW_THING_BQL);
	semaphore = sample_other(DW_SEMAPHORE, 0);
	legs[0] = sample_leg(1, bql, VCPU, semaphore, "qemu_sem_wait do_run_on_cpu " VCPU);
	sample.chains[legs[0].needs].how = DW_WAITS;
	legs[1] = (struct dw_leg){
	    .thread = 2,
	    .needs = sample_chain(2, 0, bql, sample_stack("bql_lock_impl main_of_sample"), 0, 0)};
	legs[1].post = sample_post(2, semaphore, post, legs[1].needs);
	legs[2] = legs[0];
	finding.legs = &legs[first];
	assert_int_equal(dw_names_new(&names, &sample.facts), 0);
	dw_fingerprint(&finding, &sample.facts, names, ret);
}

static void who_gives_a_thing_matters_as_who_holds_one_does(void **state)
{
	char prints[5][DW_FINGERPRINT_SIZE];

	(void)state;
	fingerprint_of_post("qemu_sem_post fb_lock main_of_sample", DW_POTENTIAL, 0, prints[0]);
	fingerprint_of_post("qemu_sem_post fb_lock main_of_sample", DW_POTENTIAL, 1, prints[1]);
	fingerprint_of_post("qemu_sem_post main_of_sample", DW_POTENTIAL, 0, prints[2]);
	fingerprint_of_post("qemu_sem_post fb_lock cross_domain_worker", DW_POTENTIAL, 0,
			    prints[3]);
	fingerprint_of_post("qemu_sem_post fb_lock main_of_sample", DW_DEADLOCK, 0, prints[4]);
	assert_string_equal(prints[0], prints[1]);
	assert_string_equal(prints[0], prints[2]);
	assert_string_not_equal(prints[0], prints[3]);
	assert_string_not_equal(prints[0], prints[4]);
}

/* What the monitor found has no chain where nothing is held; and a path has a beginning. */
static void a_stall_is_told_by_what_waits_and_where_it_is(void **state)
{
	dw_auto(names) names = NULL;
	static const char *const now[] = {VCPU, ("fb_lock " VCPU), WORKER};
	char prints[4][DW_FINGERPRINT_SIZE];
	struct dw_leg leg = {.thread = 1};

	(void)state;
	sample_begin(START);
	leg.holds = sample_chain(1, 0, sample_thing("new_lock", 0, 0), sample_stack(VCPU), 0, 0);
	sample_thread("COLO incoming", NULL, 0);
	sample.found_legs[1][0] = (struct dw_found_leg){
	    .thread = 1, .holds = leg.holds, .thing = sample_other(DW_ENDING, 1)};
	for (uint32_t i = 1; i <= 2; i++)
		sample.founds[sample.facts.n_founds++] = (struct dw_found){
		    .legs = sample.found_legs[i], .n_legs = 1, .verdict = DW_FOUND_STALL};
	assert_int_equal(dw_names_new(&names, &sample.facts), 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct dw_finding finding = {
		    .verdict = DW_STALL, .legs = &leg, .n_legs = 1, .found = i < 3 ? 1 : 2};

		leg.stack = sample_stack(now[i % 3]);
		dw_names_free(names);
		assert_int_equal(dw_names_new(&names, &sample.facts), 0);
		dw_fingerprint(&finding, &sample.facts, names, prints[i]);
	}
	assert_string_equal(prints[0], prints[1]);
	assert_string_not_equal(prints[0], prints[2]);
	assert_string_not_equal(prints[0], prints[3]);
}

static void misuse_at_two_sites_is_two_findings(void **state)
{
	dw_auto(names) names = NULL;
	char prints[3][DW_FINGERPRINT_SIZE];
	static const char *const stacks[] = {"fb_lock main_of_sample", "msix_notify main_of_sample",
					     "qemu_mutex_lock_impl fb_lock main_of_sample"};

	(void)state;
	sample_begin(START);
	sample_thing("new_lock", 0, 0);
	for (uint32_t i = 0; i < 3; i++)
		sample.misuses[sample.facts.n_misuses++] = (struct dw_misuse){
		    .kind = DW_MISUSE_UNLOCK,
		    .thing = 1,
		    .thread = 1,
		    .stack = sample_stack(stacks[i]),
		};
	assert_int_equal(dw_names_new(&names, &sample.facts), 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct dw_finding finding = {.verdict = DW_MISUSE, .misuse = i + 1};

		dw_fingerprint(&finding, &sample.facts, names, prints[i]);
	}
	assert_string_not_equal(prints[0], prints[1]);
	assert_string_equal(prints[0], prints[2]);
}

static void what_compilers_add_to_names_is_cut(void **state)
{
	static const char *const names[][2] = {
	    {"poll", "poll"},
	    {"poll.part.0", "poll"},
	    {"poll.constprop.1.isra.0", "poll"},
	    {"poll.cold", "poll"},
	    {"poll.llvm.1234567890", "poll"},
	    {"poll.lto_priv.3.localalias", "poll"},
	    {"counter.17", "counter"},
	    {"fence::poll [clone .part.0] [clone .cold]", "fence::poll"},
	    {"vmm::CpuManager::pause::h0123456789abcdef", "vmm::CpuManager::pause"},
	    {"mutex of worker_new #12", "mutex of worker_new"},
	    {"pool+0x28", "pool+0x28"},
	    {"::h0123456789abcdef", "::h0123456789abcdef"},
	    {"v2.poll", "v2.poll"},
	    {".0", ".0"},
	    {"", ""},
	};
	char plain_name[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		dw_fingerprint_function(names[i][0], plain_name, sizeof(plain_name));
		assert_string_equal(plain_name, names[i][1]);
	}
	dw_fingerprint_function("abcdef", plain_name, 4);
	assert_string_equal(plain_name, "abc");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_leg_that_a_cycle_starts_with_does_not_matter),
	    cmocka_unit_test(addresses_and_numbers_do_not_matter),
	    cmocka_unit_test(another_lock_matters),
	    cmocka_unit_test(another_outermost_function_matters),
	    cmocka_unit_test(what_is_called_in_between_does_not_matter),
	    cmocka_unit_test(the_direction_of_a_cycle_matters),
	    cmocka_unit_test(who_gives_a_thing_matters_as_who_holds_one_does),
	    cmocka_unit_test(a_stall_is_told_by_what_waits_and_where_it_is),
	    cmocka_unit_test(misuse_at_two_sites_is_two_findings),
	    cmocka_unit_test(what_compilers_add_to_names_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
