/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The net of needs: a drawing of what matters most, a row for every thing, and, as data for the
 * script, every need, so that what is not drawn can be asked for.
 */
#include "analysis/index.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "render/drawing.h"
#include "render/html.h"
#include "render/json_write.h"
#include "render/markup.h"
#include "render/svg.h"
#include "symbol/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What a page of some megabytes holds, and a browser still searches at once. */
#define THINGS_MAX 5000
#define NEEDS_MAX 50000

/* What is made of one process. */
struct part {
	struct dw_telling *telling;
	struct dw_net_need *needs;
	uint32_t n_needs;
	uint32_t *n_out, *n_in; /* by thing: how many things it needs; how many need it */
	uint64_t *waited_ns;    /* by thing */
	uint32_t *things;       /* numbers of those with needs, those waited for longest first */
	uint32_t n_things;
};

static int compare_things(const void *left, const void *right, void *context)
{
	const struct part *part = context;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	uint64_t waited_a = part->waited_ns[a], waited_b = part->waited_ns[b];
	uint32_t ends_a = part->n_in[a] + part->n_out[a], ends_b = part->n_in[b] + part->n_out[b];

	if (waited_a != waited_b)
		return waited_a > waited_b ? -1 : 1;
	if (ends_a != ends_b)
		return ends_a > ends_b ? -1 : 1;
	return (a > b) - (a < b);
}

static int count_ends(struct part *part)
{
	struct dw_arena *arena = part->telling->arena;
	size_t n = part->telling->process->facts->n_things + (size_t)1;

	part->n_out = dw_arena_alloc(arena, n * sizeof(*part->n_out));
	part->n_in = dw_arena_alloc(arena, n * sizeof(*part->n_in));
	part->things = dw_arena_alloc(arena, n * sizeof(*part->things));
	part->waited_ns = dw_drawing_waited(part->telling->process, arena);
	if (!part->n_out || !part->n_in || !part->things || !part->waited_ns)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < part->n_needs; i++) {
		part->n_out[part->needs[i].from]++;
		part->n_in[part->needs[i].to]++;
	}
	for (uint32_t i = 1; i + 1 < n; i++)
		if (part->n_out[i] || part->n_in[i])
			part->things[part->n_things++] = i;
	qsort_r(part->things, part->n_things, sizeof(*part->things), compare_things, part);
	return 0;
}

static uint32_t n_unlisted(const struct part *part)
{
	return part->n_things > THINGS_MAX ? part->n_things - THINGS_MAX : 0;
}

static int write_drawing(struct part *part)
{
	struct dw_telling *telling = part->telling;
	struct dw_drawing drawing;
	int r = dw_drawing(telling->process, part->needs, part->n_needs, DW_DRAWING_BOXES_MAX,
			   telling->arena, &drawing);

	if (r < 0)
		return dw_pass(r);
	if (drawing.n_things_left_out)
		dw_markup(telling,
			  "<p class=\"note\">Drawn is what matters most; %" PRIu32 " of %" PRIu32
			  " things are not. The search and the list below have %s.</p>\n",
			  drawing.n_things_left_out, drawing.n_things,
			  n_unlisted(part) ? "more" : "all");
	dw_markup(telling, "<div class=\"scroll drawing\" role=\"region\" aria-label=\"What needs "
			   "what, drawn\" tabindex=\"0\">\n");
	r = dw_svg_net(telling, &drawing, DW_SVG_LINKED);
	dw_markup(telling, "</div>\n");
	return r < 0 ? dw_pass(r) : 0;
}

