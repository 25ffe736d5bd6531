/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/picture.h"
#include "render/html.h"
#include "render/markup.h"
#include "render/picture.h"
#include "symbol/names.h"

#include <inttypes.h>

/* So many rows a person may still search, and a browser show at once. */
#define THREADS_MAX 5000

static void write_name(struct dw_telling *telling, const struct dw_pictures *pictures,
		       const struct dw_held *held)
{
	const char *name = dw_pictures_name(pictures, held);
	uint32_t thing = dw_pictures_thing(pictures, held->thing);

	if (!name) {
		dw_markup(telling, "a thing that is not known");
		return;
	}
	if (thing)
		dw_markup(telling, "<a href=\"#p%zu-thing-%" PRIu32 "\">", telling->number, thing);
	dw_markup_text(telling, dw_tell_name(telling, name));
	dw_markup(telling, thing ? "</a>" : "");
}

static void write_held(struct dw_telling *telling, const struct dw_pictures *pictures,
		       const struct dw_slot *slot)
{
	dw_markup(telling, "<td>");
	for (uint32_t i = 1; slot && i <= slot->top; i++) {
		dw_markup(telling, i > 1 ? ", " : "");
		write_name(telling, pictures, &slot->held[i]);
	}
	dw_markup(telling, "</td><td>");
	if (slot && dw_pictures_waits(slot))
		write_name(telling, pictures, dw_pictures_waits(slot));
	dw_markup(telling, "</td>");
}

/* "ended", "a vCPU, not seen being made" */
static const char *state_of(struct dw_telling *telling, const struct dw_told_thread *thread)
{
	const char *what = thread->flags & DW_THREAD_VCPU ? "vCPU" : "";
	const char *how = thread->flags & DW_THREAD_EXITED    ? "ended"
			  : thread->flags & DW_THREAD_FOREIGN ? "foreign"
							      : "";

	return dw_tell_text(telling, "%s%s%s", what, what[0] && how[0] ? ", " : "", how);
}

static void write_thread(struct dw_telling *telling, const struct dw_pictures *pictures,
			 uint32_t number)
{
	struct dw_names *names = telling->process->names;
	const char *start = dw_names_thread_start(names, number);

	dw_markup(telling, "<tr data-find><th scope=\"row\">");
	dw_markup_text(telling, dw_tell_thread(telling, number));
	dw_markup(telling, "</th>");
	dw_markup_element(telling, "td", NULL, start ? dw_tell_name(telling, start) : "");
	dw_markup_element(telling, "td", NULL,
			  state_of(telling, &telling->process->facts->threads[number]));
	write_held(telling, pictures, dw_pictures_slot(pictures, number));
	dw_markup(telling, "</tr>\n");
}

void dw_html_threads(struct dw_telling *telling)
{
	uint32_t n = telling->process->facts->n_threads;
	struct dw_pictures pictures;

	if (dw_pictures_new(&pictures, telling->process, telling->arena) < 0) {
		telling->full = true;
		return;
	}
	dw_markup(telling,
		  "<div class=\"scroll\" role=\"region\" aria-label=\"Threads\" "
		  "tabindex=\"0\"><table><thead><tr><th scope=\"col\">thread"
		  "</th><th scope=\"col\">started in</th><th scope=\"col\">is</th>"
		  "<th scope=\"col\">holds</th><th scope=\"col\">waits for</th></tr></thead>"
		  "<tbody>\n");
	for (uint32_t i = 1; i < n && i <= THREADS_MAX; i++)
		write_thread(telling, &pictures, i);
	dw_markup(telling, "</tbody></table></div>\n");
	if (n > THREADS_MAX + 1)
		dw_markup(telling, "<p class=\"note\">%" PRIu32 " more thread%s left out</p>\n",
			  n - 1 - THREADS_MAX, n == THREADS_MAX + 2 ? " is" : "s are");
}
