/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs get to see, what is drawn, and the page: the same facts in every format. */
#include "sample-report.h"

#include "render/embedded.h"

#define MS UINT64_C(1000000)

/* What HTML, JSON, Mermaid, Graphviz and metrics each have a meaning for; and no UTF-8. */
#define HOSTILE "a<b>&\"'\\\n#`\xff"

/* BQL -> fenceq_lock -> BQL, a wait for it that was measured, and a thread with a hostile name. */
static void add_all(void)
{
	uint32_t vcpu = sample_thread("CPU 0/KVM", "kvm_vcpu_thread_fn", DW_THREAD_VCPU);
	uint32_t worker = sample_thread(HOSTILE, "cross_domain_worker", DW_THREAD_EXITED);
	uint32_t bql = sample_thing(NULL, 0, DW_THING_BQL);
	uint32_t fenceq = sample_thing("fenceq_lock", 0, 0);
	uint32_t other = sample_thing("new_lock", 0, 0);
	struct dw_leg legs[] = {
	    sample_leg(vcpu, bql, "bql_lock_impl " VCPU, fenceq,
		       "qemu_mutex_lock_impl virtio_gpu_rutabaga_process_cmdq " MMIO),
	    sample_leg(worker, fenceq, "qemu_mutex_lock_impl " WORKER, bql,
		       "bql_lock_impl prepare_mmio_access msix_notify virtio_notify " WORKER),
	};
	struct dw_chain *needs = &sample.chains[legs[1].needs];

	sample_chain(vcpu, legs[0].holds, other, sample_stack("fb_lock " VCPU), 0, 0);
	sample.things[other].name = HOSTILE;
	needs->n_waits = 3;
	needs->waited_ns = 40 * MS;
	needs->longest_ns = 20 * MS;
	sample.facts.run_ns = 1000 * MS;
	add((struct dw_finding){.verdict = DW_POTENTIAL}, legs, 2);
	add((struct dw_finding){.verdict = DW_POTENTIAL,
				.excuse = DW_EXCUSE_GATED,
				.gate = other,
				.excused = {0, 1}},
	    legs, 2);
	finish();
}

static void metrics_tell_counts_waits_and_findings(void **state)
{
	(void)state;
	add_all();
	expect_golden("openmetrics", "metrics.txt", (struct dw_render_options){0});
}

static void lines_tell_findings_and_what_is_of_this_host(void **state)
{
	(void)state;
	add_all();
	expect_golden("ndjson", "lines.ndjson", (struct dw_render_options){0});
}

/* Without its style and script, which are files of their own. */
static char *page_of(struct dw_render_options options)
{
	char *page = rendered("html", options), *style, *script;

	style = strstr(page, dw_net_css);
	assert_non_null(style);
	assert_memory_equal(style + strlen(dw_net_css), dw_page_css, strlen(dw_page_css));
	memmove(style, style + strlen(dw_net_css) + strlen(dw_page_css),
		strlen(style + strlen(dw_net_css) + strlen(dw_page_css)) + 1);
	script = strstr(page, dw_page_js);
	assert_non_null(script);
	memmove(script, script + strlen(dw_page_js), strlen(script + strlen(dw_page_js)) + 1);
	return page;
}

/* Their hashes change with them. */
static void hide(char *page, const char *hash)
{
	char *at = strstr(page, hash);

	assert_non_null(at);
	memset(at, '.', strlen(hash));
}

static void the_page_shows_all_of_it(void **state)
{
	char *page;

	(void)state;
	add_all();
	page = page_of((struct dw_render_options){0});
	hide(page, dw_page_css_hash);
	hide(page, dw_page_js_hash);
	expect_golden_text(page, "page.html");
	free(page);
}

static void nothing_hostile_is_markup(void **state)
{
	char *page;

	(void)state;
	add_all();
	page = page_of((struct dw_render_options){0});
	expect_lacks(page, "<b>&");
	expect_contains(page, "a&lt;b&gt;&amp;&quot;&#39;\\\\x0a#`\\xff");
	free(page);
}

static void a_page_without_recordings_is_blind(void **state)
{
	char *page;

	(void)state;
	given.report.n_processes = 0;
	page = page_of((struct dw_render_options){0});
	expect_contains(page, "blind: no recording was read");
	free(page);
}

static void graphs_are_drawn(void **state)
{
	static const char *const formats[] = {"dot", "mermaid", "svg"};

	(void)state;
	add_all();
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		char name[64],
		    *text = written(dw_grapher_find(formats[i]), (struct dw_render_options){0});
		char *style = strstr(text, dw_net_css);

		if (style)
			memmove(style, style + strlen(dw_net_css),
				strlen(style + strlen(dw_net_css)) + 1);
		snprintf(name, sizeof(name), "graph.%s", formats[i]);
		expect_golden_text(text, name);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(metrics_tell_counts_waits_and_findings),
	    TEST(lines_tell_findings_and_what_is_of_this_host),
	    TEST(the_page_shows_all_of_it),
	    TEST(nothing_hostile_is_markup),
	    TEST(a_page_without_recordings_is_blind),
	    TEST(graphs_are_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
