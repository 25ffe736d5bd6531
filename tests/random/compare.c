/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a recording of every event tells the same twice: by the facts that were told while
 * the program ran, and by the replay of its events; and whether its events still tell that
 * when they have been a story.
 * usage: compare RECORDING
 *
 * Exit status: 0 the same, 1 not, 2 could not be compared.
 */
#include "told.h"

#include "record/reader.h"
#include "record/story.h"

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of each sort: what is wrong once is mostly wrong everywhere. */
#define SHOWN_MAX 10

/* Some hundred times what a random program's recording takes. */
#define MEMORY_MAX ((size_t)1 << 30)

static const char *const sorts[TOLD_SORTS] = {
    [TOLD_CHAINS] = "chain", [TOLD_NEEDS] = "need",     [TOLD_POSTS] = "post",
    [TOLD_WAITS] = "wait",   [TOLD_THINGS] = "thing",   [TOLD_THREADS] = "thread",
    [TOLD_JOINS] = "join",   [TOLD_MISUSES] = "misuse",
};

static void show(size_t n_before, const char *who, const char *sort, const char *line)
{
	if (n_before < SHOWN_MAX)
		printf("%s %s: %s\n", who, sort, line);
	else if (n_before == SHOWN_MAX)
		printf("...\n");
}

/* Return: how many lines only one of the two has. */
static size_t compare_sorts(const struct dw_facts *live, const struct dw_facts *replayed,
			    enum told_sort sort, const struct told *twice)
{
	struct told left = told_new(live, sort, twice), right = told_new(replayed, sort, twice);
	size_t l = 0, r = 0, n = 0;

	while (l < left.n || r < right.n) {
		int order = l == left.n    ? 1
			    : r == right.n ? -1
					   : strcmp(left.lines[l], right.lines[r]);

		if (order < 0)
			show(n++, "only live", sorts[sort], left.lines[l++]);
		else if (order > 0)
			show(n++, "only replayed", sorts[sort], right.lines[r++]);
		else
			l++, r++;
	}
	printf("%ss: %zu live, %zu replayed, %zu differ\n", sorts[sort], left.n, right.n, n);
	told_done(&left);
	told_done(&right);
	return n;
}

static bool is_whole(const struct dw_facts *facts)
{
	for (unsigned i = 0; i < DW_LOSS_MAX; i++)
		if (facts->losses[i]) {
			printf("lost, for reason %u: %" PRIu64 "\n", i, facts->losses[i]);
			return false;
		}
	return !facts->truncated;
}

static size_t compare_replay(const struct dw_facts *live, const struct dw_facts *replayed)
{
	struct told twice = told_twice(live);
	size_t n = told_twins(live);

	if (n)
		printf("%zu live things share an address and a life\n", n);
	for (enum told_sort sort = 0; sort < TOLD_SORTS; sort++)
		n += compare_sorts(live, replayed, sort, &twice);
	printf("chains told twice: %zu\n", twice.n);
	told_done(&twice);
	return n;
}

static bool runs_are_same(const struct dw_facts *a, uint32_t i, const struct dw_facts *b,
			  uint32_t j)
{
	while (i && j && a->runs[i].from == b->runs[j].from && a->runs[i].to == b->runs[j].to) {
		i = a->runs[i].next;
		j = b->runs[j].next;
	}
	return i == 0 && j == 0;
}

/* The names of things: which thing of one is which of the other. */
struct names {
	uint32_t *of_left, *of_right;
};

static bool thing_is_same(const struct names *names, uint32_t left, uint32_t right)
{
	if (!names->of_left[left] && !names->of_right[right]) {
		names->of_left[left] = right;
		names->of_right[right] = left;
	}
	return names->of_left[left] == right && names->of_right[right] == left;
}

/* Chains are numbered in the order of the events, so equal chains have equal numbers. */
static bool chain_is_same(const struct dw_facts *a, const struct dw_facts *b, uint32_t i,
			  const struct names *names)
{
	const struct dw_chain *left = &a->chains[i], *right = &b->chains[i];

	return thing_is_same(names, left->thing, right->thing) && left->below == right->below &&
	       left->thread == right->thread && left->how == right->how &&
	       a->things[left->thing].kind == b->things[right->thing].kind &&
	       runs_are_same(a, left->run, b, right->run);
}

/* A post's place: within those of one giving, the order is that of the tracker's table. */
struct place {
	uint32_t giving, chain, number;
};

static int by_place(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	if (left->giving != right->giving)
		return left->giving < right->giving ? -1 : 1;
	if (left->chain != right->chain)
		return left->chain < right->chain ? -1 : 1;
	return (left->number > right->number) - (left->number < right->number);
}

