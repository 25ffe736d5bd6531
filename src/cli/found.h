/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was found, as a record: with the stacks of its threads as they are now.
 *
 * Single-threaded.
 */
#pragma once

#include "record/reader.h"
#include "record/writer.h"

#include <sys/types.h>

struct dw_arena;
struct dw_map;
struct dw_watch;

/* One for all that is found at a look. */
struct dw_found_writer {
	struct dw_writer *writer;
	struct dw_writer_cursor *cursor;
	const struct dw_reader *reader; /* of the same recording */
	const struct dw_facts *facts; /* its own, and what profiles add; @found's numbers are its */
	const struct dw_watch *watch;
	struct dw_arena *arena;
	pid_t pid; /* 0: it has ended, there are no stacks */

	/* The process's files and how they were told. At first all zero. */
	const struct dw_map *maps;
	uint16_t *numbers; /* by map: of its module; 0: not looked for yet */
	uint32_t n_maps;
	uint32_t n_modules; /* that were told here */
};

/*
 * Writes the record of @found.
 *
 * Return: 0, or a negative errno; -ENOSPC if there is no more room, or no memory for it.
 * *@ret_stacks is 0, or a negative errno: why there is a thread without a stack.
 */
int dw_found_write(struct dw_found_writer *to, const struct dw_found *found, int *ret_stacks);
