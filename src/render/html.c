/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For people who would rather look than read: one page that needs nothing else. Without its script
 * it says all the same; with it, it is searched and walked through.
 */
#include "render/html.h"

#include "base/arena.h"
#include "base/error.h"
#include "render/embedded.h"
#include "render/last.h"
#include "render/markup.h"
#include "render/say.h"

#include <errno.h>
#include <inttypes.h>

/* Names, boxes and needs of one process, or the words of one finding. */
#define PART_MEMORY_MAX ((size_t)1 << 30)

/* Writes a part of the page about telling->process; @context is the caller's. */
typedef int write_part(struct dw_telling *telling, void *context);

/* Each part has an arena of its own, so that a page of many recordings takes no more than one. */
static int write_alone(struct dw_telling telling, write_part *write, void *context)
{
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, PART_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	telling.arena = arena;
	r = write(&telling, context);
	if (r == 0 && telling.full)
		r = dw_raise(-ENOMEM);
	return r < 0 ? dw_pass(r) : 0;
}

/* The same for each process of @report; a heading tells them apart where there are several. @what
 * it is is for who waits. */
static int write_each(struct dw_telling telling, const struct dw_report *report, const char *what,
		      write_part *write)
{
	for (size_t i = 0; i < report->n_processes; i++) {
		int r;

		telling.process = &report->processes[i];
		telling.number = i;
		dw_tell_doing(&telling, what, i + 1, report->n_processes);
		r = write_alone(telling, write, NULL);
		if (r < 0)
			return dw_pass(r);
	}
	return 0;
}

static void write_name_of_process(struct dw_telling *telling)
{
	if (telling->is_one_of)
		dw_markup_element(telling, "h3", "process", dw_tell_process(telling));
}

static void write_blind(struct dw_telling *telling, const struct dw_blind *blind, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dw_markup(telling, "<p class=\"blind\"><b>blind</b> (");
		dw_markup_text(telling, dw_tell_name(telling, blind[i].reason));
		dw_markup(telling, "): ");
		dw_markup_text(telling, dw_tell_name(telling, blind[i].text));
		dw_markup(telling, "</p>\n");
	}
}

static void write_last(struct dw_telling *telling)
{
	struct dw_last last;
	bool any = false;

	for (uint32_t t = 1; t < telling->process->facts->n_threads; t++) {
		if (!dw_last_seen(telling->process, t, &last))
			continue;
		if (!any)
			dw_markup(telling, "<p>%s:</p><ul>\n", DW_SAY_LAST_SEEN);
		any = true;
		dw_markup_element(telling, "li", NULL, dw_say_last(telling, &last));
	}
	dw_markup(telling, any ? "</ul>\n" : "");
}

static int write_process(struct dw_telling *telling, void *context)
{
	(void)context;
	dw_markup_element(telling, "p", NULL, dw_say_process(telling, /* all= */ true));
	for (uint32_t i = 1; i < telling->process->facts->n_silences; i++) {
		dw_markup(telling, "<p class=\"blind\"><b>silent</b>: ");
		dw_markup_text(telling, dw_say_silence(telling, i));
		dw_markup(telling, "</p>\n");
	}
	write_last(telling);
	write_blind(telling, telling->process->blind, telling->process->n_blind);
	return 0;
}

/* The findings of which group are being written, and how many there were so far. */
struct findings {
	const struct dw_reported_process *process;
	const struct dw_reported *reported;
	size_t number, n;
	bool excused;
};

static int write_finding(struct dw_telling *telling, void *context)
{
	struct findings *findings = context;

	return dw_html_finding(telling, findings->reported, ++findings->number);
}

/* Findings with an excuse, or without. */
static int write_findings(struct dw_telling telling, const struct dw_report *report,
			  struct findings *findings)
{
	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_reported_process *process = &report->processes[i];

		telling.process = process;
		telling.number = i;
		for (size_t j = 0; j < process->n_findings; j++) {
			int r;

			findings->reported = &process->findings[j];
			if ((findings->reported->finding->excuse != DW_NO_EXCUSE) !=
			    findings->excused)
				continue;
			dw_tell_doing(&telling, "finding", findings->number + 1, findings->n);
			r = write_alone(telling, write_finding, findings);
			if (r < 0)
				return dw_pass(r);
		}
	}
	return 0;
}

