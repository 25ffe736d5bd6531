/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every thread of an inspected process does: those that do the same at the same place are
 * told together.
 */
#include "base/arena.h"
#include "model/event.h"
#include "model/picture.h"
#include "render/inspected.h"
#include "render/tell.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <string.h>

struct showing {
	struct dw_telling *telling;
	const struct dw_facts *facts;
	const struct dw_inspected *picture;
	bool *is_told;        /* by thread number */
	const char **sampled; /* by thread number: in how many samples it waits for what; or NULL */
	bool all;
};

static const struct dw_named_stack *stack_of(const struct showing *s, uint32_t thread)
{
	return dw_names_stack(s->telling->process->names, s->picture->threads[thread].stack,
			      /* hint= */ 0);
}

static const struct dw_slot *slot_of(const struct showing *s, uint32_t thread)
{
	return s->facts->slots[s->facts->threads[thread].slot].slot;
}

/* "" where it waits for nothing that is known. */
static const char *waited_by(const struct showing *s, uint32_t thread)
{
	uint32_t chain = s->picture->threads[thread].chain;

	return chain ? dw_tell_name(s->telling, dw_names_taken(s->telling->process->names, chain))
		     : "";
}

static bool is_text_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* In how many samples the thread of @chain waits for its thing; 0: an earlier chain has told so. */
static uint64_t count_samples(const struct showing *s, uint32_t chain)
{
	const struct dw_chain *chains = s->facts->chains, *this = &chains[chain];
	uint64_t n = 0;

	for (uint32_t i = chain; i-- > 1 && chains[i].thread == this->thread;)
		if (chains[i].n_waits && chains[i].thing == this->thing)
			return 0;
	for (uint32_t i = chain; i < s->facts->n_chains && chains[i].thread == this->thread; i++)
		n += chains[i].thing == this->thing ? chains[i].n_waits : 0;
	return n;
}

/*
 * "; waits for BQL in 40 % of 790 samples": of a thread that was sampled, as its stack is only
 * where it mostly was. What samples tell of a thread is told in one go.
 */
static void fill_sampled(struct showing *s)
{
	for (uint32_t i = 1; i < s->facts->n_chains; i++) {
		const struct dw_chain *chain = &s->facts->chains[i];
		uint32_t n_samples = s->picture->threads[chain->thread].n_samples;
		const char *told = s->sampled[chain->thread];
		uint64_t n = chain->n_waits && n_samples ? count_samples(s, i) : 0;

		if (n)
			s->sampled[chain->thread] =
			    dw_tell_text(s->telling, "%s for %s in %" PRIu64 " %%",
					 told ? told : "", dw_tell_thing(s->telling, chain->thing),
					 (100 * n + n_samples / 2) / n_samples);
	}
}

static const char *sampled_text(const struct showing *s, uint32_t thread)
{
	return s->sampled[thread] ? s->sampled[thread] : "";
}

/* "BQL": what it needs when the condition that it waits for was given; or "". */
static const char *needed_again(const struct showing *s, uint32_t thread)
{
	const struct dw_slot *slot = slot_of(s, thread);
	const struct dw_held *next = &slot->held[slot->top + 1];

	if (!slot->waits.thing || !(next->how & DW_RETAKEN))
		return "";
	return dw_tell_thing(s->telling, s->facts->chains[next->chain].thing);
}

/* Who holds something is told alone. */
static bool is_alike(const struct showing *s, uint32_t a, uint32_t b)
{
	const struct dw_inspected_thread *one = &s->picture->threads[a],
					 *other = &s->picture->threads[b];

	return slot_of(s, a)->top == 0 && slot_of(s, b)->top == 0 &&
	       is_text_equal(one->role, other->role) &&
	       is_text_equal(one->no_stack, other->no_stack) && one->state == other->state &&
	       one->has_call == other->has_call && one->call == other->call &&
	       is_text_equal(waited_by(s, a), waited_by(s, b)) &&
	       is_text_equal(needed_again(s, a), needed_again(s, b)) &&
	       is_text_equal(sampled_text(s, a), sampled_text(s, b)) &&
	       dw_tell_stacks_equal(stack_of(s, a), stack_of(s, b));
}

/* The next thread, from @thread on, that holds the lock @thing; 0: nobody. */
static uint32_t next_holder(const struct showing *s, uint32_t thing, uint32_t thread)
{
	for (; thread < s->facts->n_threads; thread++)
		for (uint32_t i = 1; i <= slot_of(s, thread)->top; i++)
			if (slot_of(s, thread)->held[i].thing == s->facts->things[thing].address)
				return thread;
	return 0;
}

/* ", held by main (4711) (inferred)" */
static void tell_holders(const struct showing *s, uint32_t thing)
{
	const char *before = ", held by ";
	bool any = false;

	if (!dw_names_thing_is_lock(s->telling->process->names, thing))
		return;
	for (uint32_t t = next_holder(s, thing, 1); t;
	     t = next_holder(s, thing, t + 1), before = ", ") {
		any = true;
		dw_tell(s->telling, DW_STYLE_PLAIN, "%s%s", before, dw_tell_thread(s->telling, t));
	}
	if (!any)
		dw_tell(s->telling, DW_STYLE_PLAIN, "; who holds it is not known");
	else if (s->picture->is_inferred[thing])
		dw_tell(s->telling, DW_STYLE_PLAIN, " (inferred)");
}

