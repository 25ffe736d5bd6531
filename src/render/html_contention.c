/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/contention.h"
#include "render/html.h"
#include "render/markup.h"

#include <inttypes.h>

/* What is beyond so many rows was hardly waited for: they are in the order of their times. */
#define ROWS_MAX 2000

static void write_row(struct dw_telling *telling, const struct dw_contended *row)
{
	const char *site = row->site ? dw_tell_function(telling, row->site) : DW_SITE_UNKNOWN;

	dw_markup(telling, "<tr data-find><th scope=\"row\"><a href=\"#p%zu-thing-%" PRIu32 "\">",
		  telling->number, row->thing);
	dw_markup_text(telling, dw_tell_thing(telling, row->thing));
	dw_markup(telling, "</a></th><td>");
	dw_markup_element(telling, "code", NULL, site);
	dw_html_where(telling, row->site ? dw_tell_line(telling, row->site) : "");
	dw_markup(telling, "</td><td class=\"number\">%" PRIu64 "</td>", row->n_waits);
	dw_markup_element(telling, "td", "number", dw_contended_span(telling, row->waited_ns));
	dw_markup(telling, "<td class=\"number\">%" PRIu32 "</td>", row->n_threads);
	dw_markup_element(telling, "td", "number", dw_contended_share(telling, row));
	dw_markup_element(telling, "td", "number", dw_contended_span(telling, row->longest_ns));
	dw_markup_element(telling, "td", "number", dw_contended_span(telling, row->held_ns));
	dw_markup(telling, "</tr>\n");
}

void dw_html_contention(struct dw_telling *telling)
{
	struct dw_contended *rows = NULL;
	size_t n = 0;

	if (dw_contention(telling->process, telling->arena, &rows, &n) < 0)
		telling->full = true;
	dw_markup_element(telling, "p", "note", dw_contended_time(telling));
	if (n == 0) {
		dw_markup(telling, "<p>no lock was found taken</p>\n");
		return;
	}
	dw_markup(telling, "<div class=\"scroll\" role=\"region\" aria-label=\"Contention\" "
			   "tabindex=\"0\"><table><thead><tr><th scope=\"col\">lock</th>"
			   "<th scope=\"col\">taken in</th>"
			   "<th scope=\"col\" class=\"number\">waits</th>"
			   "<th scope=\"col\" class=\"number\">in all</th>"
			   "<th scope=\"col\" class=\"number\">threads</th>"
			   "<th scope=\"col\" class=\"number\">of time</th>"
			   "<th scope=\"col\" class=\"number\">longest</th>"
			   "<th scope=\"col\" class=\"number\">held</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < n && i < ROWS_MAX; i++)
		write_row(telling, &rows[i]);
	dw_markup(telling, "</tbody></table></div>\n");
	if (n > ROWS_MAX)
		dw_markup(telling, "<p class=\"note\">%zu more row%s left out</p>\n", n - ROWS_MAX,
			  n - ROWS_MAX == 1 ? " is" : "s are");
}
