/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people write for a gate, right and wrong: baselines, suppressions, orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/baseline.h"
#include "gate/declared.h"
#include "gate/lines.h"
#include "gate/suppression.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "# deadwatch baseline 1\n"
#define ONE "potential 0123456789abcdef \"BQL -> a -> BQL\": the reason\n"
#define TWO "misuse fedcba9876543210 \"main unlocks a: b\": x\n"

static struct dw_wrong wrong;

static struct dw_baseline *baseline_of(const char *text)
{
	struct dw_baseline *baseline = NULL;

	assert_int_equal(dw_baseline_parse(&baseline, text, strlen(text), &wrong), 0);
	return baseline;
}

static char *written(struct dw_baseline *baseline, bool prune)
{
	static char *text;
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(dw_baseline_write(out, baseline, prune), 0);
	fclose(out);
	return text;
}

static void expect_written(struct dw_baseline *baseline, bool prune, const char *expected)
{
	char *text = written(baseline, prune);

	assert_string_equal(text, expected);
	free(text);
}

static void a_baseline_is_written_as_it_was_read(void **state)
{
	const char *text = HEAD "\n# for A\n" ONE "# for B\n\n" TWO "# the end\n";
	dw_auto(baseline) baseline = baseline_of(text);

	(void)state;
	expect_written(baseline, false, text);
}

static void what_is_added_is_sorted_in_and_wants_a_reason(void **state)
{
	dw_auto(baseline) baseline = baseline_of(HEAD ONE TWO);

	(void)state;
	assert_int_equal(dw_baseline_add(baseline, "potential", "aaaaaaaaaaaaaaaa", "\"A\"\n -> B"),
			 0);
	expect_written(baseline, false,
		       HEAD ONE "potential aaaaaaaaaaaaaaaa \"'A'? -> B\": TODO\n" TWO);
}

static void an_entry_is_its_verdict_and_its_fingerprint(void **state)
{
	dw_auto(baseline) baseline = baseline_of(HEAD ONE);
	const struct dw_baseline_entry *entry;

	(void)state;
	entry = dw_baseline_find(baseline, "potential", "0123456789abcdef");
	assert_non_null(entry);
	assert_string_equal(entry->reason, "the reason");
	assert_string_equal(entry->chain, "BQL -> a -> BQL");
	assert_int_equal(entry->line, 2);
	assert_null(dw_baseline_find(baseline, "deadlock", "0123456789abcdef"));
	assert_null(dw_baseline_find(baseline, "potential", "0123456789abcdee"));
}

static void pruning_leaves_what_was_seen(void **state)
{
	dw_auto(baseline) baseline = baseline_of(HEAD "# A\n" ONE TWO);

	(void)state;
	dw_baseline_find(baseline, "misuse", "fedcba9876543210")->seen = true;
	expect_written(baseline, true, HEAD TWO);
}

static void line_ends_of_other_systems_are_none(void **state)
{
	dw_auto(baseline) baseline =
	    baseline_of("# deadwatch baseline 1\r\npotential 0123456789abcdef \"A\": x\r\n");

	(void)state;
	assert_string_equal(dw_baseline_find(baseline, "potential", "0123456789abcdef")->reason,
			    "x");
}

static void expect_no_baseline(const char *text, size_t size, unsigned line, const char *why)
{
	struct dw_baseline *baseline = NULL;

	assert_int_equal(dw_baseline_parse(&baseline, text, size, &wrong), 1);
	assert_int_equal(wrong.line, line);
	if (!strstr(wrong.why, why))
		fail_msg("'%s' does not say '%s'", wrong.why, why);
}