static void tell_held(const struct showing *s, uint32_t thread)
{
	const struct dw_slot *slot = slot_of(s, thread);

	for (uint32_t i = 1; i <= slot->top; i++)
		dw_tell(s->telling, DW_STYLE_PLAIN, "%s%s", i == 1 ? " holds " : ", ",
			dw_tell_thing(s->telling, s->facts->chains[slot->held[i].chain].thing));
}

static void tell_doing(const struct showing *s, uint32_t thread, uint32_t n)
{
	const struct dw_inspected_thread *pictured = &s->picture->threads[thread];
	uint32_t thing = s->facts->chains[pictured->chain].thing;
	const char *and = slot_of(s, thread)->top ? ", and" : "";

	if (thing && pictured->polls)
		dw_tell(s->telling, DW_STYLE_PLAIN, "%s asks again and again: %s", and,
			waited_by(s, thread));
	else if (thing)
		dw_tell(s->telling, DW_STYLE_PLAIN, "%s wait%s for %s", and, n == 1 ? "s" : "",
			waited_by(s, thread));
	else if (pictured->has_call)
		dw_tell(s->telling, DW_STYLE_PLAIN, "%s %s in system call %" PRIu32, and,
			n == 1 ? "is" : "are", pictured->call);
	else
		dw_tell(s->telling, DW_STYLE_PLAIN, "%s run%s", and, n == 1 ? "s" : "");
	if (thing)
		tell_holders(s, thing);
}

/* The names of all that do as thread @first does. Return: how many. */
static uint32_t tell_names(const struct showing *s, uint32_t first)
{
	uint32_t n = 0;

	for (uint32_t t = first; t < s->facts->n_threads; t++) {
		if (s->is_told[t] || (t != first && !is_alike(s, first, t)))
			continue;
		s->is_told[t] = true;
		dw_tell(s->telling, DW_STYLE_BOLD, "%s%s", n ? ", " : "  ",
			dw_tell_thread(s->telling, t));
		n++;
	}
	return n;
}

/* Threads that have nothing to do are in the way of those that are stuck. */
static void tell_group(const struct showing *s, uint32_t first)
{
	const struct dw_inspected_thread *pictured = &s->picture->threads[first];
	const struct dw_named_stack *stack = stack_of(s, first);
	bool is_brief = !s->all && pictured->idles && slot_of(s, first)->top == 0;
	uint32_t n = tell_names(s, first);

	if (pictured->role)
		dw_tell(s->telling, DW_STYLE_PLAIN, " [%s]",
			dw_tell_name(s->telling, pictured->role));
	dw_tell(s->telling, DW_STYLE_PLAIN, "%s", n > 1 ? ":" : "");
	tell_held(s, first);
	tell_doing(s, first, n);
	if (*needed_again(s, first))
		dw_tell(s->telling, DW_STYLE_PLAIN, ", and need%s %s again", n == 1 ? "s" : "",
			needed_again(s, first));
	if (s->sampled[first])
		dw_tell(s->telling, DW_STYLE_PLAIN, "; wait%s%s of %" PRIu32 " sample%s",
			n == 1 ? "s" : "", s->sampled[first], pictured->n_samples,
			dw_words_plural(pictured->n_samples));
	if (!pictured->stack && pictured->no_stack)
		dw_tell(s->telling, DW_STYLE_PLAIN, "; no stack: %s", pictured->no_stack);
	dw_tell(s->telling, DW_STYLE_PLAIN, "\n");
	if (stack->n_frames && !is_brief)
		dw_tell_frames(s->telling, stack);
}

void dw_tell_inspected(struct dw_telling *telling, bool all)
{
	const struct dw_facts *facts = telling->process->facts;
	struct showing s = {
	    .telling = telling,
	    .facts = facts,
	    .picture = telling->process->inspected,
	    .is_told = dw_arena_alloc(telling->arena, facts->n_threads),
	    .all = all,
	};

	s.sampled = dw_arena_alloc(telling->arena, facts->n_threads * sizeof(*s.sampled));
	if (!s.is_told || !s.sampled) {
		telling->full = true;
		return;
	}
	fill_sampled(&s);
	dw_tell(telling, DW_STYLE_PLAIN, "All threads of %s", dw_tell_process(telling));
	if (s.picture->span_ns)
		dw_tell(telling, DW_STYLE_PLAIN, ", looked at for %s",
			dw_tell_span(telling, s.picture->span_ns));
	else
		dw_tell(telling, DW_STYLE_PLAIN,
			", at one moment: whether anybody comes on was not seen");
	dw_tell(telling, DW_STYLE_PLAIN, ":\n");
	for (uint32_t t = 1; t < facts->n_threads; t++)
		if (!s.is_told[t])
			tell_group(&s, t);
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
}
