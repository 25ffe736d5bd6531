/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/numbering.h"

#include <search.h>
#include <stdlib.h>

struct numbered {
	uint64_t word;
	uint32_t number; /* 0: just entered */
};

static int compare(const void *a, const void *b)
{
	const struct numbered *left = a, *right = b;

	return (left->word > right->word) - (left->word < right->word);
}

static struct numbered *ensure(struct dw_numbering *numbering, uint64_t word)
{
	const struct numbered wanted = {.word = word};
	struct numbered *const *found = tfind(&wanted, &numbering->tree, compare);
	struct numbered *made;

	if (found)
		return *found;
	made = calloc(1, sizeof(*made));
	if (!made)
		return NULL;
	made->word = word;
	if (!tsearch(made, &numbering->tree, compare)) {
		free(made);
		return NULL;
	}
	return made;
}

uint32_t dw_numbering_ensure(struct dw_numbering *numbering, uint64_t word)
{
	struct numbered *numbered = ensure(numbering, word);

	if (!numbered)
		return 0;
	if (numbered->number == 0)
		numbered->number = ++numbering->n;
	return numbered->number;
}

uint32_t dw_numbering_find(const struct dw_numbering *numbering, uint64_t word)
{
	const struct numbered wanted = {.word = word};
	struct numbered *const *found = tfind(&wanted, &numbering->tree, compare);

	return found ? (*found)->number : 0;
}

void dw_numbering_done(struct dw_numbering *numbering)
{
	tdestroy(numbering->tree, free);
	*numbering = (struct dw_numbering){0};
}
