/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/board.h"

#include "base/arena.h"
#include "base/error.h"
#include "model/event.h"
#include "model/picture.h"
#include "model/thread.h"
#include "render/escape.h"
#include "render/say.h"
#include "render/words.h"
#include "symbol/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The sentences of one board. */
#define MEMORY_MAX ((size_t)16 << 20)

/* Columns of a lock's name: where there is room, one more for each two of the terminal's. */
#define LOCK_WIDTH_MIN 22
#define WIDTH_MIN 80

static bool is_lock(const struct dw_facts *facts, uint32_t thing)
{
	uint16_t kind = facts->things[thing].kind;

	return thing && (dw_is_lock(kind) || kind == DW_LOCK_WORD);
}

static uint32_t thing_of(const struct dw_facts *facts, const struct dw_held *held)
{
	uint32_t chain = held->chain == DW_CHAIN_LOST ? 0 : held->chain;

	return chain < facts->n_chains ? facts->chains[chain].thing : 0;
}

/* What the thread of @slot waits for, if that is a lock; else 0. */
static uint32_t waited_by(const struct dw_facts *facts, const struct dw_slot *slot)
{
	const struct dw_held *next = &slot->held[slot->top + 1];
	uint32_t thing = 0;

	if (slot->wants && slot->wants == next->thing)
		thing = thing_of(facts, next);
	else if (slot->waits.thing)
		thing = thing_of(facts, &slot->waits);
	return is_lock(facts, thing) ? thing : 0;
}

static void note_held(struct dw_board_row *rows, const struct dw_facts *facts,
		      const struct dw_slot *slot, uint32_t thread)
{
	for (uint32_t i = 1; i <= slot->top; i++) {
		struct dw_board_row *row = &rows[thing_of(facts, &slot->held[i])];

		if (row->n_holding++ == 0) {
			row->holder = thread;
			row->held_in = slot->held[i].chain;
		}
	}
}

/* @rows: by thing. */
static void note_now(struct dw_board *board, struct dw_board_row *rows)
{
	const struct dw_facts *facts = board->process->facts;

	for (uint32_t t = 1; t < facts->n_threads; t++) {
		const struct dw_told_thread *thread = &facts->threads[t];
		const struct dw_slot *slot;
		uint32_t thing;

		if (thread->flags & DW_THREAD_EXITED)
			continue;
		board->n_threads++;
		if (!thread->slot)
			continue;
		slot = facts->slots[thread->slot].slot;
		thing = waited_by(facts, slot);
		rows[thing].n_waiting++;
		board->n_waiting += thing != 0;
		note_held(rows, facts, slot, t);
	}
}

static void note_waits(struct dw_board_row *rows, const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_chains; i++) {
		const struct dw_chain *chain = &facts->chains[i];

		if (!is_lock(facts, chain->thing))
			continue;
		rows[chain->thing].n_waits += chain->n_waits;
		rows[chain->thing].waited_ns += chain->waited_ns;
	}
}

/* Numbers of things change from look to look; what they are called does not. */
static uint64_t waited_before(const struct dw_board *before, const char *name)
{
	for (size_t i = 0; i < before->n; i++)
		if (!strcmp(dw_names_thing(before->process->names, before->rows[i].thing), name))
			return before->rows[i].waited_ns;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct dw_board_row *a = left, *b = right;

	if (!a->n_waiting != !b->n_waiting)
		return !a->n_waiting - !b->n_waiting;
	if (a->recent_ns != b->recent_ns)
		return a->recent_ns > b->recent_ns ? -1 : 1;
	if (a->waited_ns != b->waited_ns)
		return a->waited_ns > b->waited_ns ? -1 : 1;
	if (a->n_waiting != b->n_waiting)
		return a->n_waiting > b->n_waiting ? -1 : 1;
	return a->thing < b->thing ? -1 : a->thing > b->thing;
}

int dw_board_make(struct dw_board *ret, const struct dw_reported_process *process,
		  const struct dw_board *before, struct dw_arena *arena)
{
	const struct dw_facts *facts = process->facts;
	struct dw_board board = {.process = process};
	struct dw_board_row *rows =
	    dw_arena_alloc(arena, ((size_t)facts->n_things + 1) * sizeof(*rows));

	if (!rows)
		return dw_raise(-ENOMEM);
	note_now(&board, rows);
	note_waits(rows, facts);
	for (uint32_t i = 1; i < facts->n_things; i++) {
		struct dw_board_row *row = &rows[i];
		uint64_t known = 0;

		if (!row->n_waits && !row->n_waiting)
			continue;
		row->thing = i;
		if (before)
			known = waited_before(before, dw_names_thing(process->names, i));
		row->recent_ns = row->waited_ns - (known < row->waited_ns ? known : row->waited_ns);
		rows[board.n++] = *row;
	}
	qsort(rows, board.n, sizeof(*rows), compare);
	board.rows = rows;
	*ret = board;
	return 0;
}