static void write_thing(struct part *part, uint32_t thing)
{
	struct dw_telling *telling = part->telling;
	const char *name = dw_tell_thing(telling, thing);
	uint64_t waited_ns = part->waited_ns[thing];

	dw_markup(telling,
		  "<tr data-find id=\"p%zu-thing-%" PRIu32 "\"><th scope=\"row\"><a href=\"#p%zu-"
		  "thing-%" PRIu32 "\">",
		  telling->number, thing, telling->number, thing);
	dw_markup_text(telling, name);
	dw_markup(telling, "</a></th>");
	dw_markup_element(telling, "td", NULL, dw_names_thing_kind(telling->process->names, thing));
	dw_markup(telling,
		  "<td class=\"number\">%" PRIu32 "</td><td class=\"number\">%" PRIu32 "</td>",
		  part->n_out[thing], part->n_in[thing]);
	dw_markup_element(telling, "td", "number",
			  waited_ns ? dw_tell_span(telling, waited_ns) : "");
	dw_markup(telling, "</tr>\n");
}

static void begin_things(struct part *part)
{
	struct dw_telling *telling = part->telling;
	uint32_t n = n_unlisted(part);

	dw_markup(telling, "<details class=\"things\" data-unlisted=\"%" PRIu32 "\"%s><summary>", n,
		  part->n_things <= DW_DRAWING_BOXES_MAX ? " open" : "");
	if (n)
		dw_markup(
		    telling,
		    "%" PRIu32 " of %" PRIu32
		    " things with needs: those that were waited for longest, or with most needs",
		    part->n_things - n, part->n_things);
	else
		dw_markup(telling, "All %" PRIu32 " things with needs", part->n_things);
	dw_markup(telling, "</summary>");
}

static void write_things(struct part *part)
{
	struct dw_telling *telling = part->telling;

	begin_things(part);
	dw_markup(telling,
		  "<div class=\"scroll\" role=\"region\" aria-label=\"Things\" "
		  "tabindex=\"0\"><table><thead><tr><th scope=\"col\">thing</th>"
		  "<th scope=\"col\">kind</th>"
		  "<th scope=\"col\" class=\"number\">needs</th>"
		  "<th scope=\"col\" class=\"number\">needed by</th>"
		  "<th scope=\"col\" class=\"number\">waited for</th></tr></thead><tbody>\n");
	for (uint32_t i = 0; i < part->n_things && i < THINGS_MAX; i++)
		write_thing(part, part->things[i]);
	dw_markup(telling, "</tbody></table></div></details>\n");
	if (n_unlisted(part))
		dw_markup(telling,
			  "<p class=\"note\">%" PRIu32
			  " more things are not listed, and not searched; "
			  "deadwatch dump has them.</p>\n",
			  n_unlisted(part));
	if (part->n_needs > NEEDS_MAX)
		dw_markup(telling, "<p class=\"note\">%" PRIu32 " more needs are left out</p>\n",
			  part->n_needs - NEEDS_MAX);
}

/* Texts that many needs share, each of them once. */
struct texts {
	struct dw_json_writer *writer;
	const char **all;
	json *array;
	uint32_t n;
	struct dw_index index;
};

static bool same_text(const void *context, uint32_t item, const void *wanted)
{
	return strcmp(((const struct texts *)context)->all[item], wanted) == 0;
}

/* The number of @text. */
static uint32_t text_number(struct texts *texts, const char *text)
{
	uint64_t hash = dw_hash_text(DW_HASH_TEXT_START, text, strlen(text));
	uint32_t known = dw_index_find(&texts->index, hash, same_text, texts, text);

	if (known != DW_INDEX_NONE)
		return known;
	texts->all[texts->n] = text;
	dw_json_append(texts->writer, texts->array, json_object_new_string(text));
	if (dw_index_add(&texts->index, texts->writer->arena, hash, texts->n) < 0)
		texts->writer->failed = true;
	return texts->n++;
}

/* Where a chain took its last thing, as a number of @texts. */
static uint32_t place_number(struct dw_telling *telling, struct texts *texts, uint32_t stack,
			     uint32_t hint)
{
	const struct dw_frame *frame = dw_names_own_frame(telling->process->names, stack, hint);
	const char *line = frame ? dw_tell_line(telling, frame) : "";

	if (!frame)
		return text_number(texts, "");
	return text_number(texts, dw_tell_text(telling, "%s%s%s", dw_tell_function(telling, frame),
					       line[0] ? "  " : "", line));
}

