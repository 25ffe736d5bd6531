/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/block.h"

#include "analysis/leg.h"
#include "base/arena.h"
#include "model/event.h"
#include "render/chain.h"
#include "render/escape.h"
#include "render/tell.h"
#include "render/words.h"
#include "symbol/names.h"

#include <string.h>

/* Cells wider than this push what follows them aside in their own row only. */
#define ALIGNED_MAX 56

/* The width of each column: that of its widest cell, very wide ones left out. */
static void measure(const struct dw_row *rows, size_t n, size_t widths[DW_CELLS])
{
	memset(widths, 0, DW_CELLS * sizeof(widths[0]));
	for (size_t i = 0; i < n; i++)
		for (unsigned cell = 0; cell < DW_CELLS; cell++) {
			size_t width = dw_escape_width(rows[i].cells[cell]);

			if (width <= ALIGNED_MAX && width > widths[cell])
				widths[cell] = width;
		}
}

static enum dw_style style_of(unsigned cell)
{
	return cell == DW_CELL_THING  ? DW_STYLE_BOLD
	       : cell == DW_CELL_LINE ? DW_STYLE_DIM
				      : DW_STYLE_PLAIN;
}

/* No blanks at a line's end: they would show in golden files and in what people paste. */
static unsigned last_cell(const struct dw_row *row)
{
	unsigned last = DW_CELLS - 1;

	while (last > 0 && !row->cells[last][0])
		last--;
	return last;
}

static void write_rows(struct dw_telling *telling, const struct dw_row *rows, size_t n)
{
	size_t widths[DW_CELLS];

	measure(rows, n, widths);
	for (size_t i = 0; i < n; i++) {
		unsigned last = last_cell(&rows[i]);

		for (unsigned cell = 0; cell <= last; cell++) {
			size_t width = dw_escape_width(rows[i].cells[cell]);
			int pad = width < widths[cell] ? (int)(widths[cell] - width) : 0;

			dw_tell(telling, DW_STYLE_PLAIN, "  ");
			dw_tell(telling, style_of(cell), "%s", rows[i].cells[cell]);
			if (cell < last)
				dw_tell(telling, DW_STYLE_PLAIN, "%*s", pad, "");
		}
		dw_tell(telling, DW_STYLE_PLAIN, "\n");
	}
}

/* "taken in fb_lock" and "hw/display/bcm2835_fb.c:56"; @frame is NULL where it is not known. */
static void fill_frame(struct dw_telling *telling, struct dw_row *row, const char *what,
		       const struct dw_frame *frame)
{
	if (!frame) {
		row->cells[DW_CELL_TAKEN] =
		    dw_tell_text(telling, "%s a place that is not known", what);
		row->cells[DW_CELL_LINE] = "";
		return;
	}
	row->cells[DW_CELL_TAKEN] =
	    dw_tell_text(telling, "%s %s", what, dw_tell_function(telling, frame));
	row->cells[DW_CELL_LINE] = dw_tell_line(telling, frame);
}

static const struct dw_frame *site_of(struct dw_telling *telling, uint32_t stack, uint32_t hint)
{
	const struct dw_named_stack *named = dw_names_stack(telling->process->names, stack, hint);

	return named->site < named->n_frames ? &named->frames[named->site] : NULL;
}

/* Whether what is on the stack is only what starts and ends threads. */
static bool has_runtime_alone(struct dw_telling *telling, uint32_t stack)
{
	const struct dw_named_stack *named =
	    dw_names_stack(telling->process->names, stack, /* hint= */ 0);

	return named->n_frames && named->frames[0].flags & DW_FRAME_RUNTIME;
}

static void fill_place(struct dw_telling *telling, struct dw_row *row, const char *what,
		       uint32_t stack, uint32_t hint)
{
	fill_frame(telling, row, what, site_of(telling, stack, hint));
}

/* What a chain says of its last lock: "holds", the lock, where it was taken. */
static struct dw_row chain_row(struct dw_telling *telling, const char *thread, const char *verb,
			       uint32_t number)
{
	const struct dw_chain *chain = &telling->process->facts->chains[number];
	const char *taken = chain->how & DW_RETAKEN ? "taken again in" : "taken in";
	struct dw_row row = {{thread, verb}};

	row.cells[DW_CELL_THING] = dw_tell_text(
	    telling, "%s%s", dw_tell_thing(telling, chain->thing), dw_words_how(chain->how));
	fill_place(telling, &row, taken, chain->stack, chain->hint);
	return row;
}

/* The second line of a thread's cell. */
static const char *start_text(struct dw_telling *telling, uint32_t thread)
{
	const char *start = dw_names_thread_start(telling->process->names, thread);

	return start ? dw_tell_text(telling, "  of %s", dw_tell_name(telling, start)) : "";
}

