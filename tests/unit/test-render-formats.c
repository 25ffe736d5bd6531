/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs get to see, what is drawn, and the page: the same facts in every format. */
#include "graphviz-leaks.h"
#include "sample-report.h"

#include "base/arena.h"
#include "model/picture.h"
#include "render/board.h"
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

static const struct dw_blind blind = {
    .reason = "lost-limit",
    .text = "The recording reached its size limit, 100%; give it more with limit=.",
    .path = "/tmp/qemu.dwr"};

static const struct dw_gate_note notes[] = {
    {.kind = "gone", .path = "ci/baseline", .line = 7, .text = "Who <was> it?", .fails = true},
    {.kind = "broad", .path = "ci/suppressions", .line = 3, .text = "Everything matches."},
    {.kind = "used", .path = "ci/suppressions", .line = 4, .text = "It was used."},
};

static const struct dw_gated gated = {
    .notes = notes, .n_notes = sizeof(notes) / sizeof(notes[0]), .n_unread = 2};

/* With a misuse that the baseline has, a reason to be blind, and notes of the gate. */
static void add_gated(void)
{
	sample.misuses[sample.facts.n_misuses++] = (struct dw_misuse){
	    .kind = DW_MISUSE_UNLOCK,
	    .thread = 2, /* those of add_all() */
	    .thing = 1,
	    .stack = sample_stack("qemu_mutex_lock_impl " WORKER),
	    .holder = 1,
	};
	add((struct dw_finding){.verdict = DW_MISUSE, .misuse = 1}, NULL, 0);
	add_all();
	given.reported[0].standing = DW_STANDING_KNOWN;
	given.reported[0].reason = "who <knows> {it}?";
	given.reported[1].standing = DW_STANDING_NEW;
	given.reported[2].standing = DW_STANDING_LISTED;
	given.process.blind = &blind;
	given.process.n_blind = 1;
	given.report.gate = &gated;
}

static void a_gate_is_told_to_test_reports_and_sites(void **state)
{
	(void)state;
	add_gated();
	expect_golden("junit", "gate.junit.xml", (struct dw_render_options){.all = true});
	expect_golden("github", "gate.github.txt", (struct dw_render_options){0});
	expect_golden("gitlab", "gate.gitlab.json", (struct dw_render_options){0});
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

static void a_gate_is_told_to_sites_that_scan_code(void **state)
{
	char *text;

	(void)state;
	add_gated();
	text = rendered("sarif", (struct dw_render_options){0});
	hide(text, DW_VERSION);
	expect_golden_text(text, "gate.sarif.json");
	free(text);
}

/* What a thread does with a thing, and when. */
#define DO(ns, number, does, thing, of, more)                                                \
	{                                                                                    \
		.time_ns = MS + (ns), .thread = (number), .kind = (does), .object = (thing), \
		.what = (of), .other = (more)                                                \
	}
#define LOCK(number) (START + UINT64_C(64) * (number)) /* as sample_thing() has it */
#define WORK LOCK(1)
#define BQL LOCK(2)
#define FENCEQ LOCK(3)
#define OTHER LOCK(4)
#define SLEEP (DW_NO_MEMORY | (uint64_t)DW_CALL << 40 | 17) /* as dw_thing_address() has it */

static void add_events(void)
{
	static struct dw_event events[] = {
	    DO(0, 1, DW_BORN, 0, 0, 2),
	    DO(1000, 1, DW_WANT, BQL, DW_MUTEX, 0),
	    DO(1500, 1, DW_HOLD, BQL, DW_MUTEX, 0),
	    DO(2000, 1, DW_WANT, FENCEQ, DW_MUTEX, 0),
	    DO(2000, 2, DW_WANT, OTHER, DW_MUTEX, 0),
	    DO(2001, 2, DW_HOLD, OTHER, DW_MUTEX, 0),
	    DO(3000, 2, DW_PARK, WORK, DW_CONDITION, OTHER),
	    DO(5000, 1, DW_HOLD, FENCEQ, DW_MUTEX, 0),
	    DO(6000, 1, DW_DROP, BQL, DW_MUTEX, 0), /* below another */
	    DO(7000, 1, DW_POST, WORK, DW_CONDITION, 0),
	    DO(7500, 2, DW_WAKE, WORK, DW_CONDITION, OTHER),
	    DO(8000, 1, DW_DROP, FENCEQ, DW_MUTEX, 0),
	    DO(8500, 2, DW_ENTER, SLEEP, DW_CALL, 0),
	    DO(9000, 1, DW_KICK, 0, 0, 2),
	    DO(1008500, 2, DW_LEAVE, SLEEP, DW_CALL, 0),
	    DO(1009000, 2, DW_EXIT, 0, 0, 0), /* with a lock */
	    DO(1010000, 1, DW_WANT, FENCEQ, DW_MUTEX, 0),
	    DO(1020000, 1, DW_HOLD, FENCEQ, DW_MUTEX, 0),
	    DO(1021000, 1, DW_WANT, BQL, DW_MUTEX, 0), /* for ever */
	};

	sample_other(DW_CONDITION, 0);
	add_all();
	given.process.events = events;
	given.process.n_events = sizeof(events) / sizeof(events[0]);
}

static void a_timeline_has_what_threads_hold_and_wait_for(void **state)
{
	(void)state;
	add_events();
	expect_golden("timeline", "timeline.json", (struct dw_render_options){0});
}

/* The vCPU has the BQL and wants fenceq_lock; the worker has that one, and waits for the BQL. */
static void add_slots(void)
{
	static union {
		struct dw_slot slot;
		char room[sizeof(struct dw_slot) + 3 * sizeof(struct dw_held)];
	} pictures[2];
	static struct dw_told_slot slots[] = {{0}, {&pictures[0].slot}, {&pictures[1].slot}};

	for (uint32_t i = 0; i < 2; i++) {
		const struct dw_leg *leg = &given.legs[0][i];
		struct dw_slot *slot = &pictures[i].slot;

		slot->top = 1;
		slot->held[1].thing = sample.things[sample.chains[leg->holds].thing].address;
		slot->held[1].chain = leg->holds;
		slot->held[2].thing = sample.things[sample.chains[leg->needs].thing].address;
		slot->held[2].chain = leg->needs;
		slot->wants = slot->held[2].thing;
		sample.threads[i + 1].slot = i + 1;
	}
	sample.threads[2].flags = 0;
	sample.facts.slots = slots;
	sample.facts.n_slots = 3;
}

static void the_board_shows_who_waits_and_who_holds(void **state)
{
	dw_auto(arena) arena = NULL;
	struct dw_board board;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	add_all();
	add_slots();
	assert_int_equal(dw_arena_new(&arena, 1 << 20), 0);
	assert_int_equal(dw_board_make(&board, &given.process, /* before= */ NULL, arena), 0);
	assert_int_equal(dw_board_write(out, &board, /* width= */ 132), 0);
	fclose(out);
	expect_golden_text(text, "board.txt");
	free(text);
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
	    TEST(a_gate_is_told_to_test_reports_and_sites),
	    TEST(a_gate_is_told_to_sites_that_scan_code),
	    TEST(a_timeline_has_what_threads_hold_and_wait_for),
	    TEST(the_board_shows_who_waits_and_who_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