/* [from, to, thread, where it held or gave, where it needed, whether it gave] */
static json *need_json(struct dw_telling *telling, struct texts *texts,
		       const struct dw_net_need *need)
{
	const struct dw_facts *facts = telling->process->facts;
	const struct dw_chain *holds = &facts->chains[need->holds];
	const struct dw_chain *needs = &facts->chains[need->needs];
	const struct dw_post *post = &facts->posts[need->post];
	uint32_t given = need->post ? place_number(telling, texts, post->stack, post->hint)
				    : place_number(telling, texts, holds->stack, holds->hint);
	uint32_t numbers[] = {need->from,
			      need->to,
			      text_number(texts, dw_tell_thread(telling, needs->thread)),
			      given,
			      place_number(telling, texts, needs->stack, needs->hint),
			      need->post != 0};
	json *array = json_object_new_array();

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		dw_json_append(texts->writer, array, json_object_new_uint64(numbers[i]));
	return array;
}

/* In there, nothing but the end of the element has a meaning: no `<` means no end. */
static void write_data(struct dw_telling *telling, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("\\u003c", telling->out);
		else
			fputc(*text, telling->out);
	}
}

static int write_needs(struct part *part)
{
	struct dw_telling *telling = part->telling;
	struct dw_json_writer writer = {.process = telling->process, .arena = telling->arena};
	dw_auto_json object = json_object_new_object();
	struct texts texts = {.writer = &writer, .array = json_object_new_array()};
	json *things = json_object_new_array(), *needs = json_object_new_array();

	/* A need has a thread and two places. */
	texts.all =
	    dw_arena_alloc(telling->arena, ((size_t)3 * part->n_needs + 1) * sizeof(*texts.all));
	if (!texts.all)
		return dw_raise(-ENOMEM);
	dw_json_add(&writer, object, "texts", texts.array);
	dw_json_add(&writer, object, "things", things);
	dw_json_add(&writer, object, "needs", needs);
	for (uint32_t i = 0; i < part->n_things; i++) {
		json *pair = json_object_new_array();

		dw_json_append(&writer, pair, json_object_new_uint64(part->things[i]));
		dw_json_append(&writer, pair,
			       json_object_new_string(dw_tell_thing(telling, part->things[i])));
		dw_json_append(&writer, things, pair);
	}
	for (uint32_t i = 0; i < part->n_needs && i < NEEDS_MAX; i++)
		dw_json_append(&writer, needs, need_json(telling, &texts, &part->needs[i]));
	if (writer.failed)
		return dw_raise(-ENOMEM);
	dw_markup(telling,
		  "<script type=\"application/json\" class=\"net-data\" data-process="
		  "\"%zu\">",
		  telling->number);
	write_data(telling, json_object_to_json_string_ext(
				object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	dw_markup(telling, "</script>\n");
	return 0;
}

int dw_html_net(struct dw_telling *telling)
{
	struct part part = {.telling = telling};
	int r = dw_net(telling->process->facts, telling->arena, &part.needs, &part.n_needs);

	if (r == 0)
		r = count_ends(&part);
	if (r < 0)
		return dw_pass(r);
	if (part.n_needs == 0) {
		dw_markup(telling, "<p>Nothing was seen that needs another.</p>\n");
		return 0;
	}
	r = write_drawing(&part);
	if (r < 0)
		return dw_pass(r);
	dw_markup(telling, "<div class=\"panel\" id=\"p%zu-panel\" hidden></div>\n",
		  telling->number);
	write_things(&part);
	r = write_needs(&part);
	return r < 0 ? dw_pass(r) : 0;
}
