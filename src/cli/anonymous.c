/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/anonymous.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

static const char *numbered(struct dw_arena *arena, const char *word, unsigned number)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%s%u", word, number);

	return dw_arena_text(arena, text, (size_t)n);
}

static int hide_modules(struct dw_facts *facts, struct dw_arena *arena)
{
	struct dw_module *modules;

	modules = dw_arena_alloc(arena, facts->n_modules * sizeof(*modules));
	if (!modules)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < facts->n_modules; i++) {
		modules[i] = facts->modules[i];
		modules[i].build_id = NULL;
		modules[i].build_id_size = 0;
		modules[i].path = numbered(arena, "module", i);
		if (!modules[i].path)
			return dw_raise(-ENOMEM);
	}
	facts->modules = modules;
	return 0;
}

static int hide_threads(struct dw_facts *facts, struct dw_arena *arena)
{
	struct dw_told_thread *threads;

	threads = dw_arena_alloc(arena, facts->n_threads * sizeof(*threads));
	if (!threads)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < facts->n_threads; i++) {
		threads[i] = facts->threads[i];
		if (!threads[i].name)
			continue;
		threads[i].name = numbered(arena, "thread", i);
		if (!threads[i].name)
			return dw_raise(-ENOMEM);
	}
	facts->threads = threads;
	return 0;
}

static int hide_things(struct dw_facts *facts, struct dw_arena *arena)
{
	struct dw_thing *things;

	things = dw_arena_alloc(arena, facts->n_things * sizeof(*things));
	if (!things)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < facts->n_things; i++) {
		things[i] = facts->things[i];
		if (!things[i].name)
			continue;
		things[i].name = numbered(arena, "thing", i);
		if (!things[i].name)
			return dw_raise(-ENOMEM);
	}
	facts->things = things;
	return 0;
}

/* The word for @file, the same for equal files. Return: NULL if there is no memory. */
static const char *file_word(struct hsearch_data *known, struct dw_arena *arena, const char *file,
			     unsigned *n_files)
{
	ENTRY entry = {.key = (char *)file}, *found;

	if (hsearch_r(entry, FIND, &found, known))
		return found->data;
	entry.data = (char *)numbered(arena, "file", *n_files + 1);
	if (!entry.data || !hsearch_r(entry, ENTER, &found, known))
		return NULL;
	++*n_files;
	return found->data;
}

static int hide_files(struct dw_facts *facts, struct dw_arena *arena, struct hsearch_data *known)
{
	struct dw_hint *hints;
	unsigned n_files = 0;

	hints = dw_arena_alloc(arena, facts->n_hints * sizeof(*hints));
	if (!hints)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < facts->n_hints; i++) {
		hints[i] = facts->hints[i];
		if (!hints[i].file)
			continue;
		hints[i].file = file_word(known, arena, hints[i].file, &n_files);
		if (!hints[i].file)
			return dw_raise(-ENOMEM);
	}
	facts->hints = hints;
	return 0;
}

int dw_anonymize(struct dw_facts *ret, struct dw_arena *arena, const struct dw_facts *facts)
{
	struct hsearch_data known = {0};
	struct dw_facts copy = *facts;
	int r;

	copy.program = "program";
	r = hide_modules(&copy, arena);
	if (r == 0)
		r = hide_threads(&copy, arena);
	if (r == 0)
		r = hide_things(&copy, arena);
	if (r < 0)
		return dw_pass(r);
	if (!hcreate_r(facts->n_hints + 1, &known))
		return dw_raise(-ENOMEM);
	r = hide_files(&copy, arena, &known);
	hdestroy_r(&known);
	if (r < 0)
		return dw_pass(r);
	*ret = copy;
	return 0;
}
