/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/tell.h"

#include "base/arena.h"
#include "model/event.h"
#include "render/block.h"
#include "render/escape.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* Fewer common frames than this are told twice: a reference to them would not be shorter. */
#define COMMON_MIN 2

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
	if (frame->function)
		return dw_tell_name(telling, frame->function);
	if (!frame->module)
		return "generated code";
	return dw_tell_text(telling, "%s+0x%" PRIx64, dw_tell_name(telling, frame->module),
			    frame->address);
}

const char *dw_tell_line(struct dw_telling *telling, const struct dw_frame *frame)
{
	const char *file = frame->file ? dw_tell_name(telling, frame->file) : "";

	if (!frame->file || !frame->line)
		return file;
	return dw_tell_text(telling, "%s:%" PRIu32, file, frame->line);
}

const char *dw_tell_process(struct dw_telling *telling)
{
	const struct dw_facts *facts = telling->process->facts;
	const char *slash = facts->program ? strrchr(facts->program, '/') : NULL;

	return dw_tell_text(telling, "%s (pid %" PRIu32 ")",
			    dw_tell_name(telling, slash ? slash + 1 : facts->program), facts->pid);
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
static void tell_frames(struct dw_telling *telling, const struct dw_named_stack *stack, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		tell_frame(telling, stack, i);
	if (stack->n_frames == 0)
		dw_tell(telling, DW_STYLE_PLAIN, "    (no stack was recorded)\n");
	else if (stack->flags & DW_STACK_SHORT)
		dw_tell(telling, DW_STYLE_PLAIN, "    (the stack could not be unwound further)\n");
	else if (stack->flags & DW_STACK_CUT && n == stack->n_frames)
		dw_tell(telling, DW_STYLE_PLAIN, "    (deeper than can be recorded)\n");
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

/* How many outer frames the two stacks share; at least the innermost is each one's own. */
static uint32_t count_common(const struct dw_named_stack *a, const struct dw_named_stack *b)
{
	uint32_t n = 0;

	while (n + 1 < a->n_frames && n + 1 < b->n_frames &&
	       is_frame_equal(&a->frames[a->n_frames - 1 - n], &b->frames[b->n_frames - 1 - n]))
		n++;
	return n;
}

static const char *taken_text(const struct dw_chain *chain)
{
	if (chain->how & DW_RETAKEN)
		return "taken again at the end of a condition wait, at";
	return "first taken at";
}

/*
 * Both stacks of a leg. The thread mostly held the first lock on its way to the second, so
 * their outer frames are the same; those are told once, with the first.
 */
static void tell_leg(struct dw_telling *telling, const struct dw_leg *leg)
{
	const struct dw_chain *chains = telling->process->facts->chains;
	const struct dw_chain *holds = &chains[leg->holds], *needs = &chains[leg->needs];
	struct dw_names *names = telling->process->names;
	const struct dw_named_stack *outer = dw_names_stack(names, holds->stack, holds->hint);
	const struct dw_named_stack *inner = dw_names_stack(names, needs->stack, needs->hint);
	uint32_t common = count_common(outer, inner);

	dw_tell(telling, DW_STYLE_PLAIN, "\n  %s holds %s%s, %s:\n",
		dw_tell_thread(telling, leg->thread), dw_tell_thing(telling, holds->thing),
		dw_words_how(holds->how), taken_text(holds));
	tell_frames(telling, outer, outer->n_frames);
	dw_tell(telling, DW_STYLE_PLAIN, "  and needs %s%s, %s:\n",
		dw_tell_thing(telling, needs->thing), dw_words_how(needs->how), taken_text(needs));
	if (common < COMMON_MIN) {
		tell_frames(telling, inner, inner->n_frames);
		return;
	}
	tell_frames(telling, inner, inner->n_frames - common);
	/* From here on it is a number of the first stack. */
	common = outer->n_frames - common;
	dw_tell(telling, DW_STYLE_DIM, "    then as above from #%" PRIu32 " %s\n", common,
		dw_tell_function(telling, &outer->frames[common]));
}

/* Not believed blindly: an excuse may concern no leg in particular. */
static const struct dw_leg *excused_leg(const struct dw_finding *finding, unsigned which)
{
	uint32_t leg = finding->excused[which];

	return &finding->legs[leg < finding->n_legs ? leg : 0];
}

/* The excuse's reason: what keeps the legs from meeting. */
static const char *excuse_text(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_leg *leg = excused_leg(finding, 0);
	const char *one = dw_tell_thread(telling, leg->thread);
	const char *other = dw_tell_thread(telling, excused_leg(finding, 1)->thread);
	const char *needed =
	    dw_tell_thing(telling, telling->process->facts->chains[leg->needs].thing);

	switch ((enum dw_excuse)finding->excuse) {
	case DW_NO_EXCUSE:
		break;
	case DW_EXCUSE_REUSED:
		return dw_tell_text(
		    telling, "%s needs %s, and %s holds another lock that lived at its address",
		    one, needed, other);
	case DW_EXCUSE_SINGLE_THREAD:
		return dw_tell_text(telling, "%s alone was seen doing two of the legs", one);
	case DW_EXCUSE_TRY:
		return dw_tell_text(telling, "%s does not wait for %s, or not for ever", one,
				    needed);
	case DW_EXCUSE_READERS:
		return dw_tell_text(telling,
				    "%s and %s both have %s for reading, and no writer that waits "
				    "can come between them",
				    one, other, needed);
	case DW_EXCUSE_GATED:
		return dw_tell_text(telling,
				    "%s and %s hold %s around their legs, and so never meet", one,
				    other, dw_tell_thing(telling, finding->gate));
	case DW_EXCUSE_ORDERED:
		return dw_tell_text(
		    telling, "creating and joining threads keeps %s and %s from meeting here", one,
		    other);
	case DW_EXCUSE_POSTERS:
		return dw_tell_text(telling,
				    "another thread was seen giving it without taking %s first",
				    needed);
	}
	return "of a kind that is not known here";
}

static void tell_cycle(struct dw_telling *telling, const struct dw_finding *finding)
{
	dw_block_cycle(telling, finding);
	for (uint32_t i = 0; i < finding->n_legs; i++)
		tell_leg(telling, &finding->legs[i]);
	if (finding->excuse)
		dw_tell(telling, DW_STYLE_PLAIN, "\n  excuse: %s: %s\n",
			dw_excuse_word(finding->excuse), excuse_text(telling, finding));
}

/* What was done, and how the lock was held then, as far as either is known. */
static void tell_misuse(struct dw_telling *telling, const struct dw_misuse *misuse)
{
	const struct dw_chain *chain = &telling->process->facts->chains[misuse->chain];
	struct dw_names *names = telling->process->names;
	const struct dw_named_stack *stack = dw_names_stack(names, misuse->stack, misuse->hint);

	dw_block_misuse(telling, misuse);
	dw_tell(telling, DW_STYLE_PLAIN, "\n  %s %s %s at:\n",
		dw_tell_thread(telling, misuse->thread), dw_words_deed(misuse->kind).verb,
		dw_tell_thing(telling, misuse->thing));
	tell_frames(telling, stack, stack->n_frames);
	if (misuse->chain) {
		stack = dw_names_stack(names, chain->stack, chain->hint);
		dw_tell(telling, DW_STYLE_PLAIN, "  %s holds it, %s:\n",
			dw_tell_thread(telling, chain->thread), taken_text(chain));
		tell_frames(telling, stack, stack->n_frames);
	} else if (misuse->holder) {
		dw_tell(telling, DW_STYLE_PLAIN, "  %s holds it\n",
			dw_tell_thread(telling, misuse->holder));
	}
}

/* "potential deadlock: BQL -> fenceq_lock -> BQL" */
static void tell_title(struct dw_telling *telling, const struct dw_finding *finding)
{
	const struct dw_facts *facts = telling->process->facts;
	const struct dw_misuse *misuse = &facts->misuses[finding->misuse];

	if (finding->verdict == DW_MISUSE) {
		dw_tell(telling, DW_STYLE_ALARM, "misuse:");
		dw_tell(
		    telling, DW_STYLE_BOLD, " %s %s %s%s\n",
		    dw_tell_name(telling, dw_names_thread(telling->process->names, misuse->thread)),
		    dw_words_deed(misuse->kind).verb, dw_tell_thing(telling, misuse->thing),
		    dw_words_deed(misuse->kind).rest);
		return;
	}
	if (finding->excuse)
		dw_tell(telling, DW_STYLE_BOLD,
			"no deadlock (%s): ", dw_excuse_word(finding->excuse));
	else
		dw_tell(telling, DW_STYLE_ALARM, "potential deadlock: ");
	for (uint32_t i = 0; i <= finding->n_legs; i++) {
		const struct dw_leg *leg = &finding->legs[i % finding->n_legs];

		dw_tell(telling, DW_STYLE_BOLD, "%s%s", i ? " -> " : "",
			dw_tell_thing(telling, facts->chains[leg->holds].thing));
	}
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}

/* The fingerprint comes last: it is for copying, not for reading. */
void dw_tell_finding(struct dw_telling *telling, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;

	tell_title(telling, finding);
	if (telling->is_one_of)
		dw_tell(telling, DW_STYLE_PLAIN, "  in %s\n", dw_tell_process(telling));
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
	if (finding->verdict == DW_MISUSE)
		tell_misuse(telling, &telling->process->facts->misuses[finding->misuse]);
	else
		tell_cycle(telling, finding);
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
	if (reported->occurrences > 1)
		dw_tell(telling, DW_STYLE_PLAIN, "  found %" PRIu32 " times\n",
			reported->occurrences);
	dw_tell(telling, DW_STYLE_DIM, "  fingerprint %s", reported->fingerprint);
	dw_tell(telling, DW_STYLE_PLAIN, "\n\n");
}
