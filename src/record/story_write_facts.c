/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts as a story that tells them: a line for every chain that no other builds on, and one
 * for every post, with the activity that it was in.
 */
#include "base/error.h"
#include "record/story_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* More than any activity was seen to give; without a bound, a file could make a story of any size.
 */
#define GIVEN_MAX 256

struct fact_writer {
	FILE *out;
	const struct dw_facts *facts;
	uint32_t *path;     /* room for the chains below any */
	uint32_t *woken_by; /* by thread: what its activity, as written so far, began with */
	const struct dw_post **posts; /* by chain, thing, and the order in which they were told */
	bool within;                  /* a line that has begun */
};

static void write_newline(struct fact_writer *writer)
{
	fputc('\n', writer->out);
	writer->within = false;
}

static void write_thing(const struct fact_writer *writer, uint32_t number)
{
	const struct dw_thing *thing = &writer->facts->things[number];

	if (dw_story_is_of_thread(thing->kind))
		fprintf(writer->out, " %" PRIu32, dw_thing_number(thing->address));
	else if (thing->kind == DW_CALL)
		dw_story_write_call(writer->out, thing->address, thing->name);
	else
		fprintf(writer->out, " L%" PRIu32, number);
}

/* A statement up to the kind of its thing; @usual is what that is if nothing is said. */
static void write_verb(struct fact_writer *writer, uint32_t thread, const char *verb,
		       uint32_t thing, unsigned usual)
{
	fprintf(writer->out, "%s%" PRIu32 " %s", writer->within ? "; " : "", thread, verb);
	writer->within = true;
	if (!thing)
		return;
	write_thing(writer, thing);
	dw_story_write_kind(writer->out, writer->facts->things[thing].kind, usual);
}

static void write_idle(struct fact_writer *writer, uint32_t thread, uint32_t woken_by)
{
	write_verb(writer, thread, "idle", woken_by, DW_CONDITION);
	writer->woken_by[thread] = woken_by;
}

static void write_site(const struct fact_writer *writer, uint32_t hint, uint32_t stack)
{
	dw_story_write_site(writer->out, hint ? &writer->facts->hints[hint] : NULL, stack);
}

/* A wait that was never measured may not have ended. */
static void write_wait(struct fact_writer *writer, const struct dw_chain *chain)
{
	unsigned kind = writer->facts->things[chain->thing].kind;
	unsigned usual = kind == DW_CALL ? DW_CALL : DW_CONDITION;

	write_verb(writer, chain->thread, kind == DW_CALL ? "enter" : "park", chain->thing, usual);
	dw_story_write_hows(writer->out, chain->how & ~(unsigned)DW_WAITS);
	write_site(writer, chain->hint, chain->stack);
	if (!chain->n_waits)
		return;
	write_verb(writer, chain->thread, kind == DW_CALL ? "leave" : "wake", chain->thing, usual);
	dw_story_write_time(writer->out, chain->longest_ns);
	if (dw_is_idle_point(kind))
		writer->woken_by[chain->thread] = chain->thing;
}

static void write_step(struct fact_writer *writer, const struct dw_chain *chain)
{
	if (writer->woken_by[chain->thread] != chain->origin.woken_by)
		write_idle(writer, chain->thread, chain->origin.woken_by);
	if (chain->how & DW_WAITS) {
		write_wait(writer, chain);
		return;
	}
	write_verb(writer, chain->thread, "hold", chain->thing, DW_MUTEX);
	dw_story_write_hows(writer->out, chain->how);
	write_site(writer, chain->hint, chain->stack);
}

/* Return: the number of chains from @top down to the root, which `path` has now. */
static uint32_t find_path(const struct fact_writer *writer, uint32_t top)
{
	uint32_t n = 0;

	for (uint32_t at = top; at; at = writer->facts->chains[at].below)
		writer->path[n++] = at;
	return n;
}

/* Lets go of the locks of the path, the last one first. */
static void write_drops(struct fact_writer *writer, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct dw_chain *chain = &writer->facts->chains[writer->path[i]];

		if (chain->how & DW_WAITS)
			continue;
		write_verb(writer, chain->thread, "drop", 0, 0);
		write_thing(writer, chain->thing);
	}
}

static void write_chain(struct fact_writer *writer, uint32_t top)
{
	uint32_t n = find_path(writer, top);

	for (uint32_t i = n; i > 0; i--)
		write_step(writer, &writer->facts->chains[writer->path[i - 1]]);
	write_drops(writer, n);
	write_newline(writer);
}

