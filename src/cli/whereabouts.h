/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the threads of a recording are at this moment, as a part of its facts.
 *
 * A recording tells what threads take, wait for and give. Who does none of it, but is in the middle
 * of what would, is seen on its stack alone; to read that, all threads are stopped for a moment.
 *
 * Single-threaded.
 */
#pragma once

#include "model/facts.h"

#include <sys/types.h>

struct dw_arena;

/*
 * @facts with dw_told_thread::now of all threads of process @pid whose stacks can be read. All that
 * was there keeps its number. Comes from @arena, and shares with @facts what did not change.
 *
 * Return: 0, or a negative errno: no stack can be read.
 */
int dw_whereabouts_add(const struct dw_facts **ret, struct dw_arena *arena,
		       const struct dw_facts *facts, pid_t pid);
