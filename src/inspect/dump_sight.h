/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dump as a sight: what a text tells of threads, in the place of a process.
 *
 * A thread that was sampled is where it mostly was; whether it was always there is what
 * dw_dump_thread::n_samples tells. Single-threaded; memory is the arena's.
 */
#pragma once

#include "inspect/dump.h"
#include "inspect/sight.h"

struct dw_arena;

/*
 * The main thread comes first, then the others by the debugger's numbers, which count threads as
 * they were made. @dump must outlive the sight. Return: 0, or -ENOMEM.
 */
int dw_dump_sight(struct dw_sight *ret, const struct dw_dump *dump, struct dw_arena *arena);

/*
 * The value of the argument called @name in @args, as a debugger prints them: `a=1, mutex=
 * mutex@entry=0x5555 <bql>`; and the variable that it says is there, or NULL, in @ret_variable,
 * which lies in @args, for @ret_n bytes.
 *
 * Return: whether there is one that is a number.
 */
bool dw_dump_argument(const char *args, const char *name, uint64_t *ret, const char **ret_variable,
		      size_t *ret_n);