/* What a leg holds, or gives: the latter where it was seen being given, if it was. */
static struct dw_row given_row(struct dw_telling *telling, const struct dw_finding *finding,
			       uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];
	struct dw_row row = {{dw_tell_thread(telling, leg->thread), "gives", "", "", ""}};
	const char *given = dw_chain_given(telling->process, finding, number);
	const struct dw_frame *where = dw_names_post(telling->process->names, leg->post);

	if (leg->holds)
		return chain_row(telling, row.cells[DW_CELL_THREAD], "holds", leg->holds);
	row.cells[DW_CELL_THING] = dw_tell_name(telling, given);
	/* A thread ends nowhere in particular. */
	if (leg->post && where)
		fill_frame(telling, &row, "in", where);
	return row;
}

/*
 * Where a thread waits: rather where it is now than where it was the first time; for a lock,
 * where that is taken, for anything else, where the program's own code ends.
 */
static const struct dw_frame *find_waiting(struct dw_telling *telling, const struct dw_leg *leg)
{
	struct dw_names *names = telling->process->names;
	const struct dw_chain *needs = &telling->process->facts->chains[leg->needs];
	const struct dw_frame *now = site_of(telling, leg->stack, /* hint= */ 0);
	uint32_t stack = now ? leg->stack : needs->stack, hint = now ? 0 : needs->hint;

	if (dw_names_thing_is_lock(names, needs->thing))
		return site_of(telling, stack, hint);
	return dw_names_own_frame(names, stack, hint);
}

static struct dw_row needed_row(struct dw_telling *telling, const char *thread,
				const struct dw_finding *finding, uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];
	unsigned how = telling->process->facts->chains[leg->needs].how;
	const char *needed = dw_chain_needed(telling->process, finding, number);
	struct dw_row row = {{thread, "waits for", "", "", ""}};

	if (!dw_leg_waits(telling->process->facts, finding, number))
		return chain_row(telling, thread, "needs", leg->needs);
	if (needed)
		row.cells[DW_CELL_THING] =
		    dw_tell_text(telling, "%s%s", dw_tell_name(telling, needed), dw_words_how(how));
	else
		row.cells[DW_CELL_VERB] = "is";
	fill_frame(telling, &row, "in", find_waiting(telling, leg));
	return row;
}

struct dw_row *dw_block_rows_of_legs(struct dw_telling *telling, const struct dw_finding *finding,
				     size_t *ret_n)
{
	struct dw_row *rows =
	    dw_arena_alloc(telling->arena, ((size_t)finding->n_legs * 2 + 1) * sizeof(*rows));
	size_t n = 0;

	for (uint32_t i = 0; rows && i < finding->n_legs; i++) {
		const char *thread = dw_tell_thread(telling, finding->legs[i].thread);

		/* Who is only waited with holds nothing that concerns others. */
		if (dw_chain_given(telling->process, finding, i)) {
			rows[n++] = given_row(telling, finding, i);
			thread = start_text(telling, finding->legs[i].thread);
		}
		rows[n++] = needed_row(telling, thread, finding, i);
	}
	telling->full = telling->full || !rows;
	*ret_n = n;
	return rows;
}

struct dw_row *dw_block_rows_of_misuse(struct dw_telling *telling, const struct dw_misuse *misuse,
				       size_t *ret_n)
{
	struct dw_row *rows = dw_arena_alloc(telling->arena, 2 * sizeof(*rows));
	const char *start = start_text(telling, misuse->thread);
	uint32_t holder = telling->process->facts->chains[misuse->chain].thread;
	size_t n = 0;

	*ret_n = 0;
	telling->full = telling->full || !rows;
	if (!rows)
		return NULL;
	rows[n] = (struct dw_row){{dw_tell_thread(telling, misuse->thread),
				   dw_words_deed(misuse->kind).verb,
				   dw_tell_thing(telling, misuse->thing)}};
	fill_place(telling, &rows[n], "in", misuse->stack, misuse->hint);
	if (has_runtime_alone(telling, misuse->stack))
		rows[n].cells[DW_CELL_TAKEN] = "after its last function";
	n++;
	/* The second row is about the holder, who may be another thread. */
	if (misuse->chain && holder != misuse->thread)
		start = dw_tell_thread(telling, holder);
	if (misuse->chain)
		rows[n++] = chain_row(telling, start, "holds", misuse->chain);
	else if (start[0])
		rows[n++] = (struct dw_row){{start, "", "", "", ""}};
	*ret_n = n;
	return rows;
}

void dw_block_legs(struct dw_telling *telling, const struct dw_finding *finding)
{
	size_t n;
	const struct dw_row *rows = dw_block_rows_of_legs(telling, finding, &n);

	write_rows(telling, rows, n);
}

void dw_block_misuse(struct dw_telling *telling, const struct dw_misuse *misuse)
{
	size_t n;
	const struct dw_row *rows = dw_block_rows_of_misuse(telling, misuse, &n);

	write_rows(telling, rows, n);
}
