/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/render.h"

#include "symbol/names.h"

#include <string.h>

/* A new format is a file and a row here. */
static const struct dw_renderer *const renderers[] = {
    &dw_render_text,        &dw_render_json,   &dw_render_sarif, &dw_render_junit,
    &dw_render_github,      &dw_render_gitlab, &dw_render_html,  &dw_render_timeline,
    &dw_render_openmetrics, &dw_render_ndjson,
};

static const struct dw_renderer *const graphs[] = {
    &dw_grapher_dot,
    &dw_grapher_svg,
    &dw_grapher_mermaid,
};

static const struct dw_renderer *find(const struct dw_renderer *const *rows, size_t n,
				      const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i]->name, name) == 0)
			return rows[i];
	return NULL;
}

const struct dw_renderer *dw_renderer_find(const char *name)
{
	return find(renderers, sizeof(renderers) / sizeof(renderers[0]), name);
}

const struct dw_renderer *dw_grapher_find(const char *name)
{
	return find(graphs, sizeof(graphs) / sizeof(graphs[0]), name);
}

uint64_t dw_render_n_locks(const struct dw_reported_process *process)
{
	uint64_t n = 0;

	for (uint32_t i = 1; i < process->facts->n_things; i++)
		n += dw_names_thing_is_lock(process->names, i);
	return n;
}

void dw_render_add(struct dw_sums *sums, const struct dw_reported_process *process)
{
	const struct dw_facts *facts = process->facts;

	sums->processes++;
	sums->threads += facts->n_threads ? facts->n_threads - 1 : 0;
	sums->monitored += process->monitored;
	sums->killed += process->was_killed;
	sums->locks += dw_render_n_locks(process);
	sums->things += facts->n_things ? facts->n_things - 1 : 0;
	sums->needs += process->n_needs;
	sums->short_stacks += facts->short_stacks;
	sums->left_out += facts->left_out;
	for (unsigned loss = 0; loss < DW_LOSS_MAX; loss++)
		sums->losses[loss] += facts->losses[loss];
	for (size_t i = 0; i < process->n_findings; i++) {
		const struct dw_finding *finding = process->findings[i].finding;

		if (finding->excuse)
			sums->excused++;
		else if (finding->verdict <= DW_UNDECLARED)
			sums->verdicts[finding->verdict]++;
	}
}

const char *dw_standing_word(unsigned standing)
{
	static const char *const words[] = {
#define X(name, value, text) [value] = text,
	    DW_STANDINGS(X)
#undef X
	};

	return standing < sizeof(words) / sizeof(*words) ? words[standing] : "?";
}