static struct place *places_of(const struct dw_facts *facts)
{
	struct place *places = calloc(facts->n_posts + 1, sizeof(*places));

	if (!places)
		errx(2, "no memory");
	for (uint32_t i = 1; i < facts->n_posts; i++) {
		const struct dw_post *post = &facts->posts[i], *before = post - 1;
		bool goes_on = post->thing == before->thing && post->thread == before->thread;

		places[i] = (struct place){places[i - 1].giving + !goes_on, post->chain, i};
	}
	qsort(places, facts->n_posts, sizeof(*places), by_place);
	return places;
}

static bool post_is_same(const struct dw_post *left, const struct dw_post *right,
			 const struct names *names)
{
	return thing_is_same(names, left->thing, right->thing) &&
	       thing_is_same(names, left->said, right->said) && left->chain == right->chain &&
	       left->thread == right->thread;
}

static bool posts_are_same(const struct dw_facts *a, const struct dw_facts *b,
			   const struct names *names)
{
	struct place *left = places_of(a), *right = places_of(b);
	uint32_t i = 1;

	while (i < a->n_posts && i < b->n_posts &&
	       post_is_same(&a->posts[left[i].number], &b->posts[right[i].number], names))
		i++;
	free(left);
	free(right);
	if (i == a->n_posts && i == b->n_posts)
		return true;
	printf("post %" PRIu32 " of %" PRIu32 " is another in the story, which has %" PRIu32 "\n",
	       i, a->n_posts - 1, b->n_posts - 1);
	return false;
}

/* Return: 0 if @told, which has been a story, has the chains and posts of @replayed under other
 * names. */
static size_t compare_story(const struct dw_facts *replayed, const struct dw_facts *told)
{
	struct names names = {
	    .of_left = calloc(replayed->n_things + 1, sizeof(*names.of_left)),
	    .of_right = calloc(told->n_things + 1, sizeof(*names.of_right)),
	};
	uint32_t i = 1;
	bool same;

	if (!names.of_left || !names.of_right)
		errx(2, "no memory");
	while (i < replayed->n_chains && i < told->n_chains &&
	       chain_is_same(replayed, told, i, &names))
		i++;
	same = posts_are_same(replayed, told, &names);
	free(names.of_left);
	free(names.of_right);
	if (i == replayed->n_chains && i == told->n_chains)
		return !same;
	printf("chain %" PRIu32 " of %" PRIu32 " is another in the story, which has %" PRIu32 "\n",
	       i, replayed->n_chains - 1, told->n_chains - 1);
	return 1;
}

static char *write_story(const struct dw_event *events, size_t n, const struct dw_facts *facts)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out || dw_story_write(out, events, n, facts) < 0 || fclose(out) != 0)
		errx(2, "the story cannot be written");
	return text;
}

static size_t compare_through_story(const struct dw_event *events, size_t n,
				    const struct dw_facts *live, const struct dw_facts *replayed)
{
	char *text = write_story(events, n, live);
	dw_auto(story) story = NULL;
	dw_auto(replay) replay = NULL;
	struct dw_story_error error = {0};
	int r = dw_story_parse(&story, text, &error);

	free(text);
	if (r > 0) {
		printf("line %u of the story: %s expected\n", error.line, error.expected);
		return 1;
	}
	if (r < 0 || dw_story_replay(&replay, story) < 0)
		errx(2, "the story cannot be replayed");
	return compare_story(replayed, dw_replay_facts(replay));
}

int main(int argc, char **argv)
{
	dw_auto(reader) reader = NULL;
	dw_auto(replay) replay = NULL;
	const struct dw_facts *live;
	const struct dw_event *events;
	size_t n_events, n;
	int r;

	if (argc != 2)
		errx(2, "usage: compare RECORDING");
	r = dw_reader_open(&reader, argv[1], MEMORY_MAX);
	if (r != 0)
		errx(2, "%s: %s", argv[1], r < 0 ? strerror(-r) : dw_reader_answer_text(r));
	live = dw_reader_facts(reader);
	events = dw_reader_events(reader, &n_events);
	if (!is_whole(live) || n_events == 0)
		errx(2, "%s: not all events are there", argv[1]);
	r = dw_replay_new(&replay, events, n_events, live);
	if (r < 0)
		errx(2, "replay: %s", strerror(-r));
	printf("events: %zu\n", n_events);
	n = compare_replay(live, dw_replay_facts(replay));
	n += compare_through_story(events, n_events, live, dw_replay_facts(replay));
	return n > 0;
}
