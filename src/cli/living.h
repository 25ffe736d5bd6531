/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a process that somebody attached to, and that lives: it may be in a container, and
 * its files may have been removed since, as by an upgrade. Then they are found through the process.
 *
 * Single-threaded; memory comes from the caller's arena.
 */
#pragma once

struct dw_arena;
struct dw_facts;
struct dw_reader;

/*
 * Sets @ret to the facts of @reader, with modules that say where they can be opened now.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_living_facts(const struct dw_facts **ret, const struct dw_reader *reader,
		    struct dw_arena *arena);
