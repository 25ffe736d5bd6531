/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "story-fixture.h"

#include <stdlib.h>

int story_set_up(void **state)
{
	static struct told told;

	told = (struct told){0};
	*state = &told;
	return 0;
}

int story_tear_down(void **state)
{
	struct told *told = *state;

	dw_replay_free(told->replay);
	dw_story_free(told->story);
	return 0;
}

const struct dw_facts *tell(void **state, const char *text)
{
	struct told *told = *state;
	struct dw_story_error error = {0};

	story_tear_down(state);
	*told = (struct told){0};
	if (dw_story_parse(&told->story, text, &error) > 0)
		fail_msg("line %u: expected %s", error.line, error.expected);
	assert_int_equal(dw_story_replay(&told->replay, told->story), 0);
	told->facts = dw_replay_facts(told->replay);
	return told->facts;
}

const char *story_word(const struct told *told, uint32_t thing)
{
	const char *word = NULL;

	if (told->story)
		word = dw_story_thing(told->story, told->facts->things[thing].address);
	return word ? word : "?";
}

/* A chain as "2:A B(shared)@b.c:12", the last lock with how and where it was taken. */
static void write_chain(FILE *out, const struct told *told, uint32_t number)
{
	const struct dw_facts *facts = told->facts;
	const struct dw_chain *chain = &facts->chains[number];
	uint32_t path[64], n = 0;

	for (uint32_t i = number; i; i = facts->chains[i].below)
		path[n++] = i;
	assert_int_equal(n, chain->depth);
	fprintf(out, "%u:", chain->thread);
	while (n > 0)
		fprintf(out, "%s%s", story_word(told, facts->chains[path[n - 1]].thing),
			n > 1 ? " " : ""),
		    n--;
#define X(name, value, text)   \
	if (chain->how & name) \
		fputs("(" text ")", out);
	DW_HOWS(X)
#undef X
	if (facts->hints[chain->hint].file)
		fprintf(out, "@%s:%u", facts->hints[chain->hint].file,
			facts->hints[chain->hint].line);
}

static char *chains_of(const struct told *told)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (uint32_t i = 1; i < told->facts->n_chains; i++) {
		fputs(i > 1 ? ", " : "", out);
		write_chain(out, told, i);
	}
	fclose(out);
	return text;
}

void assert_chains(void **state, const char *story, const char *expected)
{
	char *chains;

	tell(state, story);
	chains = chains_of(*state);
	assert_string_equal(chains, expected);
	free(chains);
}

static void write_post(FILE *out, const struct told *told, const struct dw_post *post)
{
	fprintf(out, "%u:%s", post->thread, story_word(told, post->thing));
	if (told->facts->things[post->thing].kind == DW_ENDING)
		fputs("(ending)", out);
	if (told->facts->things[post->thing].kind == DW_ANSWER)
		fputs("(answer)", out);
	if (post->chain) {
		fputs("<", out);
		write_chain(out, told, post->chain);
	}
	if (post->said)
		fprintf(out, " said %s", story_word(told, post->said));
}

static char *posts_of(const struct told *told)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (uint32_t i = 1; i < told->facts->n_posts; i++) {
		fputs(i > 1 ? ", " : "", out);
		write_post(out, told, &told->facts->posts[i]);
	}
	fclose(out);
	return text;
}

void assert_posts(void **state, const char *story, const char *expected)
{
	char *posts;

	tell(state, story);
	posts = posts_of(*state);
	assert_string_equal(posts, expected);
	free(posts);
}