/* Facts that were made otherwise may have no array of posts. */
static uint32_t n_posts(const struct dw_facts *facts)
{
	return facts->n_posts ? facts->n_posts - 1 : 0;
}

static int by_chain(const struct dw_post *left, const struct dw_post *right)
{
	if (left->chain != right->chain)
		return left->chain < right->chain ? -1 : 1;
	return (left->thing > right->thing) - (left->thing < right->thing);
}

static int compare_posts(const void *a, const void *b)
{
	const struct dw_post *left = *(const struct dw_post *const *)a;
	const struct dw_post *right = *(const struct dw_post *const *)b;
	int order = by_chain(left, right);

	return order ? order : (left > right) - (left < right);
}

/*
 * How what @post's thread had said before, after the same lock, was first given after it; NULL:
 * nothing was said. That was told before: so who goes on from there comes to an end.
 */
static const struct dw_post *said_before(const struct fact_writer *writer,
					 const struct dw_post *post)
{
	const struct dw_post wanted = {.chain = post->chain, .thing = post->said};
	uint32_t n = n_posts(writer->facts), low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (by_chain(writer->posts[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!post->said || low == n || by_chain(writer->posts[low], &wanted) != 0)
		return NULL;
	return writer->posts[low] < post ? writer->posts[low] : NULL;
}

/* What was said before it was given in between as well, and something before that, perhaps. */
static void write_given(struct fact_writer *writer, const struct dw_post *post)
{
	const struct dw_post *given[GIVEN_MAX];
	uint32_t n = 0;

	for (const struct dw_post *at = post; at && n < GIVEN_MAX; at = said_before(writer, at))
		given[n++] = at;
	for (; n > 0; n--) {
		write_verb(writer, post->thread, "post", given[n - 1]->thing, DW_CONDITION);
		write_site(writer, given[n - 1]->hint, given[n - 1]->stack);
	}
}

/* Of all that is held only the last lock was taken in the activity that gives. */
static void write_post(struct fact_writer *writer, const struct dw_post *post)
{
	const struct dw_chain *chain = &writer->facts->chains[post->chain];
	uint32_t n = find_path(writer, post->chain);

	for (uint32_t i = n; i > 1; i--)
		write_step(writer, &writer->facts->chains[writer->path[i - 1]]);
	write_idle(writer, post->thread, chain->origin.woken_by);
	if (n > 0)
		write_step(writer, chain);
	write_drops(writer, n);
	write_given(writer, post);
	write_newline(writer);
}

static int writer_init(struct fact_writer *writer)
{
	const struct dw_facts *facts = writer->facts;
	uint32_t n = n_posts(facts);

	writer->path = calloc((size_t)facts->n_chains + 1, sizeof(*writer->path));
	writer->woken_by = calloc((size_t)facts->n_threads + 1, sizeof(*writer->woken_by));
	writer->posts = calloc((size_t)n + 1, sizeof(*writer->posts));
	if (!writer->path || !writer->woken_by || !writer->posts)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++)
		writer->posts[i] = &facts->posts[i + 1];
	qsort(writer->posts, n, sizeof(*writer->posts), compare_posts);
	return 0;
}

static void writer_done(const struct fact_writer *writer)
{
	free(writer->path);
	free(writer->woken_by);
	free(writer->posts);
}

int dw_story_write_facts(FILE *out, const struct dw_facts *facts)
{
	dw_cleanup(writer_done) struct fact_writer writer = {.out = out, .facts = facts};
	uint8_t *built_on = calloc((size_t)facts->n_chains + 1, 1);
	int r = built_on ? writer_init(&writer) : dw_raise(-ENOMEM);

	for (uint32_t i = 1; r == 0 && i < facts->n_chains; i++)
		built_on[facts->chains[i].below] = 1;
	for (uint32_t i = 1; r == 0 && i < facts->n_chains; i++)
		if (!built_on[i])
			write_chain(&writer, i);
	for (uint32_t i = 0; r == 0 && i < n_posts(facts); i++)
		write_post(&writer, &facts->posts[i + 1]);
	free(built_on);
	if (r == 0 && ferror(out))
		r = dw_raise(-EIO);
	return r < 0 ? dw_pass(r) : 0;
}
