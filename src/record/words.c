/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/words.h"

#include "record/rows.h"

#include <search.h>
#include <string.h>

struct word {
	const char *text; /* ends with NUL once it is in the tree */
	size_t n;
	uint32_t number;
};

static int compare(const void *a, const void *b)
{
	const struct word *left = a, *right = b;
	size_t n = left->n < right->n ? left->n : right->n;
	int order = memcmp(left->text, right->text, n);

	return order ? order : (left->n > right->n) - (left->n < right->n);
}

uint32_t dw_words_ensure(struct dw_words *words, struct dw_arena *arena, const char *text, size_t n)
{
	const struct word wanted = {.text = text, .n = n};
	struct word *const *found = tfind(&wanted, &words->tree, compare);
	struct word *made;
	void *texts;

	if (found)
		return (*found)->number;
	made = dw_arena_alloc(arena, sizeof(*made));
	texts =
	    dw_rows_grown(arena, words->texts, &words->room, words->n + 1, sizeof(*words->texts));
	if (!made || !texts)
		return 0;
	words->texts = texts;
	made->text = dw_arena_text(arena, text, n);
	made->n = n;
	made->number = words->n + 1;
	if (!made->text || !tsearch(made, &words->tree, compare))
		return 0;
	words->texts[++words->n] = made->text;
	return made->number;
}

static void keep_node(void *node)
{
	(void)node; /* it is the arena's */
}

void dw_words_done(struct dw_words *words)
{
	tdestroy(words->tree, keep_node);
	*words = (struct dw_words){0};
}