static void a_wrong_baseline_says_its_line_and_why(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *why;
	} texts[] = {
	    {"", 1, "no baseline"},
	    {ONE, 1, "no baseline"},
	    {"# deadwatch baseline 2\n", 1, "another version"},
	    {HEAD "possible 0123456789abcdef \"A\": x\n", 2, "'possible' is no verdict"},
	    {HEAD ONE "potential 0123456789abcde \"A\": x\n", 3, "no fingerprint"},
	    {HEAD "potential 0123456789abcdeg \"A\": x\n", 2, "no fingerprint"},
	    {HEAD "potential 0123456789abcdef A: x\n", 2, "is missing"},
	    {HEAD "potential 0123456789abcdef \"A: x\n", 2, "is missing"},
	    {HEAD "potential 0123456789abcdef \"A\" x\n", 2, "is missing"},
	    {HEAD "potential 0123456789abcdef \"A\":\n", 2, "reason"},
	    {HEAD "potential 0123456789abcdef \"A\":  \n", 2, "reason"},
	    {HEAD ONE "\n" ONE, 4, "there already"},
	    {HEAD "potential", 2, "no fingerprint"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		expect_no_baseline(texts[i].text, strlen(texts[i].text), texts[i].line,
				   texts[i].why);
	expect_no_baseline(HEAD "\n\0", sizeof(HEAD "\n\0") - 1, 3, "zero byte");
}

static void patterns_are_searched_for_in_names(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} pairs[] = {
	    {"fence", "virgl_fence_poll", true},
	    {"fence", "virgl_fenc", false},
	    {"^virgl", "virgl_fence", true},
	    {"^fence", "virgl_fence", false},
	    {"poll$", "fence_poll", true},
	    {"fence$", "fence_poll", false},
	    {"^fence_poll$", "fence_poll", true},
	    {"^fence$", "fence_poll", false},
	    {"v*_p*l", "virgl_fence_poll", true},
	    {"p*v", "virgl_poll", false},
	    {"^v*l$", "virgl_poll", true},
	    {"^v*x$", "virgl_poll", false},
	    {"*", "", true},
	    {"a*b*c$", "a_b_c_b_c", true},
	    {"^a*c", "abd", false},
	    {"$", "x", true},
	    {"^$", "x", false},
	    {"aab", "aaab", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (dw_suppression_matches(pairs[i].pattern, pairs[i].name) != pairs[i].matches)
			fail_msg("'%s' in '%s'", pairs[i].pattern, pairs[i].name);
}

static void suppressions_of_other_tools_are_left_alone(void **state)
{
	static const char text[] = "# a comment\n\nrace:foo\ndeadlock:bar*\n hazard:x \n";
	dw_auto(suppressions) suppressions = NULL;
	const struct dw_suppression *entries;
	size_t n;

	(void)state;
	assert_int_equal(dw_suppressions_new(&suppressions), 0);
	assert_int_equal(
	    dw_suppressions_parse(suppressions, "file", text, sizeof(text) - 1, &wrong), 0);
	entries = dw_suppressions_entries(suppressions, &n);
	assert_int_equal(n, 2);
	assert_string_equal(entries[0].pattern, "bar*");
	assert_int_equal(entries[0].line, 4);
	assert_string_equal(entries[1].text, "hazard:x");
	assert_false(dw_suppression_is_broad(&entries[0]));
}

static void a_wrong_suppression_says_its_line_and_why(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *why;
	} texts[] = {
	    {"deadlock\n", 1, "KIND:PATTERN"},
	    {"\nlock:x\n", 2, "'lock' is none of"},
	    {"stall:\n", 1, "empty"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		dw_auto(suppressions) suppressions = NULL;

		assert_int_equal(dw_suppressions_new(&suppressions), 0);
		assert_int_equal(dw_suppressions_parse(suppressions, "file", texts[i].text,
						       strlen(texts[i].text), &wrong),
				 1);
		assert_int_equal(wrong.line, texts[i].line);
		assert_non_null(strstr(wrong.why, texts[i].why));
	}
}

static void what_is_nothing_but_wildcards_is_too_broad(void **state)
{
	struct dw_suppression many = {.pattern = "x", .n_different = DW_SUPPRESSION_BROAD_MIN + 1};

	(void)state;
	assert_true(dw_suppression_is_broad(&(struct dw_suppression){.pattern = "^*$"}));
	assert_false(dw_suppression_is_broad(&(struct dw_suppression){.pattern = "^x*"}));
	assert_true(dw_suppression_is_broad(&many));
}

static void an_order_that_contradicts_itself_is_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *why;
	} texts[] = {
	    {"A -> B\n", 1, "no order"},
	    {"# deadwatch order 1\nA -> B -> C\nC -> A\n", 3, "'C' cannot come before 'A'"},
	    {"# deadwatch order 1\nA -> A\n", 2, "cannot come before"},
	    {"# deadwatch order 1\nA\n", 2, "neither"},
	    {"# deadwatch order 1\nA -> -> B\n", 2, "name of a lock is missing"},
	    {"# deadwatch order 1\nwaits A\n", 2, "colon"},
	    {"# deadwatch order 1\nwaits A: b,, c\n", 2, "between commas"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct dw_declared *declared = NULL;

		assert_int_equal(
		    dw_declared_parse(&declared, texts[i].text, strlen(texts[i].text), &wrong), 1);
		assert_int_equal(wrong.line, texts[i].line);
		if (!strstr(wrong.why, texts[i].why))
			fail_msg("'%s' does not say '%s'", wrong.why, texts[i].why);
	}
}

/* Where every line is compared with all before it, the two below take longer than a test may. */
static void a_baseline_of_any_length_is_read_at_once(void **state)
{
	static char text[12 << 20];
	size_t n = (size_t)snprintf(text, sizeof(text), HEAD);
	dw_auto(baseline) baseline = NULL;
	unsigned i = 0;

	(void)state;
	for (; n + 64 < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "stall %016x \"a\": b\n", i);
	assert_int_equal(dw_baseline_parse(&baseline, text, n, &wrong), 0);
	snprintf(text + n, sizeof(text) - n, "stall %016x \"a\": b\n", i / 2);
	baseline = dw_baseline_free(baseline);
	assert_int_equal(dw_baseline_parse(&baseline, text, strlen(text), &wrong), 1);
	assert_non_null(strstr(wrong.why, "is there already"));
}

static void an_order_of_any_length_is_read_at_once(void **state)
{
	static char text[3 << 20];
	size_t n = (size_t)snprintf(text, sizeof(text), "# deadwatch order 1\n");
	dw_auto(declared) declared = NULL;

	(void)state;
	for (unsigned i = 0; n + 64 < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "l%u -> l%u\n", i % 1023,
				      i % 1023 + 1);
	assert_int_equal(dw_declared_parse(&declared, text, n, &wrong), 0);
	snprintf(text + n, sizeof(text) - n, "l1023 -> l0\n");
	declared = dw_declared_free(declared);
	assert_int_equal(dw_declared_parse(&declared, text, strlen(text), &wrong), 1);
	assert_non_null(strstr(wrong.why, "'l1023' cannot come before 'l0'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_baseline_is_written_as_it_was_read),
	    cmocka_unit_test(what_is_added_is_sorted_in_and_wants_a_reason),
	    cmocka_unit_test(an_entry_is_its_verdict_and_its_fingerprint),
	    cmocka_unit_test(pruning_leaves_what_was_seen),
	    cmocka_unit_test(line_ends_of_other_systems_are_none),
	    cmocka_unit_test(a_wrong_baseline_says_its_line_and_why),
	    cmocka_unit_test(patterns_are_searched_for_in_names),
	    cmocka_unit_test(suppressions_of_other_tools_are_left_alone),
	    cmocka_unit_test(a_wrong_suppression_says_its_line_and_why),
	    cmocka_unit_test(what_is_nothing_but_wildcards_is_too_broad),
	    cmocka_unit_test(an_order_that_contradicts_itself_is_refused),
	    cmocka_unit_test(a_baseline_of_any_length_is_read_at_once),
	    cmocka_unit_test(an_order_of_any_length_is_read_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
