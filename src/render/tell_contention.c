/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of what was waited for longest. */
#include "render/contention.h"
#include "render/escape.h"
#include "render/inspected.h"
#include "render/tell.h"

#include <inttypes.h>

/* Wider names push what follows them aside in their own row only. */
#define LOCK_WIDTH_MAX 56

const char *dw_contended_span(struct dw_telling *telling, uint64_t ns)
{
	return ns ? dw_tell_span(telling, ns) : "-";
}

static uint64_t percent(uint64_t part, uint64_t all)
{
	return all ? (uint64_t)(100 * (double)part / (double)all + 0.5) : 0;
}

const char *dw_contended_share(struct dw_telling *telling, const struct dw_contended *row)
{
	int part = dw_contended_part(row, telling->process->facts);

	return part < 0 || !row->waited_ns ? "-" : dw_tell_text(telling, "%d %%", part);
}

static int lock_width(struct dw_telling *telling, const struct dw_contended *rows, size_t n)
{
	size_t widest = sizeof("lock") - 1;

	for (size_t i = 0; i < n; i++) {
		size_t width = dw_escape_width(dw_tell_thing(telling, rows[i].thing));

		if (width <= LOCK_WIDTH_MAX && width > widest)
			widest = width;
	}
	return (int)widest;
}

static void tell_row(struct dw_telling *telling, const struct dw_contended *row, int width,
		     uint64_t all_ns)
{
	const char *lock = dw_tell_thing(telling, row->thing);
	const char *line = row->site ? dw_tell_line(telling, row->site) : "";
	int pad = width - (int)dw_escape_width(lock);

	dw_tell(telling, DW_STYLE_PLAIN,
		"  %8" PRIu64 "  %8s  %3" PRIu64 " %%  %7" PRIu32 "  %7s  %8s  %8s  ", row->n_waits,
		dw_contended_span(telling, row->waited_ns), percent(row->waited_ns, all_ns),
		row->n_threads, dw_contended_share(telling, row),
		dw_contended_span(telling, row->longest_ns),
		dw_contended_span(telling, row->held_ns));
	dw_tell(telling, DW_STYLE_BOLD, "%s", lock);
	dw_tell(telling, DW_STYLE_PLAIN, "%*s  %s", pad > 0 ? pad : 0, "",
		row->site ? dw_tell_function(telling, row->site) : DW_SITE_UNKNOWN);
	if (line[0])
		dw_tell(telling, DW_STYLE_DIM, "  %s", line);
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}

const char *dw_contended_time(struct dw_telling *telling)
{
	uint64_t run_ns = telling->process->facts->run_ns;

	if (!run_ns)
		return "of time: not known, as nobody saw for how long the process ran";
	return dw_tell_text(
	    telling,
	    "of time: what each of the threads that waited there waited on the average, of "
	    "the %s that the process was seen to run",
	    dw_tell_span(telling, run_ns));
}

static bool is_sampled(const struct dw_telling *telling)
{
	const struct dw_inspected *inspected = telling->process->inspected;

	return inspected && inspected->is_text;
}

void dw_tell_contention(struct dw_telling *telling)
{
	struct dw_contended *rows = NULL;
	uint64_t all_ns = 0;
	size_t n = 0;
	int width;

	if (dw_contention(telling->process, telling->arena, &rows, &n) < 0)
		telling->full = true;
	dw_tell(telling, DW_STYLE_BOLD, "contention in %s", dw_tell_process(telling));
	dw_tell(telling, DW_STYLE_PLAIN,
		is_sampled(telling)
		    ? ": each sample that has a thread waiting counts as a wait until the next\n"
		    : ": measured where a lock was found taken; takings that need not wait are "
		      "not counted\n");
	dw_tell(telling, DW_STYLE_PLAIN, "%s\n\n", dw_contended_time(telling));
	if (n == 0) {
		dw_tell(telling, DW_STYLE_PLAIN, "  no lock was found taken\n\n");
		return;
	}
	for (size_t i = 0; i < n; i++)
		all_ns += rows[i].waited_ns;
	width = lock_width(telling, rows, n);
	dw_tell(telling, DW_STYLE_DIM, "  %8s  %8s  %5s  %7s  %7s  %8s  %8s  %-*s  %s\n", "waits",
		"in all", "share", "threads", "of time", "longest", "held", width, "lock",
		"taken in");
	for (size_t i = 0; i < n; i++)
		tell_row(telling, &rows[i], width, all_ns);
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}
