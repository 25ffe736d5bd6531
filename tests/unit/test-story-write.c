/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written as a story tells the same. */
#include "record/numbering.h"
#include "story-fixture.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By its word, or by the number by which a written story calls it. */
static void write_thing(FILE *out, const struct told *told, uint32_t thing, bool by_number)
{
	unsigned kind = told->facts->things[thing].kind;

	if (!thing)
		fputs("nothing", out);
	else if (by_number && kind != DW_CALL && kind != DW_ENDING && kind != DW_ANSWER)
		fprintf(out, "L%u", thing);
	else
		fprintf(out, "%s", story_word(told, thing));
}

static void write_path(FILE *out, const struct told *told, uint32_t chain, bool by_number)
{
	for (; chain; chain = told->facts->chains[chain].below) {
		const struct dw_chain *c = &told->facts->chains[chain];

		fprintf(out, "%u:", c->thread);
		write_thing(out, told, c->thing, by_number);
		fprintf(out, "/%u ", c->how);
	}
}

/* The different chains and posts, one a line, in the order of their text. */
static char *sorted_facts(const struct told *told, bool by_number)
{
	uint32_t n_chains = told->facts->n_chains - 1, n = n_chains + told->facts->n_posts - 1;
	char **lines = calloc(n + 1, sizeof(*lines)), *text;
	size_t size;
	FILE *out;

	for (uint32_t i = 0; i < n; i++) {
		const struct dw_post *post =
		    &told->facts->posts[i < n_chains ? 0 : i - n_chains + 1];

		out = open_memstream(&lines[i], &size);
		if (post->thing) {
			fprintf(out, "%u posts ", post->thread);
			write_thing(out, told, post->thing, by_number);
			fputs(" said ", out);
			write_thing(out, told, post->said, by_number);
			fputs(" after ", out);
		}
		write_path(out, told, post->thing ? post->chain : i + 1, by_number);
		fclose(out);
	}
	qsort(lines, n, sizeof(*lines), by_text);
	out = open_memstream(&text, &size);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || strcmp(lines[i - 1], lines[i]) != 0)
			fprintf(out, "%s\n", lines[i]);
	for (uint32_t i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
	fclose(out);
	return text;
}

/* A statement about what is no lock, by thread @thread; @random decides. */
static void write_random_wait(FILE *out, uint64_t random, unsigned thread)
{
	static const char *const waits[] = {
	    "%1$u park S%2$u semaphore; %1$u wake S%2$u semaphore +%2$ums",
	    "%1$u park B%2$u barrier timed; %1$u wake B%2$u barrier",
	    "%1$u enter read @s%2$u; %1$u leave read +3us",
	    "%1$u enter CFRelease",
	    "%1$u park %2$u ending; %1$u wake %2$u ending",
	    "%1$u kick %2$u; %1$u enter usleep; %1$u leave usleep",
	    "%1$u post S%2$u semaphore @s%2$u",
	    "%1$u post C",
	    "%1$u post D%2$u",
	    "%1$u idle",
	    "%1$u idle guest",
	    "%1$u idle F%2$u futex",
	};
	unsigned other = (random >> 8 & 3) + 1;

	fprintf(out, waits[(random & 0xff) % (sizeof(waits) / sizeof(*waits))], thread, other);
	fputc('\n', out);
}

/* Some three thousand statements that hang together, of a seed. */
static char *random_story(unsigned seed)
{
	static const char *const hows[] = {"", "try", "timed", "reentrant", "shared"};
	uint64_t random = seed;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (int i = 0; i < 3000; i++) {
		unsigned verb, thing, thread;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		verb = (random >> 33 & 31) % 20;
		thing = random >> 40 & 7;
		thread = (random >> 45 & 3) + 1;
		if (verb < 6)
			fprintf(out, "%u hold L%u %s @s%u\n", thread, thing,
				hows[(random >> 48) % 5], (unsigned)(random >> 52 & 1));
		else if (verb < 13)
			fprintf(out, "%u drop L%u\n", thread, thing);
		else if (verb < 14)
			fprintf(out, "%u park C L%u; %u wake C L%u\n", thread, thing, thread,
				thing);
		else if (verb < 15)
			fprintf(out, "%u want L%u; %u fail L%u\n", thread, thing, thread, thing);
		else if (verb < 19)
			write_random_wait(out, random >> 48, thread);
		else
			fprintf(out, "%u destroy L%u; %u init L%u; %u born 9; %u join 9\n", thread,
				thing, thread, thing, thread, thread);
	}
	fclose(out);
	return text;
}

static void facts_written_as_a_story_tell_the_same(void **state)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		char *text = random_story(seed), *written, *before, *after;
		size_t size;
		FILE *out = open_memstream(&written, &size);

		tell(state, text);
		before = sorted_facts(*state, true);
		assert_int_equal(dw_story_write_facts(out, ((struct told *)*state)->facts), 0);
		fclose(out);
		tell(state, written);
		after = sorted_facts(*state, false);
		assert_string_equal(before, after);
		free(text);
		free(written);
		free(before);
		free(after);
	}
}

static char *written_facts(const struct dw_facts *facts)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(dw_story_write_facts(out, facts), 0);
	fclose(out);
	return text;
}

