/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What facts tell, as lines of text that do not depend on who told it: a set of lines for
 * each sort of fact, sorted. Things are their address and life; places are where a call
 * returns to, and what the program said of it.
 *
 * Equal chains are one line: who has forgotten that a chain is told may tell it twice.
 */
#pragma once

#include "model/facts.h"

#include <stddef.h>

struct told {
	char **lines; /* sorted, no two equal */
	size_t n, room;
};

enum told_sort {
	TOLD_CHAINS,
	TOLD_NEEDS,
	TOLD_POSTS,
	TOLD_WAITS,
	TOLD_THINGS,
	TOLD_THREADS,
	TOLD_JOINS,
	TOLD_MISUSES,
};
#define TOLD_SORTS 8

/* The chains that were told more than once. */
struct told told_twice(const struct dw_facts *facts);

/*
 * @twice: chains of which it is not known what was said after them, because whoever tells a
 * chain again forgets that too. NULL: there are none.
 */
struct told told_new(const struct dw_facts *facts, enum told_sort sort, const struct told *twice);
void told_done(struct told *told);

/* How many pairs of told things have one address and one life; there should be none. */
size_t told_twins(const struct dw_facts *facts);
