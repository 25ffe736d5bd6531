/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output.h"

#include "base/error.h"
#include "cli/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether @out is a terminal, and the user has nothing against colour: https://no-color.org has a
 * variable that means so, set and not empty. */
static bool wants_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if ((no_colour && *no_colour) || !term || !strcmp(term, "dumb"))
		return false;
	return isatty(fileno(out));
}

/* Else it is seen as it is written, by a terminal or a pager, and nothing may come between. */
static bool is_file(FILE *out)
{
	struct stat st;

	return fstat(fileno(out), &st) == 0 && S_ISREG(st.st_mode);
}

int dw_output_write(FILE *out, const struct dw_report *report, const struct dw_renderer *renderer,
		    const struct dw_render_options *options)
{
	struct dw_render_options chosen = *options;
	int r;

	chosen.colour = wants_colour(out);
	if (is_file(out)) {
		chosen.doing = dw_progress_write;
		dw_progress_write(renderer->name, /* number= */ 0, /* n= */ 0);
	}
	r = renderer->render(out, report, &chosen);
	dw_progress_clear();
	return r < 0 ? dw_pass(r) : 0;
}

/* A hazard is listed, and no more: nothing closes a cycle through it. */
static bool has_findings(const struct dw_reported_process *process)
{
	for (size_t i = 0; i < process->n_findings; i++)
		if (process->findings[i].finding->excuse == DW_NO_EXCUSE &&
		    process->findings[i].finding->verdict != DW_HAZARD)
			return true;
	return false;
}

enum dw_exit dw_output_exit(const struct dw_report *report)
{
	bool blind = report->n_blind > 0;

	for (size_t i = 0; i < report->n_processes; i++) {
		if (has_findings(&report->processes[i]))
			return DW_EXIT_FINDINGS;
		blind = blind || report->processes[i].n_blind > 0;
	}
	return blind ? DW_EXIT_BLIND : DW_EXIT_CLEAN;
}
