/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "story-findings.h"

#include "analysis/finding.h"
#include "story-facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static uint32_t thing_of(const struct dw_facts *facts, const struct dw_leg *leg)
{
	return leg->post ? facts->posts[leg->post].thing : facts->chains[leg->holds].thing;
}

static size_t write_cycle(char *to, size_t room, const struct dw_facts *facts,
			  const struct dw_finding *finding)
{
	size_t n = 0;

	for (uint32_t i = 0; i < finding->n_legs; i++)
		n += (size_t)snprintf(to + n, room - n, "%s%s", i ? " " : "",
				      story_word(thing_of(facts, &finding->legs[i])));
	if (finding->verdict == DW_HAZARD)
		n += (size_t)snprintf(to + n, room - n, " %s hazard",
				      story_word(facts->chains[finding->legs[0].needs].thing));
	if (finding->excuse)
		n += (size_t)snprintf(to + n, room - n, " %s", dw_excuse_word(finding->excuse));
	if (finding->gate)
		n += (size_t)snprintf(to + n, room - n, " %s", story_word(finding->gate));
	return n;
}

void assert_nothing_left(const struct dw_analysis *analysis)
{
	struct dw_analysis_limits limits;

	dw_analysis_limits(analysis, &limits);
	assert_int_equal(limits.cycles_not_searched, 0);
	assert_int_equal(limits.choices_not_tried, 0);
}

const char *findings_of(const struct dw_facts *facts)
{
	static char text[4096];
	dw_auto(analysis) analysis = NULL;
	const struct dw_finding *findings;
	size_t n_findings, n = 0;

	text[0] = 0;
	assert_int_equal(dw_analysis_new(&analysis, facts, MEMORY_MAX), 0);
	assert_int_equal(dw_analysis_run(analysis), 0);
	assert_nothing_left(analysis);
	findings = dw_analysis_findings(analysis, &n_findings);
	for (size_t i = 0; i < n_findings; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", i ? "; " : "");
		if (findings[i].verdict == DW_MISUSE)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "misuse %u",
					      findings[i].misuse);
		else
			n += write_cycle(text + n, sizeof(text) - n, facts, &findings[i]);
	}
	return text;
}
