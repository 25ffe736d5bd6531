/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report of one process made of facts by hand, and what renderers make of it, compared with
 * files in tests/golden that a person has read. UPDATE=1 in the environment writes them anew;
 * then the difference is to be read. Everything is static: one test at a time.
 */
#pragma once

#include "golden.h"
#include "sample-facts.h"

#include "gate/fingerprint.h"
#include "render/render.h"
#include "symbol/names.h"

#define START UINT64_C(0x7f1200000000)
#define FINDINGS_MAX 8
#define TEXT_SIZE (1 << 17)

#define VCPU "kvm_cpu_exec kvm_vcpu_thread_fn qemu_thread_start"
#define MMIO "memory_region_dispatch_write " VCPU
#define WORKER "virtio_gpu_rutabaga_fence_cb cross_domain_worker"
#define MAIN "main_loop_wait main_of_sample"

/* A report of one process, which the tests fill. */
static struct {
	struct dw_names *names;
	struct dw_finding findings[FINDINGS_MAX];
	struct dw_leg legs[FINDINGS_MAX][3];
	struct dw_reported reported[FINDINGS_MAX];
	char fingerprints[FINDINGS_MAX][DW_FINGERPRINT_SIZE];
	struct dw_reported_process process;
	struct dw_report report;
} given;

static inline int begin(void **state)
{
	(void)state;
	memset(&given, 0, sizeof(given));
	sample_begin(START);
	given.process = (struct dw_reported_process){
	    .path = "/tmp/qemu.dwr",
	    .facts = &sample.facts,
	    .findings = given.reported,
	    .n_needs = 12,
	    .n_things = 7,
	};
	given.report = (struct dw_report){.processes = &given.process, .n_processes = 1};
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	dw_names_free(given.names);
	return 0;
}

static inline void add(struct dw_finding finding, const struct dw_leg *legs, uint32_t n_legs)
{
	size_t i = given.process.n_findings++;

	if (n_legs)
		memcpy(given.legs[i], legs, n_legs * sizeof(*legs));
	finding.legs = given.legs[i];
	finding.n_legs = n_legs;
	given.findings[i] = finding;
	given.reported[i] = (struct dw_reported){
	    .finding = &given.findings[i],
	    .fingerprint = given.fingerprints[i],
	    .occurrences = 1,
	};
}

/* All facts are told: names and fingerprints may be asked for. */
static inline void finish(void)
{
	assert_int_equal(dw_names_new(&given.names, &sample.facts), 0);
	given.process.names = given.names;
	for (size_t i = 0; i < given.process.n_findings; i++)
		dw_fingerprint(&given.findings[i], &sample.facts, given.names,
			       given.fingerprints[i]);
}

/* The report as @renderer writes it; the caller frees it. */
static inline char *written(const struct dw_renderer *renderer, struct dw_render_options options)
{
	static char *text;
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(renderer);
	assert_non_null(out);
	assert_int_equal(renderer->render(out, &given.report, &options), 0);
	fclose(out);
	return text;
}

/* The same by the name of a report's format. */
static inline char *rendered(const char *name, struct dw_render_options options)
{
	return written(dw_renderer_find(name), options);
}

static inline void expect_golden(const char *format, const char *name,
				 struct dw_render_options options)
{
	char *text = rendered(format, options);

	expect_golden_text(text, name);
	free(text);
}

static inline void expect_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is missing from:\n%s", part, text);
}

static inline void expect_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' should not be in:\n%s", part, text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
