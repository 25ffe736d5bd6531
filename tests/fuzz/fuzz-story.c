/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a story: it is refused, or replayed, written, and read again. */
#include "record/story.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

/* What was written is a story. Return: how many events it has. */
static size_t read_again(const char *text)
{
	dw_auto(story) story = NULL;
	dw_auto(replay) replay = NULL;
	struct dw_story_error error;
	size_t n;

	must(dw_story_parse(&story, text, &error) == 0);
	must(dw_story_replay(&replay, story) == 0);
	dw_story_events(story, &n);
	return n;
}

static void check(const struct dw_story *story)
{
	dw_auto(replay) replay = NULL;
	const struct dw_event *events;
	size_t n, size;
	char *text = NULL;
	FILE *out;

	must(dw_story_replay(&replay, story) == 0);
	events = dw_story_events(story, &n);
	out = open_memstream(&text, &size);
	must(out && dw_story_write(out, events, n, dw_replay_facts(replay)) == 0);
	fclose(out);
	must(read_again(text) == n);
	free(text);
	out = open_memstream(&text, &size);
	must(out && dw_story_write_facts(out, dw_replay_facts(replay)) == 0);
	fclose(out);
	read_again(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_story_error error = {0};
	struct dw_story *story = NULL;
	char *text = strndup((const char *)data, size);
	int r;

	must(text != NULL);
	r = dw_story_parse(&story, text, &error);
	must(r == 0 || (r == 1 && error.line > 0 && error.expected));
	if (r == 0)
		check(story);
	dw_story_free(story);
	free(text);
	return 0;
}