void dw_html_where(struct dw_telling *telling, const char *line)
{
	dw_markup(telling, " ");
	dw_markup_element(telling, "span", "where", line);
}

static int write_threads(struct dw_telling *telling, void *context)
{
	(void)context;
	write_name_of_process(telling);
	dw_html_threads(telling);
	return 0;
}

static int write_net(struct dw_telling *telling, void *context)
{
	(void)context;
	write_name_of_process(telling);
	return dw_html_net(telling);
}

static int write_contention(struct dw_telling *telling, void *context)
{
	(void)context;
	write_name_of_process(telling);
	dw_html_contention(telling);
	return 0;
}

/* "2 potential deadlocks", or the result where nothing was found. */
static const char *result_of(struct dw_telling *telling, const struct dw_report *report)
{
	const char *found = dw_say_found(telling, report);

	return found[0] ? dw_tell_text(telling, "found: %s", found)
			: dw_say_result(telling, report);
}

static int write_head(struct dw_telling *telling, void *context)
{
	const struct dw_report *report = context;

	dw_markup(telling,
		  "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		  "style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'\">\n"
		  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		  "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
		  dw_page_css_hash, dw_page_js_hash);
	if (report->n_processes == 1)
		dw_markup_text(telling, dw_tell_process(telling));
	dw_markup(telling, "%s", report->n_processes == 1 ? ": " : "deadwatch: ");
	dw_markup_text(telling, result_of(telling, report));
	dw_markup(telling, "</title>\n<style>");
	dw_markup(telling, "%s%s", dw_net_css, dw_page_css);
	dw_markup(telling, "</style>\n</head>\n<body>\n");
	return 0;
}

static const char *mood_of(struct dw_telling *telling, const struct dw_report *report)
{
	if (dw_say_found(telling, report)[0])
		return "bad";
	return dw_count(report).n_blind || !report->n_processes ? "mild" : "good";
}

static size_t n_findings(const struct dw_report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n_processes; i++)
		n += report->processes[i].n_findings;
	return n;
}

static int write_header(struct dw_telling *telling, void *context)
{
	const struct dw_report *report = context;

	dw_markup(telling,
		  "<a class=\"skip\" href=\"#main\">Skip to the findings</a>\n<header>\n"
		  "<h1>deadwatch <span class=\"result %s\">",
		  mood_of(telling, report));
	dw_markup_text(telling, result_of(telling, report));
	dw_markup(telling,
		  "</span></h1>\n<nav aria-label=\"Parts of this page\"><a href=\"#findings\">"
		  "Findings <span>%zu</span></a><a href=\"#threads\">Threads</a><a href=\"#locks\">"
		  "Locks and needs</a><a href=\"#contention\">Contention</a></nav>\n"
		  "<div class=\"search\" hidden><label for=\"search\">Search</label>"
		  "<input type=\"search\" id=\"search\" autocomplete=\"off\" spellcheck=\"false\" "
		  "placeholder=\"lock, thread, function, file\">"
		  "<button type=\"button\" id=\"help-button\" aria-haspopup=\"dialog\">Keys"
		  "</button><output id=\"matches\" for=\"search\" "
		  "aria-live=\"polite\"></output></div>\n</header>\n",
		  n_findings(report) - dw_count(report).n_excused);
	return 0;
}

static int write_result(struct dw_telling *telling, void *context)
{
	const struct dw_report *report = context;

	write_blind(telling, report->blind, report->n_blind);
	if (dw_say_hazards(telling, report)[0])
		dw_markup_element(telling, "p", NULL, dw_say_hazards(telling, report));
	if (dw_say_found(telling, report)[0] && dw_say_result(telling, report)[0])
		dw_markup_element(telling, "p", NULL, dw_say_result(telling, report));
	return 0;
}

static int write_excused_summary(struct dw_telling *telling, void *context)
{
	const struct dw_report *report = context;

	dw_markup(telling, "<details class=\"excused\" id=\"excused\"><summary>");
	dw_markup_text(telling, dw_say_excused(telling, report));
	dw_markup(telling, "</summary>\n");
	return 0;
}

