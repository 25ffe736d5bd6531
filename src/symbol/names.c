/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/names.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "model/event.h"
#include "symbol/stack.h"
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

/* A stack that was resolved: once with each hint that it was asked for with. */
struct resolved {
	const struct dw_named_stack *stack;
	uint32_t hint;
	struct resolved *next; /* resolved::next, of the same stack */
};

/* Whether the place in a file will do, where neither function nor line is known. */
enum precision { FINE, ROUGH };

struct thing_name {
	const char *plain; /* see dw_names_thing_plain(); NULL: not made yet */
	const char *full;
};

struct dw_names {
	struct dw_resolver resolver;
	struct dw_symbols *symbols;
	struct dw_arena *arena;
	int64_t *modules;
	struct resolved **stacks;  /* by stack number: resolved::next */
	struct thing_name *things; /* NULL until a thing is asked for; then all have names */
};

static const struct dw_named_stack no_stack;

/* All modules are made known; a file is opened only if a place in it is asked for. */
static int add_modules(struct dw_names *names, const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_modules; i++) {
		const struct dw_module *module = &facts->modules[i];

		names->modules[i] = -1;
		if (!module->path)
			continue;
		names->modules[i] = dw_symbols_add(names->symbols, module->path, module->build_id,
						   module->build_id_size);
		if (names->modules[i] < 0)
			return dw_pass((int)names->modules[i]);
	}
	return 0;
}

int dw_names_new(struct dw_names **ret, const struct dw_facts *facts)
{
	dw_auto(names) names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return dw_raise(-ENOMEM);
	names->modules = calloc((size_t)facts->n_modules + 1, sizeof(*names->modules));
	names->stacks = calloc((size_t)facts->n_stacks + 1, sizeof(struct resolved *));
	if (!names->modules || !names->stacks)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&names->arena, NAMES_MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	r = dw_symbols_new(&names->symbols);
	if (r < 0)
		return dw_pass(r);
	r = add_modules(names, facts);
	if (r < 0)
		return dw_pass(r);
	names->resolver = (struct dw_resolver){facts, names->symbols, names->arena, names->modules};
	*ret = dw_take(names);
	return 0;
}