/* What fits: the rest is cut, and a mark says so. Texts are valid UTF-8 here. */
static void write_cut(FILE *out, const char *text, size_t width, bool pad)
{
	size_t n = dw_escape_width(text);
	size_t keep = n <= width ? n : width - 1;
	const char *end = text;

	for (size_t i = 0; *end && (i < keep || (*end & 0xc0) == 0x80); end++)
		i += (end[1] & 0xc0) != 0x80;
	fwrite(text, 1, (size_t)(end - text), out);
	if (n > width)
		fputc('+', out);
	for (; pad && n < width; n++)
		fputc(' ', out);
}

static const char *time_of(struct dw_telling *telling, uint64_t ns)
{
	return ns ? dw_tell_span(telling, ns) : "-";
}

/* "CPU 3/KVM (4711) in fb_lock", "3 threads", or "-". */
static const char *holder_of(struct dw_telling *telling, const struct dw_board_row *row)
{
	const struct dw_reported_process *process = telling->process;
	const struct dw_chain *chain = &process->facts->chains[row->held_in];
	const struct dw_frame *site = NULL;

	if (row->n_holding == 0)
		return "-";
	if (row->n_holding > 1)
		return dw_tell_text(telling, "%" PRIu32 " threads", row->n_holding);
	if (row->held_in)
		site = dw_names_own_frame(process->names, chain->stack, chain->hint);
	if (!site || !site->function)
		return dw_tell_thread(telling, row->holder);
	return dw_tell_text(telling, "%s in %s", dw_tell_thread(telling, row->holder),
			    dw_tell_function(telling, site));
}

static void write_row(struct dw_telling *telling, const struct dw_board_row *row, unsigned lock,
		      unsigned width)
{
	const char *text = dw_tell_text(
	    telling, "%7s %7s %7" PRIu64 " %3" PRIu32 "  ", time_of(telling, row->recent_ns),
	    time_of(telling, row->waited_ns), row->n_waits, row->n_waiting);
	size_t n = strlen(text);

	fputs(text, telling->out);
	write_cut(telling->out, dw_tell_thing(telling, row->thing), lock, /* pad= */ true);
	fputs("  ", telling->out);
	write_cut(telling->out, holder_of(telling, row), width - n - lock - 2, /* pad= */ false);
	fputc('\n', telling->out);
}

static void write_rows(struct dw_telling *telling, const struct dw_board *board, unsigned width)
{
	unsigned lock = LOCK_WIDTH_MIN + (width - WIDTH_MIN) / 2;

	if (board->n == 0) {
		fputs("  no lock was found taken\n", telling->out);
		return;
	}
	fprintf(telling->out, "%7s %7s %7s %3s  %-*s  %s\n", "recent", "waited", "waits", "now",
		(int)lock, "lock", "held by");
	for (size_t i = 0; i < board->n; i++)
		write_row(telling, &board->rows[i], lock, width);
}

static void write_findings(struct dw_telling *telling, unsigned width)
{
	const struct dw_reported_process *process = telling->process;

	for (size_t i = 0; i < process->n_findings; i++) {
		const struct dw_finding *finding = process->findings[i].finding;

		if (finding->excuse)
			continue;
		write_cut(telling->out,
			  dw_tell_text(telling, "%s: %s", dw_say_verdict(telling, finding),
				       dw_say_chain(telling, finding)),
			  width, /* pad= */ false);
		fputc('\n', telling->out);
	}
}

int dw_board_write(FILE *out, const struct dw_board *board, unsigned width)
{
	struct dw_telling telling = {.out = out, .process = board->process};
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	telling.arena = arena;
	width = width < WIDTH_MIN ? WIDTH_MIN : width;
	write_cut(out,
		  dw_tell_text(&telling, "%s: %" PRIu32 " thread%s, %" PRIu32 " waiting for locks",
			       dw_tell_process(&telling), board->n_threads,
			       dw_words_plural(board->n_threads), board->n_waiting),
		  width, /* pad= */ false);
	fputc('\n', out);
	write_findings(&telling, width);
	fputc('\n', out);
	write_rows(&telling, board, width);
	if (telling.full)
		return dw_raise(-ENOMEM);
	return ferror(out) ? dw_raise(-EIO) : 0;
}