static int write_all_findings(const struct dw_telling *telling, const struct dw_report *report)
{
	struct findings findings = {.n = n_findings(report)};
	int r;

	dw_markup((struct dw_telling *)telling,
		  "<section id=\"findings\" aria-labelledby=\"h-findings\">"
		  "<h2 id=\"h-findings\">Findings</h2>\n");
	r = write_findings(*telling, report, &findings);
	if (r == 0 && findings.number == 0)
		fputs("<p>Nothing without an excuse was found.</p>\n", telling->out);
	findings.excused = true;
	if (r == 0 && dw_count(report).n_excused) {
		r = write_alone(*telling, write_excused_summary, (void *)report);
		if (r == 0)
			r = write_findings(*telling, report, &findings);
		fputs("</details>\n", telling->out);
	}
	fputs("</section>\n", telling->out);
	return r < 0 ? dw_pass(r) : 0;
}

/* The other parts: what each is called, and says of itself. */
static const struct {
	const char *id, *title, *note;
	write_part *write;
} sections[] = {
    {"threads", "Threads", "What each held and waited for when it was last seen.", write_threads},
    {"locks", "Locks and needs",
     "An arrow leads from what is held, or given, to what it needs: it is not given before that "
     "is. "
     "Square boxes are locks, round ones are other things to wait for. Locks of one name are "
     "drawn as one.",
     write_net},
    {"contention", "Contention",
     "Measured where a lock was found taken; takings that need not wait are not counted.",
     write_contention},
};

static int write_sections(const struct dw_telling *telling, const struct dw_report *report)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(sections) / sizeof(sections[0]); i++) {
		fprintf(telling->out,
			"<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s</h2>\n"
			"<p class=\"note\">%s</p>\n",
			sections[i].id, sections[i].id, sections[i].id, sections[i].title,
			sections[i].note);
		r = write_each(*telling, report, sections[i].id, sections[i].write);
		fputs("</section>\n", telling->out);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static void write_foot(FILE *out)
{
	fprintf(out,
		"</main>\n<dialog id=\"help\" aria-labelledby=\"h-help\"><h2 id=\"h-help\">Keys"
		"</h2><dl>"
		"<dt><kbd>/</kbd></dt><dd>search</dd><dt><kbd>Esc</kbd></dt><dd>end the search"
		"</dd><dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next, previous finding</dd>"
		"<dt><kbd>f</kbd></dt><dd>findings</dd><dt><kbd>t</kbd></dt><dd>threads</dd>"
		"<dt><kbd>l</kbd></dt><dd>locks and needs</dd><dt><kbd>c</kbd></dt><dd>contention"
		"</dd><dt><kbd>?</kbd></dt><dd>this</dd></dl>"
		"<form method=\"dialog\"><button>Close</button></form></dialog>\n"
		"<script>%s</script>\n</body>\n</html>\n",
		dw_page_js);
}

static int write_body(const struct dw_telling *telling, const struct dw_report *report)
{
	int r = write_alone(*telling, write_header, (void *)report);

	fputs("<main id=\"main\" tabindex=\"-1\">\n<section id=\"summary\" "
	      "aria-label=\"What was looked at\">\n",
	      telling->out);
	if (r == 0)
		r = write_each(*telling, report, "processes", write_process);
	if (r == 0)
		r = write_alone(*telling, write_result, (void *)report);
	fputs("</section>\n", telling->out);
	if (r == 0)
		r = write_all_findings(telling, report);
	if (r == 0)
		r = write_sections(telling, report);
	write_foot(telling->out);
	return r < 0 ? dw_pass(r) : 0;
}

/* What has an excuse is always there, folded away: one need not ask again to see it. */
static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	struct dw_telling telling = {
	    .out = out,
	    .process = report->processes,
	    .is_one_of = report->n_processes > 1,
	    .doing = options->doing,
	};
	int r = write_alone(telling, write_head, (void *)report);

	if (r == 0)
		r = write_body(&telling, report);
	if (r < 0)
		return dw_pass(r);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_html = {.name = "html", .render = render};
