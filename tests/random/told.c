/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told.h"

#include "model/event.h"
#include "record/story.h"

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *allocated(void *memory)
{
	if (!memory)
		errx(2, "no memory");
	return memory;
}

static void add_line(struct told *told, char *line)
{
	if (told->n == told->room) {
		told->room = told->room ? told->room * 2 : 64;
		told->lines = allocated(realloc(told->lines, told->room * sizeof(*told->lines)));
	}
	told->lines[told->n++] = line;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A line that is being written; text_end() gives it. */
struct text {
	char *buffer;
	size_t size;
	FILE *out;
};

static void text_begin(struct text *text)
{
	text->out = allocated(open_memstream(&text->buffer, &text->size));
}

static char *text_end(struct text *text)
{
	fclose(text->out);
	return allocated(text->buffer);
}

/* A thing was told if a chain, post or misuse is about it: other lives left no trace. */
static bool *things_told(const struct dw_facts *facts)
{
	bool *told = allocated(calloc(facts->n_things + 1, sizeof(*told)));

	for (uint32_t i = 1; i < facts->n_chains; i++)
		told[facts->chains[i].thing] = true;
	for (uint32_t i = 1; i < facts->n_posts; i++)
		told[facts->posts[i].thing] = true;
	for (uint32_t i = 1; i < facts->n_misuses; i++)
		told[facts->misuses[i].thing] = true;
	return told;
}

static int by_life(const void *a, const void *b)
{
	const struct dw_thing *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	return (left->life > right->life) - (left->life < right->life);
}

size_t told_twins(const struct dw_facts *facts)
{
	struct dw_thing *things = allocated(calloc(facts->n_things + 1, sizeof(*things)));
	bool *told = things_told(facts);
	size_t n = 0, n_twins = 0;

	for (uint32_t i = 1; i < facts->n_things; i++)
		if (told[i])
			things[n++] = facts->things[i];
	qsort(things, n, sizeof(*things), by_life);
	for (size_t i = 1; i < n; i++)
		n_twins += by_life(&things[i - 1], &things[i]) == 0;
	free(told);
	free(things);
	return n_twins;
}

struct teller {
	const struct dw_facts *facts;
	const struct told *twice;
	bool *things;   /* whether each was told */
	uint32_t *path; /* room for the deepest chain */
};

static void put_thing(FILE *out, const struct teller *teller, uint32_t thing)
{
	fprintf(out, "%#" PRIx64 ".%" PRIu32, teller->facts->things[thing].address,
		teller->facts->things[thing].life);
}

static void put_how(FILE *out, uint32_t how)
{
#define X(name, value, text) \
	if (how & name)      \
		fputs(" " text, out);
	DW_HOWS(X)
#undef X
}

/* Where a call returns to: what it was called from may differ between equal chains. */
static void put_place(FILE *out, const struct dw_facts *facts, uint32_t stack)
{
	if (stack && facts->stacks[stack].n_frames)
		fprintf(out, " @%#" PRIx64, facts->stacks[stack].frames[0]);
	else
		fputs(" @?", out);
}

static void put_taking(FILE *out, const struct teller *teller, const struct dw_chain *chain)
{
	put_thing(out, teller, chain->thing);
	put_how(out, chain->how);
	put_place(out, teller->facts, chain->stack);
	if (chain->hint)
		fprintf(out, " %s:%" PRIu32, teller->facts->hints[chain->hint].file,
			teller->facts->hints[chain->hint].line);
}

/* Return: the number of chains below @top, itself included, which `path` has now, root last. */
static uint32_t find_path(const struct teller *teller, uint32_t top)
{
	uint32_t n = 0;

	for (uint32_t at = top; at; at = teller->facts->chains[at].below)
		teller->path[n++] = at;
	return n;
}

static void put_chain(FILE *out, const struct teller *teller, uint32_t number)
{
	const struct dw_facts *facts = teller->facts;

	fprintf(out, "thread %" PRIu32 ":", facts->chains[number].thread);
	for (uint32_t n = find_path(teller, number); n > 0; n--) {
		fputs(n < facts->chains[number].depth ? ", " : " ", out);
		put_taking(out, teller, &facts->chains[teller->path[n - 1]]);
	}
}

static char *chain_line(const struct teller *teller, uint32_t number)
{
	struct text text;

	text_begin(&text);
	put_chain(text.out, teller, number);
	return text_end(&text);
}

/* A chain's line, or a run of segments in which what the line says happened. */
struct happening {
	char *line; /* shared by the chain's runs */
	struct dw_run run;
};

static int by_line_and_run(const void *a, const void *b)
{
	const struct happening *left = a, *right = b;
	int order = strcmp(left->line, right->line);

	if (order)
		return order;
	return (left->run.from > right->run.from) - (left->run.from < right->run.from);
}

static struct happening *happenings(const struct teller *teller, size_t *ret_n)
{
	const struct dw_facts *facts = teller->facts;
	struct happening *all = allocated(calloc(facts->n_runs + 1, sizeof(*all)));
	size_t n = 0;

	for (uint32_t i = 1; i < facts->n_chains; i++)
		for (uint32_t run = facts->chains[i].run; run; run = facts->runs[run].next)
			all[n++] = (struct happening){chain_line(teller, i), facts->runs[run]};
	qsort(all, n, sizeof(*all), by_line_and_run);
	*ret_n = n;
	return all;
}

/* The segments of all[i] and those behind it with the same line, joined where they meet. */
static size_t put_segments(FILE *out, const struct happening *all, size_t n, size_t i)
{
	const char *line = all[i].line;

	while (i < n && strcmp(all[i].line, line) == 0) {
		uint32_t from = all[i].run.from, to = all[i].run.to;

		for (i++; i < n && strcmp(all[i].line, line) == 0 && all[i].run.from <= to + 1; i++)
			if (all[i].run.to > to)
				to = all[i].run.to;
		fprintf(out, " %" PRIu32 "-%" PRIu32, from, to);
	}
	return i;
}

static void tell_chains(struct told *told, const struct teller *teller)
{
	size_t n, i = 0;
	struct happening *all = happenings(teller, &n);

	while (i < n) {
		struct text text;

		text_begin(&text);
		fprintf(text.out, "%s; segments", all[i].line);
		i = put_segments(text.out, all, n, i);
		add_line(told, text_end(&text));
	}
	for (i = 0; i < n; i++)
		free(all[i].line);
	free(all);
}

static void tell_needs_of(struct told *told, const struct teller *teller, uint32_t number)
{
	const struct dw_chain *chains = teller->facts->chains, *top = &chains[number];
	uint32_t n = find_path(teller, number);

	for (uint32_t i = 1; i < n; i++)
		if (chains[teller->path[i]].thing == top->thing)
			return;
	for (uint32_t i = 1; i < n; i++) {
		struct text text;

		text_begin(&text);
		fprintf(text.out, "thread %" PRIu32 ": ", top->thread);
		put_taking(text.out, teller, &chains[teller->path[i]]);
		fputs(" needs ", text.out);
		put_taking(text.out, teller, top);
		add_line(told, text_end(&text));
	}
}

/* What is held needs what is taken, unless that was held already, or just remains. */
static void tell_needs(struct told *told, const struct teller *teller)
{
	for (uint32_t i = 1; i < teller->facts->n_chains; i++)
		if (!(teller->facts->chains[i].how & DW_REMAINS))
			tell_needs_of(told, teller, i);
}

/* A line of the post or chain with @number, which others can have as well. */
struct numbered {
	char *line;
	uint32_t number;
};

static int by_line_and_number(const void *a, const void *b)
{
	const struct numbered *left = a, *right = b;
	int order = strcmp(left->line, right->line);

	return order ? order : (left->number > right->number) - (left->number < right->number);
}

static bool was_told_twice(const struct teller *teller, char *chain)
{
	return teller->twice && teller->twice->n &&
	       bsearch(&chain, teller->twice->lines, teller->twice->n, sizeof(chain), by_text);
}

static char *post_line(const struct teller *teller, const struct dw_post *post)
{
	char *chain = post->chain ? chain_line(teller, post->chain) : NULL;
	struct text text;

	text_begin(&text);
	fprintf(text.out, "thread %" PRIu32 " gives ", post->thread);
	put_thing(text.out, teller, post->thing);
	if (chain)
		fprintf(text.out, " after %s", chain);
	if (post->said && !was_told_twice(teller, chain)) {
		fputs(", having said ", text.out);
		put_thing(text.out, teller, post->said);
	}
	free(chain);
	return text_end(&text);
}

/* Who has forgotten that a post is told may tell it again, at another place: the first counts. */
static void tell_posts(struct told *told, const struct teller *teller)
{
	uint32_t n = teller->facts->n_posts - 1;
	struct numbered *givings = allocated(calloc(n + 1, sizeof(*givings)));

	for (uint32_t i = 0; i < n; i++)
		givings[i] =
		    (struct numbered){post_line(teller, &teller->facts->posts[i + 1]), i + 1};
	qsort(givings, n, sizeof(*givings), by_line_and_number);
	for (uint32_t i = 0; i < n; i++) {
		struct text text;

		if (i > 0 && strcmp(givings[i - 1].line, givings[i].line) == 0)
			continue;
		text_begin(&text);
		fputs(givings[i].line, text.out);
		put_place(text.out, teller->facts, teller->facts->posts[givings[i].number].stack);
		add_line(told, text_end(&text));
	}
	for (uint32_t i = 0; i < n; i++)
		free(givings[i].line);
	free(givings);
}

/*
 * How often each wait was measured, in all chains that tell of it; for how long, the two know by
 * clocks of their own.
 */
static void tell_waits(struct told *told, const struct teller *teller)
{
	const struct dw_chain *chains = teller->facts->chains;
	struct numbered *waits = allocated(calloc(teller->facts->n_chains + 1, sizeof(*waits)));
	uint32_t n = 0, n_times = 0;

	for (uint32_t i = 1; i < teller->facts->n_chains; i++)
		if (chains[i].how & DW_WAITS)
			waits[n++] = (struct numbered){chain_line(teller, i), i};
	qsort(waits, n, sizeof(*waits), by_line_and_number);
	for (uint32_t i = 0; i < n; i++) {
		struct text text;

		n_times += chains[waits[i].number].n_waits;
		if (i + 1 < n && strcmp(waits[i].line, waits[i + 1].line) == 0)
			continue;
		text_begin(&text);
		fprintf(text.out, "%s; %" PRIu32 " times", waits[i].line, n_times);
		add_line(told, text_end(&text));
		n_times = 0;
	}
	for (uint32_t i = 0; i < n; i++)
		free(waits[i].line);
	free(waits);
}

static void tell_things(struct told *told, const struct teller *teller)
{
	const struct dw_facts *facts = teller->facts;

	for (uint32_t i = 1; i < facts->n_things; i++) {
		const struct dw_thing *thing = &facts->things[i];
		struct text text;

		if (!teller->things[i])
			continue;
		text_begin(&text);
		put_thing(text.out, teller, i);
		fprintf(text.out, " %s made by %" PRIu32 "%s", dw_story_kind_word(thing->kind),
			thing->maker, thing->flags & DW_THING_ENDED ? ", ended" : "");
		add_line(told, text_end(&text));
	}
}

static void tell_threads(struct told *told, const struct teller *teller)
{
	for (uint32_t i = 1; i < teller->facts->n_threads; i++) {
		const struct dw_told_thread *thread = &teller->facts->threads[i];
		struct text text;

		text_begin(&text);
		fprintf(text.out, "thread %" PRIu32 " made by %" PRIu32 " in segment %" PRIu32 "%s",
			i, thread->parent, thread->parent_run,
			thread->flags & DW_THREAD_EXITED ? ", ended" : "");
		add_line(told, text_end(&text));
	}
}

static void tell_joins(struct told *told, const struct teller *teller)
{
	for (uint32_t i = 1; i < teller->facts->n_joins; i++) {
		const struct dw_joined *join = &teller->facts->joins[i];
		struct text text;

		text_begin(&text);
		fprintf(text.out, "thread %" PRIu32 " joined %" PRIu32 " before segment %" PRIu32,
			join->thread, join->other, join->segment);
		add_line(told, text_end(&text));
	}
}

static void tell_misuses(struct told *told, const struct teller *teller)
{
	for (uint32_t i = 1; i < teller->facts->n_misuses; i++) {
		const struct dw_misuse *misuse = &teller->facts->misuses[i];
		struct text text;

		text_begin(&text);
		fprintf(text.out, "thread %" PRIu32 " %s ", misuse->thread,
			dw_story_misuse_word(misuse->kind));
		put_thing(text.out, teller, misuse->thing);
		put_place(text.out, teller->facts, misuse->stack);
		add_line(told, text_end(&text));
	}
}

static void make_set(struct told *told)
{
	size_t n = 0;

	if (told->n)
		qsort(told->lines, told->n, sizeof(*told->lines), by_text);
	for (size_t i = 0; i < told->n; i++) {
		if (n && strcmp(told->lines[n - 1], told->lines[i]) == 0)
			free(told->lines[i]);
		else
			told->lines[n++] = told->lines[i];
	}
	told->n = n;
}

static void teller_init(struct teller *teller, const struct dw_facts *facts)
{
	*teller = (struct teller){
	    .facts = facts,
	    .things = things_told(facts),
	    .path = allocated(calloc(facts->n_chains + 1, sizeof(*teller->path))),
	};
}

static void teller_done(const struct teller *teller)
{
	free(teller->things);
	free(teller->path);
}

struct told told_twice(const struct dw_facts *facts)
{
	struct told all = {0}, twice = {0};
	struct teller teller;

	teller_init(&teller, facts);
	for (uint32_t i = 1; i < facts->n_chains; i++)
		add_line(&all, chain_line(&teller, i));
	teller_done(&teller);
	if (all.n)
		qsort(all.lines, all.n, sizeof(*all.lines), by_text);
	for (size_t i = 1; i < all.n; i++)
		if (strcmp(all.lines[i - 1], all.lines[i]) == 0)
			add_line(&twice, allocated(strdup(all.lines[i])));
	told_done(&all);
	make_set(&twice);
	return twice;
}

struct told told_new(const struct dw_facts *facts, enum told_sort sort, const struct told *twice)
{
	static void (*const tells[TOLD_SORTS])(struct told * told, const struct teller *teller) = {
	    [TOLD_CHAINS] = tell_chains, [TOLD_NEEDS] = tell_needs,
	    [TOLD_POSTS] = tell_posts,   [TOLD_WAITS] = tell_waits,
	    [TOLD_THINGS] = tell_things, [TOLD_THREADS] = tell_threads,
	    [TOLD_JOINS] = tell_joins,   [TOLD_MISUSES] = tell_misuses,
	};
	struct teller teller;
	struct told told = {0};

	teller_init(&teller, facts);
	teller.twice = twice;
	tells[sort](&told, &teller);
	make_set(&told);
	teller_done(&teller);
	return told;
}

void told_done(struct told *told)
{
	for (size_t i = 0; i < told->n; i++)
		free(told->lines[i]);
	free(told->lines);
}
