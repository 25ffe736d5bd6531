/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the needs that a recording has: what needs what, and in which manner.
 * usage: needs RECORDING
 *
 * One a line, as often as there are witnesses. What a thing is called does not depend on who has
 * made the recording: what QEMU tells the shim, and nobody else, is left out.
 */
#include "analysis/need.h"
#include "record/reader.h"
#include "symbol/names.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A boot's recording has some hundred facts. */
#define MEMORY_MAX ((size_t)1 << 30)

/* Of how something was taken: what decides who meets whom. */
#define MANNERS (DW_SHARED | DW_TRY | DW_TIMED | DW_RETAKEN)

static void *copy(const void *from, uint32_t n, size_t size)
{
	void *to = calloc(n, size);

	if (!to)
		err(2, "copy");
	return memcpy(to, from, n * size);
}

/* The facts of @said without what QEMU says. */
static struct dw_facts unsaid(const struct dw_facts *said)
{
	struct dw_facts facts = *said;
	struct dw_thing *things = copy(said->things, said->n_things, sizeof(*things));
	struct dw_chain *chains = copy(said->chains, said->n_chains, sizeof(*chains));
	struct dw_post *posts = copy(said->posts, said->n_posts, sizeof(*posts));

	for (uint32_t i = 0; i < said->n_things; i++)
		things[i].flags &= (uint16_t)~DW_THING_BQL;
	for (uint32_t i = 0; i < said->n_chains; i++)
		chains[i].hint = 0;
	for (uint32_t i = 0; i < said->n_posts; i++)
		posts[i].hint = 0;
	facts.things = things;
	facts.chains = chains;
	facts.posts = posts;
	return facts;
}

static void print_manner(uint32_t how)
{
#define X(name, value, text)                \
	if (how & (name) && (name)&MANNERS) \
		printf(" %s", text);
	DW_HOWS(X)
#undef X
}

/* @thing, called @name. */
static void print_thing(const struct dw_facts *facts, uint32_t thing, const char *name)
{
	printf("%s%s", facts->things[thing].kind == DW_LOCK_WORD ? "the word " : "", name);
}

/*
 * The last thing of a chain. Calls are told by where they are made, and not by how that was come
 * to: of the ways to a place, only the first one that was gone is told.
 */
static void print_taken(struct dw_names *names, const struct dw_facts *facts, uint32_t number)
{
	const struct dw_chain *chain = &facts->chains[number];
	const struct dw_named_stack *stack = dw_names_stack(names, chain->stack, /* hint= */ 0);

	if (facts->things[chain->thing].kind == DW_CALL && stack->site < stack->n_frames)
		printf("the call %s in %s", dw_names_thing_plain(names, chain->thing),
		       dw_names_frame(names, &stack->frames[stack->site]));
	else
		print_thing(facts, chain->thing, dw_names_taken_plain(names, number));
}

static void print_needs_of_chain(struct dw_names *names, const struct dw_facts *facts,
				 uint32_t number)
{
	const struct dw_chain *chain = &facts->chains[number];

	if (!dw_need_is_made(facts, number))
		return;
	for (uint32_t i = chain->below; i; i = facts->chains[i].below) {
		print_taken(names, facts, i);
		print_manner(facts->chains[i].how & DW_SHARED);
		printf(" -> ");
		print_taken(names, facts, number);
		print_manner(chain->how);
		putchar('\n');
	}
}

static void print_need_of_post(struct dw_names *names, const struct dw_facts *facts,
			       uint32_t number)
{
	const struct dw_post *post = &facts->posts[number];

	if (!dw_need_is_given(facts, number))
		return;
	printf("%s given -> ", dw_names_thing_plain(names, post->thing));
	print_taken(names, facts, post->chain);
	putchar('\n');
}

int main(int argc, char **argv)
{
	dw_auto(reader) reader = NULL;
	dw_auto(names) names = NULL;
	struct dw_facts facts;

	if (argc != 2 || dw_reader_open(&reader, argv[1], MEMORY_MAX) != 0)
		errx(2, "usage: needs RECORDING");
	facts = unsaid(dw_reader_facts(reader));
	if (dw_names_new(&names, &facts) < 0)
		errx(2, "no memory");
	for (uint32_t i = 1; i < facts.n_chains; i++)
		print_needs_of_chain(names, &facts, i);
	for (uint32_t i = 1; i < facts.n_posts; i++)
		print_need_of_post(names, &facts, i);
	free((void *)facts.things);
	free((void *)facts.chains);
	free((void *)facts.posts);
	return 0;
}