static void waits_and_posts_are_written_with_their_activities(void **state)
{
	static const char story[] =
	    "1 hold A; 1 park S semaphore timed @a.c:3; 1 wake S semaphore +12ms; 1 enter "
	    "CFRelease;"
	    "1 leave CFRelease +30us; 1 drop A;"
	    "2 hold B; 2 hold C; 2 drop C; 2 drop B; 2 post X; 2 post Y; 2 post Z; 2 exit";
	static const char *const expected[] = {
	    "1 hold L1; 1 park L2 semaphore timed @a.c:3+1; 1 wake L2 semaphore +12ms; 1 drop L1\n",
	    "1 idle L2 semaphore; 1 enter CFRelease; 1 leave CFRelease +30us; 1 drop L1\n",
	    "2 hold L4; 2 hold L5; 2 drop L5; 2 drop L4\n",
	    "2 idle; 2 hold L4; 2 drop L4; 2 post L6\n",
	    "2 hold L4; 2 idle; 2 hold L5; 2 drop L5; 2 drop L4; 2 post L6; 2 post L7; 2 post L8\n",
	    "2 post L6; 2 post L7; 2 post L8; 2 post 2 ending\n",
	};
	char *text = written_facts(tell(state, story));

	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		if (!strstr(text, expected[i]))
			fail_msg("no '%s' in:\n%s", expected[i], text);
	free(text);
}

static void waits_keep_their_times_and_names_in_a_story(void **state)
{
	const struct dw_facts *facts =
	    tell(state, "1 hold A; 1 enter CFRelease; 1 leave CFRelease +30us; 1 enter poll +1s;"
			"1 leave poll +7ns; 1 enter read");
	char *text = written_facts(facts);

	facts = tell(state, text);
	free(text);
	assert_string_equal(facts->things[facts->chains[2].thing].name, "CFRelease");
	assert_int_equal(facts->chains[2].longest_ns, 30000);
	assert_int_equal(facts->chains[3].longest_ns, 7);
	assert_int_equal(facts->chains[3].n_waits, 1);
	assert_int_equal(facts->chains[4].n_waits, 0);
}

/* A name that no word of a story can be, and one that another call has. */
static void calls_that_cannot_be_named_have_their_numbers(void **state)
{
	const struct dw_thing things[] = {
	    {0},
	    {.address = dw_thing_address(DW_CALL, 256), .kind = DW_CALL, .name = "a b"},
	    {.address = dw_thing_address(DW_CALL, 257), .kind = DW_CALL, .name = "read"},
	    {.address = dw_thing_address(DW_CALL, 258), .kind = DW_CALL, .name = "std::call<>"},
	    {.address = dw_thing_address(DW_CALL, 259), .kind = DW_CALL, .name = "ns::call"},
	};
	const struct dw_facts facts = {.things = things, .n_things = 5};
	struct dw_event events[6];
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		events[i] = (struct dw_event){.seq = i + 1,
					      .thread = 1,
					      .kind = DW_ENTER,
					      .what = DW_CALL,
					      .object = dw_thing_address(DW_CALL, 255 + i)};
	assert_int_equal(dw_story_write(out, events, 6, &facts), 0);
	fclose(out);
	assert_string_equal(text, "1 enter call255\n1 enter call256\n1 enter call257\n"
				  "1 enter call258\n1 enter ns::call\n1 enter call260\n");
	free(text);
}

static void events_written_as_a_story_are_the_same_events(void **state)
{
	const struct told *told = *state;

	for (unsigned seed = 1; seed <= 20; seed++) {
		char *text = random_story(seed), *written, *before, *after;
		const struct dw_event *events;
		size_t size, n;
		FILE *out = open_memstream(&written, &size);

		tell(state, text);
		before = sorted_facts(told, true);
		events = dw_story_events(told->story, &n);
		assert_int_equal(dw_story_write(out, events, n, told->facts), 0);
		fclose(out);
		tell(state, written);
		after = sorted_facts(told, true);
		assert_string_equal(before, after);
		free(text);
		free(written);
		free(before);
		free(after);
	}
}

/* As `deadwatch dump` explains them. */
static void things_are_numbered_as_they_are_written(void **state)
{
	const char *story = "1 enter read; 1 hold A; 1 park 2 ending; 1 park C M; 1 kick 2; 1 idle;"
			    "1 post S semaphore; 1 park B barrier; 1 hold M; 1 exit";
	const struct told *told = *state;
	struct dw_numbering numbering = {0};
	const struct dw_event *events;
	char *text;
	size_t n, size;
	FILE *out = open_memstream(&text, &size);

	tell(state, story);
	events = dw_story_events(told->story, &n);
	assert_int_equal(dw_story_write(out, events, n, NULL), 0);
	fclose(out);
	assert_string_equal(text,
			    "1 enter read\n1 hold L1\n1 park 2 ending\n1 park L2 L3\n1 kick 2\n"
			    "1 idle\n1 post L4 semaphore\n1 park L5 barrier\n1 hold L3\n"
			    "1 exit\n");
	free(text);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(dw_story_number(&numbering, &events[i]), 0);
	assert_int_equal(numbering.n, 5);
	assert_int_equal(dw_numbering_ensure(&numbering, events[3].object), 2);
	assert_int_equal(dw_numbering_ensure(&numbering, events[3].other), 3);
	assert_int_equal(dw_numbering_ensure(&numbering, events[6].object), 4);
	dw_numbering_done(&numbering);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(facts_written_as_a_story_tell_the_same),
	    TEST(events_written_as_a_story_are_the_same_events),
	    TEST(waits_and_posts_are_written_with_their_activities),
	    TEST(waits_keep_their_times_and_names_in_a_story),
	    TEST(calls_that_cannot_be_named_have_their_numbers),
	    TEST(things_are_numbered_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
