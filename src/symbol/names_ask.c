/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of the names before all is known: profiles add to the facts by what they hear. */
#include "base/arena.h"
#include "base/error.h"
#include "symbol/names_parts.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool dw_names_bytes(struct dw_names *names, dw_place place, struct dw_symbol_bytes *ret)
{
	struct dw_file_place at = dw_resolver_place(&names->resolver, place);

	/* A call may be the last thing of its function. */
	if (at.number < 0 ||
	    !dw_symbols_bytes(names->symbols, (uint32_t)at.number, at.address - 1, ret))
		return false;
	ret->start += at.module->bias;
	return true;
}

const char *dw_names_function(struct dw_names *names, dw_place place)
{
	struct dw_file_place at = dw_resolver_place(&names->resolver, place);
	struct dw_symbol symbols[DW_SYMBOL_INLINE_MAX];
	unsigned n = at.number < 0 ? 0
				   : dw_symbols_code(names->symbols, (uint32_t)at.number,
						     at.address, symbols);

	return n ? symbols[n - 1].function : NULL;
}

const char *dw_names_variable(struct dw_names *names, uint32_t thing)
{
	const struct dw_facts *facts = names->resolver.facts;
	struct dw_file_place place;
	struct dw_symbol symbol;

	if (thing == 0 || thing >= facts->n_things)
		return NULL;
	place = dw_resolver_place(&names->resolver, facts->things[thing].place);
	if (place.told)
		return place.told->function;
	if (place.number < 0 ||
	    !dw_symbols_data(names->symbols, (uint32_t)place.number, place.address, &symbol) ||
	    symbol.offset)
		return NULL;
	return symbol.function;
}

bool dw_names_program_has(struct dw_names *names, const char *function)
{
	const struct dw_facts *facts = names->resolver.facts;

	for (uint32_t i = 1; i < facts->n_modules; i++)
		if (names->modules[i] >= 0 && facts->program &&
		    !strcmp(facts->modules[i].path, facts->program) &&
		    dw_symbols_has(names->symbols, (uint32_t)names->modules[i], function))
			return true;
	for (uint32_t i = 1; i < facts->n_frames; i++)
		if (facts->frames[i].function && !strcmp(facts->frames[i].function, function))
			return true;
	return false;
}

int dw_names_add_wrappers(struct dw_names *names, const char *const *patterns, size_t n)
{
	struct dw_resolver *resolver = &names->resolver;
	size_t before = resolver->n_wrappers;
	const char **all = dw_arena_alloc(names->arena, (before + n + 1) * sizeof(*all));

	if (!all)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; i < before + n; i++) {
		if (i < before)
			all[i] = resolver->wrappers[i];
		else
			all[i] = dw_arena_text(names->arena, patterns[i - before],
					       strlen(patterns[i - before]));
		if (!all[i])
			return dw_raise(-ENOMEM);
	}
	resolver->wrappers = all;
	resolver->n_wrappers = before + n;
	return 0;
}

bool dw_names_program_is_lost(struct dw_names *names)
{
	const struct dw_facts *facts = names->resolver.facts;

	for (uint32_t i = 1; i < facts->n_modules; i++) {
		const char *path = facts->modules[i].path;
		enum dw_symbols_quality quality;

		if (names->modules[i] < 0 || !facts->program || strcmp(path, facts->program) != 0)
			continue;
		quality = dw_symbols_quality(names->symbols, (uint32_t)names->modules[i]);
		return quality == DW_SYMBOLS_MISSING || quality == DW_SYMBOLS_CHANGED;
	}
	return false;
}

int dw_names_grow(struct dw_names *names, const struct dw_facts *facts)
{
	uint32_t n_before = names->resolver.facts->n_stacks;
	struct dw_resolved **stacks =
	    reallocarray(names->stacks, (size_t)facts->n_stacks + 1, sizeof(*stacks));

	if (!stacks)
		return dw_raise(-ENOMEM);
	for (uint32_t i = n_before; i <= facts->n_stacks; i++)
		stacks[i] = NULL;
	names->stacks = stacks;
	names->resolver.facts = facts;
	return 0;
}
