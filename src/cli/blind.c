/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/blind.h"

#include "analysis/finding.h"
#include "base/arena.h"
#include "base/error.h"
#include "model/event.h"
#include "record/reader.h"
#include "render/words.h"
#include "symbol/rust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 512 /* two long sentences; longer ones are cut */

int dw_blind_add(struct dw_blind_list *list, struct dw_arena *arena, const char *reason,
		 const char *format, ...)
{
	struct dw_blind *entries;
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	/* There are a dozen reasons at most: a new array for each wastes less than it would take
	 * to avoid it. */
	entries = dw_arena_alloc(arena, (list->n + 1) * sizeof(*entries));
	if (!entries)
		return dw_raise(-ENOMEM);
	if (list->n > 0)
		memcpy(entries, list->entries, list->n * sizeof(*entries));
	entries[list->n].reason = dw_arena_text(arena, reason, strlen(reason));
	entries[list->n].text = dw_arena_text(arena, text, strlen(text));
	if (!entries[list->n].reason || !entries[list->n].text)
		return dw_raise(-ENOMEM);
	list->entries = entries;
	list->n++;
	return 0;
}

static const struct {
	const char *reason;
	const char *words;
} losses[] = {
#define X(name, value, text, sentence) [name] = {"lost-" text, sentence},
    DW_LOSSES(X)
#undef X
};
#define N_LOSSES (sizeof(losses) / sizeof(losses[0]))

static int judge_losses(struct dw_blind_list *list, struct dw_arena *arena,
			const struct dw_facts *facts)
{
	int r;

	for (size_t i = 0; i < DW_LOSS_MAX; i++) {
		if (facts->losses[i] == 0)
			continue;
		r = dw_blind_add(list, arena, i < N_LOSSES ? losses[i].reason : "lost-other",
				 "%s (%" PRIu64 " time%s)",
				 i < N_LOSSES ? losses[i].words
					      : "lost for a reason that a later "
						"version knows",
				 facts->losses[i], dw_words_plural(facts->losses[i]));
		if (r < 0)
			return dw_pass(r);
	}
	return 0;
}

static int judge_limits(struct dw_blind_list *list, struct dw_arena *arena,
			const struct dw_analysis_limits *limits)
{
	int r = 0;

	if (limits->cycles_not_searched > 0)
		r = dw_blind_add(list, arena, "cycles-not-searched",
				 "not all cycles through %" PRIu64 " of the needs were looked at: "
				 "there are too many",
				 limits->cycles_not_searched);
	if (r == 0 && limits->choices_not_tried > 0)
		r = dw_blind_add(list, arena, "choices-not-tried",
				 "of %" PRIu64 " cycle%s not every choice of witnesses was tried: "
				 "there are too many",
				 limits->choices_not_tried,
				 dw_words_plural(limits->choices_not_tried));
	return r;
}

/* Marks the modules that have a frame of @stack. */
static void mark_modules(bool *marked, const struct dw_facts *facts, uint32_t stack)
{
	for (uint32_t i = 0; i < facts->stacks[stack].n_frames; i++) {
		uint32_t module = DW_PLACE_MODULE(facts->stacks[stack].frames[i]);

		if (module < facts->n_modules)
			marked[module] = true;
	}
}

static bool is_futex(const struct dw_facts *facts, uint32_t thing)
{
	return dw_is_word(facts->things[thing].kind);
}

/* The program itself, and whoever was seen waiting for a futex of its own, or waking one. */
static void mark_candidates(bool *marked, const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_modules; i++)
		marked[i] = facts->program && facts->modules[i].path &&
			    strcmp(facts->program, facts->modules[i].path) == 0;
	for (uint32_t i = 1; i < facts->n_chains; i++)
		if (is_futex(facts, facts->chains[i].thing))
			mark_modules(marked, facts, facts->chains[i].stack);
	for (uint32_t i = 1; i < facts->n_posts; i++)
		if (is_futex(facts, facts->posts[i].thing))
			mark_modules(marked, facts, facts->posts[i].stack);
}

/* Locks of Rust's standard library call nobody, unless they have to wait. */
static int judge_rust(struct dw_blind_list *list, struct dw_arena *arena,
		      const struct dw_facts *facts)
{
	bool *marked = dw_arena_alloc(arena, (size_t)facts->n_modules + 1);
	int r = 0;

	if (!marked)
		return dw_raise(-ENOMEM);
	/* One thread alone meets nobody. */
	if (facts->n_threads > 2)
		mark_candidates(marked, facts);
	for (uint32_t i = 1; r == 0 && i < facts->n_modules; i++)
		if (marked[i] && dw_rust_is_in(&facts->modules[i]))
			r = dw_blind_add(
			    list, arena, "rust-locks",
			    "'%s' has Rust's standard library in it, whose locks never "
			    "leave the program unless they have to wait: those taken "
			    "without a wait were not seen; the program itself can tell "
			    "them (deadwatch/annotate.h)",
			    facts->modules[i].path);
	return r < 0 ? dw_pass(r) : 0;
}

bool dw_blind_saw_any(const struct dw_reader *reader)
{
	const struct dw_facts *facts = dw_reader_facts(reader);

	if (dw_reader_n_locked(reader) > 0)
		return true;
	for (uint32_t i = 1; i < facts->n_posts; i++) {
		unsigned kind = facts->things[facts->posts[i].thing].kind;

		if (kind == DW_SEMAPHORE || kind == DW_CONDITION || kind == DW_BARRIER)
			return true;
	}
	return false;
}

int dw_blind_judge(struct dw_blind_list *list, struct dw_arena *arena,
		   const struct dw_reader *reader, const struct dw_analysis_limits *limits)
{
	const struct dw_facts *facts = dw_reader_facts(reader);
	int r = 0;

	/* Index 0 is no thread. One thread alone may well need no lock; two or more that take
	 * none at all are more likely to take them where the shim cannot see. Where only waits
	 * are followed, nobody may have had to wait. */
	if (facts->n_threads > 2 && !(dw_reader_flags(reader) & DW_REC_WAITS) &&
	    !dw_blind_saw_any(reader))
		r = dw_blind_add(list, arena, "nothing-seen",
				 "%u threads, but not one lock was seen: the program's lock "
				 "primitives are not those of libpthread (Rust's standard library, "
				 "a static libc), or they are called from within libc",
				 facts->n_threads - 1);
	if (r == 0 && dw_reader_flags(reader) & DW_REC_WAITS)
		r = dw_blind_add(list, arena, "waits-only",
				 "only locks that somebody had to wait for were seen, and orders "
				 "only among those: one that was always free may keep them apart; "
				 "'deadwatch attach --order' sees all that are taken");
	if (r == 0 && facts->truncated)
		r = dw_blind_add(list, arena, "truncated",
				 "the file ends before its recording does: was it copied while the "
				 "program ran?");
	if (r == 0)
		r = judge_rust(list, arena, facts);
	if (r == 0)
		r = judge_losses(list, arena, facts);
	if (r == 0)
		r = judge_limits(list, arena, limits);
	return r < 0 ? dw_pass(r) : 0;
}
