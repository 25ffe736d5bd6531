/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/tell.h"

#include "base/arena.h"
#include "render/escape.h"
#include "render/inspected.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const style_starts[] = {
    [DW_STYLE_PLAIN] = "",
    [DW_STYLE_BOLD] = "\033[1m",
    [DW_STYLE_ALARM] = "\033[1;31m",
    [DW_STYLE_DIM] = "\033[2m",
};

void dw_tell(struct dw_telling *telling, enum dw_style style, const char *format, ...)
{
	bool styled = telling->colour && style != DW_STYLE_PLAIN;
	va_list args;

	if (styled)
		fputs(style_starts[style], telling->out);
	va_start(args, format);
	vfprintf(telling->out, format, args);
	va_end(args);
	if (styled)
		fputs("\033[0m", telling->out);
}

/* Measured first, then written: names have no length that could be relied on. */
const char *dw_tell_text(struct dw_telling *telling, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n >= 0)
		text = dw_arena_alloc(telling->arena, (size_t)n + 1);
	if (!text) {
		telling->full = true;
		return "?";
	}
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

/* Where there is no memory, nothing is written, and that is noticed in the end. */
void dw_tell_doing(const struct dw_telling *telling, const char *what, size_t number, size_t n)
{
	if (telling->doing)
		telling->doing(what, number, n);
}

void dw_tell_pieces(struct dw_pieces *ret)
{
	*ret = (struct dw_pieces){0};
	ret->out = open_memstream(&ret->text, &ret->size);
}

void dw_tell_piece(struct dw_pieces *pieces, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (pieces->out)
		vfprintf(pieces->out, format, args);
	va_end(args);
}

const char *dw_tell_whole(struct dw_telling *telling, struct dw_pieces *pieces)
{
	bool whole = pieces->out && fclose(pieces->out) == 0 && pieces->text;
	const char *text = whole ? dw_tell_text(telling, "%s", pieces->text) : "?";

	telling->full = telling->full || !whole;
	free(pieces->text);
	return text;
}

const char *dw_tell_name(struct dw_telling *telling, const char *name)
{
	const char *shown = dw_escape_terminal(telling->arena, name ? name : "?");

	if (!shown)
		telling->full = true;
	return shown ? shown : "?";
}

const char *dw_tell_thing(struct dw_telling *telling, uint32_t thing)
{
	return dw_tell_name(telling, dw_names_thing(telling->process->names, thing));
}

const char *dw_tell_thread(struct dw_telling *telling, uint32_t thread)
{
	const struct dw_facts *facts = telling->process->facts;
	const char *name = dw_tell_name(telling, dw_names_thread(telling->process->names, thread));
	const char *foreign = "";

	if (thread == 0 || thread >= facts->n_threads)
		return name;
	if (facts->threads[thread].flags & DW_THREAD_FOREIGN)
		foreign = ", foreign";
	return dw_tell_text(telling, "%s (%" PRIu32 "%s)", name, facts->threads[thread].tid,
			    foreign);
}

const char *dw_tell_function(struct dw_telling *telling, const struct dw_frame *frame)
{
	return dw_tell_name(telling, dw_names_frame(telling->process->names, frame));
}

const char *dw_tell_line(struct dw_telling *telling, const struct dw_frame *frame)
{
	const char *file = frame->file ? dw_tell_name(telling, frame->file) : "";

	if (!frame->file || !frame->line)
		return file;
	return dw_tell_text(telling, "%s:%" PRIu32, file, frame->line);
}

const char *dw_tell_program(struct dw_telling *telling)
{
	const char *program = telling->process->facts->program;
	const char *slash = program ? strrchr(program, '/') : NULL;

	return dw_tell_name(telling, slash ? slash + 1 : program);
}

const char *dw_tell_process(struct dw_telling *telling)
{
	const struct dw_facts *facts = telling->process->facts;
	const char *name = dw_tell_program(telling);

	/* A text need not say which process it is of. */
	return facts->pid ? dw_tell_text(telling, "%s (pid %" PRIu32 ")", name, facts->pid) : name;
}