struct dw_names *dw_names_free(struct dw_names *names)
{
	if (names) {
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
	struct resolved *resolved;

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

__attribute__((format(printf, 2, 3))) static const char *make_text(struct dw_names *names,
								   const char *format, ...)
{
	char text[NAME_MAX_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return dw_arena_text(names->arena, text, strlen(text));
}

static const char *kind_word(unsigned kind)
{
	switch (kind) {
#define X(name, value, text) \
	case name:           \
		return text;
		DW_THING_KINDS(X)
#undef X
	default:
		return "lock";
	}
}

const char *dw_names_thing_kind(const struct dw_names *names, uint32_t thing)
{
	const struct dw_facts *facts = names->resolver.facts;

	return kind_word(thing < facts->n_things ? facts->things[thing].kind : 0);
}

/* "mutex of worker_new" and ", pool.c:40", as far as they are known. */
static struct thing_name name_by_stack(struct dw_names *names, const char *what, uint32_t stack,
				       uint32_t hint, enum precision precision)
{
	const struct dw_named_stack *named = dw_names_stack(names, stack, hint);
	const struct dw_frame *site =
	    named->site < named->n_frames ? &named->frames[named->site] : NULL;
	const char *plain = NULL;

	if (site && site->function)
		plain = make_text(names, "%s %s", what, site->function);
	else if (site && site->file)
		plain = make_text(names, "%s %s", what, site->file);
	else if (site && site->module && precision == ROUGH)
		plain = make_text(names, "%s %s+0x%" PRIx64, what, site->module, site->address);
	if (!plain || !site->file)
		return (struct thing_name){plain, plain};
	if (!site->function)
		return (struct thing_name){plain, make_text(names, "%s:%u", plain, site->line)};
	return (struct thing_name){plain,
				   make_text(names, "%s, %s:%u", plain, site->file, site->line)};
}

/* A variable of a file: locks of programs that do not make them on the heap. */
static struct thing_name name_by_variable(struct dw_names *names, const struct dw_thing *thing)
{
	struct dw_file_place place = dw_resolver_place(&names->resolver, thing->place);
	struct dw_symbol symbol;
	const char *name;

	if (place.number < 0 ||
	    !dw_symbols_data(names->symbols, (uint32_t)place.number, place.address, &symbol))
		return (struct thing_name){0};
	name = symbol.function;
	if (symbol.offset)
		name = make_text(names, "%s+0x%" PRIx64, name, symbol.offset);
	return (struct thing_name){name, name};
}

static struct thing_name name_by_birth(struct dw_names *names, const struct dw_thing *thing,
				       enum precision precision)
{
	const char *what = make_text(names, "%s of", kind_word(thing->kind));

	if (!what || thing->birth == 0)
		return (struct thing_name){0};
	return name_by_stack(names, what, thing->birth, /* hint= */ 0, precision);
}

static struct thing_name name_by_taking(struct dw_names *names, const struct dw_thing *thing,
					const struct dw_chain *chain, enum precision precision)
{
	const char *what = make_text(names, "%s first taken in", kind_word(thing->kind));

	if (!what || !chain)
		return (struct thing_name){0};
	return name_by_stack(names, what, chain->stack, chain->hint, precision);
}

/*
 * The order is that of names.h: what is surest and shortest first. In a stripped file a
 * birth may be just an offset, where a hint tells the first taking's file and line.
 */
static struct thing_name name_thing(struct dw_names *names, const struct dw_thing *thing,
				    const struct dw_chain *first)
{
	struct thing_name name;

	if (thing->flags & DW_THING_BQL)
		return (struct thing_name){"BQL", "BQL"};
	name = name_by_variable(names, thing);
	for (enum precision precision = FINE; precision <= ROUGH; precision++) {
		if (!name.full)
			name = name_by_birth(names, thing, precision);
		if (!name.full)
			name = name_by_taking(names, thing, first, precision);
	}
	if (!name.full)
		name.plain = name.full = kind_word(thing->kind);
	return name;
}

/* By thing number: the chain by which it was first taken; 0: it never was. */
static uint32_t *find_first_takings(const struct dw_facts *facts)
{
	uint32_t *first = calloc((size_t)facts->n_things + 1, sizeof(*first));

	for (uint32_t i = 1; first && i < facts->n_chains; i++) {
		const struct dw_chain *chain = &facts->chains[i];

		if (chain->thing < facts->n_things && !first[chain->thing] &&
		    !(chain->how & DW_REMAINS))
			first[chain->thing] = i;
	}
	return first;
}

struct numbered {
	const char *name;
	uint32_t thing;
};

static int compare_numbered(const void *left, const void *right)
{
	const struct numbered *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	if (order)
		return order;
	return a->thing < b->thing ? -1 : a->thing > b->thing;
}

/* Sorted by name, things of one name are neighbours, in the order in which they were told. */
static int number_things(struct dw_names *names, struct thing_name *things, uint32_t n_things)
{
	struct numbered *sorted = calloc((size_t)n_things + 1, sizeof(*sorted));
	uint32_t count = 0;

	if (!sorted)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < n_things; i++)
		sorted[i - 1] = (struct numbered){things[i].full, i};
	if (n_things > 1)
		qsort(sorted, n_things - 1, sizeof(*sorted), compare_numbered);
	for (uint32_t i = 1; i + 1 < n_things; i++) {
		const char *name = sorted[i].name;

		count = strcmp(name, sorted[i - 1].name) == 0 ? count + 1 : 0;
		if (count)
			name = make_text(names, "%s #%" PRIu32, name, count + 1);
		if (name)
			things[sorted[i].thing].full = name;
	}
	free(sorted);
	return 0;
}

/* A number needs the names of all things before, so the first question names them all. */
static int name_all_things(struct dw_names *names)
{
	const struct dw_facts *facts = names->resolver.facts;
	struct thing_name *things =
	    dw_arena_alloc(names->arena, ((size_t)facts->n_things + 1) * sizeof(*things));
	uint32_t *first = find_first_takings(facts);
	int r = 0;

	if (!things || !first)
		r = -ENOMEM;
	for (uint32_t i = 1; r == 0 && i < facts->n_things; i++)
		things[i] = name_thing(names, &facts->things[i],
				       first[i] ? &facts->chains[first[i]] : NULL);
	free(first);
	if (r == 0)
		r = number_things(names, things, facts->n_things);
	if (r == 0)
		names->things = things;
	return dw_raise(r);
}

static const struct thing_name *thing_name_of(struct dw_names *names, uint32_t thing)
{
	static const struct thing_name unknown = {"lock", "lock"};

	if (thing == 0 || thing >= names->resolver.facts->n_things)
		return &unknown;
	if (!names->things && name_all_things(names) < 0)
		return &unknown;
	return &names->things[thing];
}

const char *dw_names_thing(struct dw_names *names, uint32_t thing)
{
	return thing_name_of(names, thing)->full;
}

const char *dw_names_thing_plain(struct dw_names *names, uint32_t thing)
{
	return thing_name_of(names, thing)->plain;
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
		name = make_text(names, "thread %" PRIu32, thread);
	return name ? name : "thread";
}
