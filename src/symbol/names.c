/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "base/error.h"
#include "symbol/names_parts.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names and frames of all that a report shows: a frame takes 48 bytes, a stack some 30 frames. */
#define NAMES_MEMORY_MAX ((size_t)512 << 20)

/* The longest name that is made. C++ templates are longer; what is cut is their end. */
#define NAME_MAX_SIZE 512

static const struct dw_named_stack no_stack;

/* All modules are made known; a file is opened only if a place in it is asked for. */
static int add_modules(struct dw_names *names, const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_modules; i++) {
		const struct dw_module *module = &facts->modules[i];

		names->modules[i] = -1;
		if (!module->path)
			continue;
		names->modules[i] =
		    dw_symbols_add(names->symbols, module->file ? module->file : module->path,
				   module->build_id, module->build_id_size);
		if (names->modules[i] < 0)
			return dw_pass((int)names->modules[i]);
	}
	return 0;
}

int dw_names_new_by(struct dw_names **ret, const struct dw_facts *facts, struct dw_symbols *symbols)
{
	dw_auto(names) names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return dw_raise(-ENOMEM);
	names->modules = calloc((size_t)facts->n_modules + 1, sizeof(*names->modules));
	names->stacks = calloc((size_t)facts->n_stacks + 1, sizeof(struct dw_resolved *));
	if (!names->modules || !names->stacks)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&names->arena, NAMES_MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	names->symbols = symbols;
	names->has_own_symbols = !symbols;
	r = symbols ? 0 : dw_symbols_new(&names->symbols);
	if (r < 0)
		return dw_pass(r);
	r = add_modules(names, facts);
	if (r < 0)
		return dw_pass(r);
	names->resolver = (struct dw_resolver){
	    .facts = facts,
	    .symbols = names->symbols,
	    .arena = names->arena,
	    .modules = names->modules,
	};
	*ret = dw_take(names);
	return 0;
}

int dw_names_new(struct dw_names **ret, const struct dw_facts *facts)
{
	int r = dw_names_new_by(ret, facts, /* symbols= */ NULL);

	return r < 0 ? dw_pass(r) : 0;
}

struct dw_names *dw_names_free(struct dw_names *names)
{
	if (names) {
		if (names->has_own_symbols)
			dw_symbols_free(names->symbols);
		dw_arena_free(names->arena);
		free(names->modules);
		free(names->stacks);
		free(names);
	}
	return NULL;
}

/* Found by number, then by hint: nearly every stack is asked for with one hint only. */
const struct dw_named_stack *dw_names_stack(struct dw_names *names, uint32_t stack, uint32_t hint)
{
	const struct dw_facts *facts = names->resolver.facts;
	struct dw_resolved *resolved;

	if (stack == 0 || stack >= facts->n_stacks)
		return &no_stack;
	if (hint >= facts->n_hints)
		hint = 0;
	for (resolved = names->stacks[stack]; resolved; resolved = resolved->next)
		if (resolved->hint == hint)
			return resolved->stack;
	resolved = dw_arena_alloc(names->arena, sizeof(*resolved));
	if (!resolved)
		return &no_stack;
	resolved->stack = dw_resolver_stack(&names->resolver, &facts->stacks[stack],
					    hint ? &facts->hints[hint] : NULL);
	if (!resolved->stack)
		resolved->stack = &no_stack;
	resolved->hint = hint;
	resolved->next = names->stacks[stack];
	names->stacks[stack] = resolved;
	return resolved->stack;
}

const char *dw_names_text(struct dw_names *names, const char *format, ...)
{
	char text[NAME_MAX_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return dw_arena_text(names->arena, text, strlen(text));
}

const char *dw_names_thread_start(struct dw_names *names, uint32_t thread)
{
	const struct dw_facts *facts = names->resolver.facts;
	struct dw_symbol symbols[DW_SYMBOL_INLINE_MAX];
	struct dw_file_place place;
	unsigned n;

	if (thread >= facts->n_threads || facts->threads[thread].start == 0)
		return NULL;
	place = dw_resolver_place(&names->resolver, facts->threads[thread].start);
	if (place.told)
		return place.told->function;
	if (place.number < 0)
		return NULL;
	/* The address itself, not one less: a start routine is no return address. */
	n = dw_symbols_code(names->symbols, (uint32_t)place.number, place.address, symbols);
	/* The outermost: what is inlined at its very start did not start the thread. */
	return n ? symbols[n - 1].function : NULL;
}

const char *dw_names_thread(struct dw_names *names, uint32_t thread)
{
	const struct dw_facts *facts = names->resolver.facts;
	const char *name = NULL;

	if (thread < facts->n_threads)
		name = facts->threads[thread].name;
	if (!name || !name[0])
		name = dw_names_thread_start(names, thread);
	if (!name && thread < facts->n_threads && facts->threads[thread].flags & DW_THREAD_MAIN)
		name = "main";
	if (!name)
		name = dw_names_text(names, "thread %" PRIu32, thread);
	return name ? name : "thread";
}