/* Bold where something was done, dim where it only passed through. */
static void tell_frame(struct dw_telling *telling, const struct dw_named_stack *stack,
		       uint32_t number)
{
	const struct dw_frame *frame = &stack->frames[number];
	bool aside = frame->flags & (DW_FRAME_WRAPPER | DW_FRAME_RUNTIME);
	enum dw_style style = aside ? DW_STYLE_DIM : DW_STYLE_PLAIN;
	const char *line = dw_tell_line(telling, frame);

	if (number == stack->site)
		style = DW_STYLE_BOLD;
	dw_tell(telling, DW_STYLE_PLAIN, "    #%-2" PRIu32 " ", number);
	dw_tell(telling, style, "%s", dw_tell_function(telling, frame));
	if (line[0])
		dw_tell(telling, DW_STYLE_DIM, "  %s", line);
	if (frame->function && frame->module)
		dw_tell(telling, DW_STYLE_DIM, "  (%s%s)", dw_tell_name(telling, frame->module),
			frame->flags & DW_FRAME_INLINED ? ", inlined" : "");
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}

/* Tells the inner @n frames of a stack, and what is missing from it. */
static void tell_inner_frames(struct dw_telling *telling, const struct dw_named_stack *stack,
			      uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		tell_frame(telling, stack, i);
	if (stack->n_frames == 0)
		dw_tell(telling, DW_STYLE_PLAIN, "    (no stack was recorded)\n");
	else if (dw_words_end(stack->flags))
		dw_tell(telling, DW_STYLE_PLAIN, "    (%s)\n", dw_words_end(stack->flags));
	else if (stack->flags & DW_STACK_CUT && n == stack->n_frames)
		dw_tell(telling, DW_STYLE_PLAIN, "    (%s)\n", dw_tell_cut(telling));
}

static bool is_text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The line too: two calls from one function are two frames, and both are told. */
static bool is_frame_equal(const struct dw_frame *a, const struct dw_frame *b)
{
	return a->address == b->address && a->line == b->line &&
	       is_text_equal(a->function, b->function) && is_text_equal(a->file, b->file) &&
	       is_text_equal(a->module, b->module);
}

uint32_t dw_tell_common(const struct dw_named_stack *a, const struct dw_named_stack *b)
{
	uint32_t n = 0;

	while (n + 1 < a->n_frames && n + 1 < b->n_frames &&
	       is_frame_equal(&a->frames[a->n_frames - 1 - n], &b->frames[b->n_frames - 1 - n]))
		n++;
	return n;
}

const char *dw_tell_cut(const struct dw_telling *telling)
{
	const struct dw_inspected *inspected = telling->process->inspected;

	return inspected && inspected->is_text ? "the rest is not in the text"
					       : "deeper than can be recorded";
}

void dw_tell_frames(struct dw_telling *telling, const struct dw_named_stack *stack)
{
	tell_inner_frames(telling, stack, stack->n_frames);
}

void dw_tell_frames_below(struct dw_telling *telling, const struct dw_named_stack *stack,
			  const struct dw_named_stack *outer)
{
	uint32_t common = dw_tell_common(outer, stack);

	if (common < DW_COMMON_MIN) {
		dw_tell_frames(telling, stack);
		return;
	}
	tell_inner_frames(telling, stack, stack->n_frames - common);
	/* From here on it is a number of the first stack. */
	common = outer->n_frames - common;
	dw_tell(telling, DW_STYLE_DIM, "    then as above from #%" PRIu32 " %s\n", common,
		dw_tell_function(telling, &outer->frames[common]));
}

bool dw_tell_stacks_equal(const struct dw_named_stack *a, const struct dw_named_stack *b)
{
	uint32_t i = 0;

	while (i < a->n_frames && i < b->n_frames && is_frame_equal(&a->frames[i], &b->frames[i]))
		i++;
	return i == a->n_frames && i == b->n_frames;
}

const char *dw_tell_span(struct dw_telling *telling, uint64_t ns)
{
	uint64_t ms = (ns + 500000) / 1000000;

	if (ns < 1000000)
		return dw_tell_text(telling, "%" PRIu64 " us", ns / 1000);
	if (ms < 10)
		return dw_tell_text(telling, "%" PRIu64 ".%" PRIu64 " ms", ns / 1000000,
				    ns / 100000 % 10);
	if (ms < 1000)
		return dw_tell_text(telling, "%" PRIu64 " ms", ms);
	if (ms < 10000)
		return dw_tell_text(telling, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms / 100 % 10);
	if (ms < 600000)
		return dw_tell_text(telling, "%" PRIu64 " s", ms / 1000);
	return dw_tell_text(telling, "%" PRIu64 " min", ms / 60000);
}
