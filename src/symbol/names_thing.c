/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What things are called, and the places where they are taken, waited for and given. */
#include "base/arena.h"
#include "base/error.h"
#include "model/event.h"
#include "symbol/names_parts.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Where a thing was first met, each way; 0: never. */
struct used {
	uint32_t chain;  /* number: it was taken, or waited for */
	uint32_t post;   /* facts.posts index: it was given */
	uint32_t waiter; /* stack of who waits for it: a lock whose holder cannot be seen */
};

/* Whether the place in a file will do, where neither function nor line is known. */
enum precision { FINE, ROUGH };

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
static struct dw_thing_name name_by_stack(struct dw_names *names, const char *what, uint32_t stack,
					  uint32_t hint, enum precision precision)
{
	const struct dw_named_stack *named = dw_names_stack(names, stack, hint);
	const struct dw_frame *site =
	    named->site < named->n_frames ? &named->frames[named->site] : NULL;
	const char *plain = NULL;

	if (site && site->function)
		plain = dw_names_text(names, "%s %s", what, site->function);
	else if (site && site->file)
		plain = dw_names_text(names, "%s %s", what, site->file);
	else if (site && site->module && precision == ROUGH)
		plain = dw_names_text(names, "%s %s+0x%" PRIx64, what, site->module, site->address);
	if (!plain || !site->file)
		return (struct dw_thing_name){.plain = plain, .full = plain};
	if (!site->function)
		return (struct dw_thing_name){
		    .plain = plain, .full = dw_names_text(names, "%s:%u", plain, site->line)};
	return (struct dw_thing_name){
	    .plain = plain,
	    .full = dw_names_text(names, "%s, %s:%u", plain, site->file, site->line)};
}

/* A variable of a file: locks of programs that do not make them on the heap. */
static struct dw_thing_name name_by_variable(struct dw_names *names, const struct dw_thing *thing)
{
	struct dw_file_place place = dw_resolver_place(&names->resolver, thing->place);
	struct dw_symbol symbol;
	const char *name;

	if (place.told)
		return (struct dw_thing_name){place.told->function, place.told->function,
					      /* is_own= */ true};
	if (place.number < 0 ||
	    !dw_symbols_data(names->symbols, (uint32_t)place.number, place.address, &symbol))
		return (struct dw_thing_name){0};
	name = symbol.function;
	if (symbol.offset)
		name = dw_names_text(names, "%s+0x%" PRIx64, name, symbol.offset);
	return (struct dw_thing_name){name, name, /* is_own= */ true};
}

static struct dw_thing_name name_by_birth(struct dw_names *names, const struct dw_thing *thing,
					  enum precision precision)
{
	const char *what = dw_names_text(names, "%s of", kind_word(thing->kind));

	if (!what || thing->birth == 0)
		return (struct dw_thing_name){0};
	return name_by_stack(names, what, thing->birth, /* hint= */ 0, precision);
}

static struct dw_thing_name name_by_taking(struct dw_names *names, const struct dw_thing *thing,
					   const struct dw_chain *chain, enum precision precision)
{
	const char *done = chain->how & DW_WAITS ? "waited for" : "first taken";
	const char *what = dw_names_text(names, "%s %s in", kind_word(thing->kind), done);

	if (!what || !chain->thing)
		return (struct dw_thing_name){0};
	return name_by_stack(names, what, chain->stack, chain->hint, precision);
}

/* Locks of Rust are words, of which there is no more than who waits. */
static bool is_waited_in_rust(struct dw_names *names, const struct dw_thing *thing,
			      const struct dw_chain *chain)
{
	const struct dw_frame *site = NULL;

	if ((chain->how & DW_WAITS || thing->flags & DW_THING_INFERRED) && dw_is_lock(thing->kind))
		site = dw_names_own_frame(names, chain->stack, chain->hint);
	return site && site->function && strstr(site->function, "::");
}

/* Of what was never waited for under a lock. */
static struct dw_thing_name name_by_post(struct dw_names *names, const struct dw_thing *thing,
					 const struct dw_post *post)
{
	const char *what = dw_names_text(names, "%s given in", kind_word(thing->kind));

	if (!what || !post->thing)
		return (struct dw_thing_name){0};
	return name_by_stack(names, what, post->stack, post->hint, ROUGH);
}

static bool is_of_program(const struct dw_names *names, const struct dw_thing *thing)
{
	const struct dw_module *module = dw_resolver_place(&names->resolver, thing->place).module;

	return module && module->path &&
	       dw_names_is_program(names, dw_resolver_base_name(module->path));
}

static const char *call_word(uint32_t number)
{
	static const char *const words[] = {
#define X(value, text) [value] = text,
	    DW_CALLS(X)
#undef X
	};
	const char *word = number < sizeof(words) / sizeof(words[0]) ? words[number] : NULL;

	return word ? word : kind_word(DW_CALL);
}

/* What a thread is called in a name that has to be the same in another run. */
static const char *plain_thread(struct dw_names *names, uint32_t thread)
{
	const struct dw_facts *facts = names->resolver.facts;
	bool has_name =
	    thread < facts->n_threads &&
	    ((facts->threads[thread].name && facts->threads[thread].name[0]) ||
	     facts->threads[thread].flags & DW_THREAD_MAIN || dw_names_thread_start(names, thread));

	return has_name ? dw_names_thread(names, thread) : "a thread";
}

/* Things that have no address: of a thread, or a call. */
static struct dw_thing_name name_by_number(struct dw_names *names, const struct dw_thing *thing)
{
	uint32_t number = dw_thing_number(thing->address);
	const char *format = thing->kind == DW_ENDING ? "%s%s" : "%s\u2019s acknowledgement";
	const char *call;

	(void)format;
	if (thing->kind == DW_CALL) {
		call = call_word(number);
		return (struct dw_thing_name){call, call, /* is_own= */ false};
	}
	if (thing->kind == DW_ENDING)
		return (struct dw_thing_name){
		    dw_names_text(names, "end of %s", plain_thread(names, number)),
		    dw_names_text(names, "end of %s", dw_names_thread(names, number)),
		    /* is_own= */ true};
	if (thing->kind == DW_ANSWER)
		return (struct dw_thing_name){
		    dw_names_text(names, "%s's acknowledgement", plain_thread(names, number)),
		    dw_names_text(names, "%s's acknowledgement", dw_names_thread(names, number)),
		    /* is_own= */ true};
	return (struct dw_thing_name){0};
}

/* What the program itself, or the nature of the thing, says. */
static struct dw_thing_name name_by_itself(struct dw_names *names, const struct dw_thing *thing)
{
	if (thing->name && thing->name[0])
		return (struct dw_thing_name){thing->name, thing->name, /* is_own= */ true};
	if (thing->flags & DW_THING_BQL)
		return (struct dw_thing_name){"BQL", "BQL", /* is_own= */ true};
	return name_by_number(names, thing);
}

/* A library's own condition or semaphore, whatever it may be called in there. */
static struct dw_thing_name name_by_library(struct dw_names *names, const struct dw_thing *thing,
					    const struct dw_chain *first)
{
	const char *call = NULL;

	if (!dw_is_lock(thing->kind) && !is_of_program(names, thing))
		call = dw_names_library_call(names, first->stack, first->hint);
	return (struct dw_thing_name){call, call, /* is_own= */ false};
}

/* The last two words of a name that is a path without arguments: `Bus::insert`. */
static const char *short_function(const char *function)
{
	const char *at = function + strlen(function);
	unsigned n = 0;

	if (strpbrk(function, "<( "))
		return function;
	for (; at > function; at--)
		if (at[-1] == ':' && at[0] != ':' && ++n == 2)
			return at;
	return function;
}

/* A lock that is a word, of which nothing is known but that it is waited for. */
static struct dw_thing_name name_by_waiter(struct dw_names *names, uint32_t stack)
{
	const struct dw_frame *site = dw_names_own_frame(names, stack, /* hint= */ 0);
	const char *name = NULL;

	if (site && site->function)
		name = dw_names_text(names, "%s's lock", short_function(site->function));
	return (struct dw_thing_name){.plain = name, .full = name};
}

/*
 * The order is that of names.h: what is surest and shortest first. In a stripped file a
 * birth may be just an offset, where a hint tells the first taking's file and line.
 */
static struct dw_thing_name name_thing(struct dw_names *names, const struct dw_thing *thing,
				       const struct used *used)
{
	const struct dw_facts *facts = names->resolver.facts;
	const struct dw_chain *first = &facts->chains[used->chain];
	struct dw_thing_name name = name_by_itself(names, thing);

	if (!name.full)
		name = name_by_library(names, thing, first);
	if (!name.full)
		name = name_by_variable(names, thing);
	if (!name.full && used->waiter)
		name = name_by_waiter(names, used->waiter);
	if (!name.full && is_waited_in_rust(names, thing, first))
		name = name_by_waiter(names, first->stack);
	for (enum precision precision = FINE; precision <= ROUGH; precision++) {
		if (!name.full)
			name = name_by_birth(names, thing, precision);
		if (!name.full)
			name = name_by_taking(names, thing, first, precision);
	}
	if (!name.full && used->post)
		name = name_by_post(names, thing, &facts->posts[used->post]);
	if (!name.full)
		name.plain = name.full = kind_word(thing->kind);
	return name;
}

static void note_founds(const struct dw_facts *facts, struct used *ret)
{
	for (uint32_t i = 1; i < facts->n_founds; i++) {
		const struct dw_found *found = &facts->founds[i];
		const struct dw_found_leg *last =
		    &found->legs[found->n_legs ? found->n_legs - 1 : 0];
		uint32_t thing = last->needs ? facts->chains[last->needs].thing : last->thing;

		if (found->flags & DW_FOUND_UNSEEN && thing < facts->n_things && !ret[thing].waiter)
			ret[thing].waiter = last->stack;
	}
}

/* By thing number. */
static struct used *find_used(const struct dw_facts *facts)
{
	struct used *used = calloc((size_t)facts->n_things + 1, sizeof(*used));

	for (uint32_t i = 1; used && i < facts->n_chains; i++) {
		const struct dw_chain *chain = &facts->chains[i];

		if (chain->thing < facts->n_things && !used[chain->thing].chain && chain->stack &&
		    !(chain->how & DW_REMAINS))
			used[chain->thing].chain = i;
	}
	for (uint32_t i = 1; used && i < facts->n_posts; i++)
		if (facts->posts[i].thing < facts->n_things && !used[facts->posts[i].thing].post)
			used[facts->posts[i].thing].post = i;
	if (used)
		note_founds(facts, used);
	return used;
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

/* A call is no second one of what it waits for inside: both may be `CFRelease`. */
static uint32_t collect_numbered(struct numbered *ret, const struct dw_facts *facts,
				 const struct dw_thing_name *things)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < facts->n_things; i++)
		if (facts->things[i].kind != DW_CALL)
			ret[n++] = (struct numbered){things[i].full, i};
	return n;
}

/* Sorted by name, things of one name are neighbours, in the order in which they were told. */
static int number_things(struct dw_names *names, struct dw_thing_name *things)
{
	const struct dw_facts *facts = names->resolver.facts;
	struct numbered *sorted = calloc((size_t)facts->n_things + 1, sizeof(*sorted));
	uint32_t count = 0, n;

	if (!sorted)
		return dw_raise(-ENOMEM);
	n = collect_numbered(sorted, facts, things);
	if (n > 1)
		qsort(sorted, n, sizeof(*sorted), compare_numbered);
	for (uint32_t i = 1; i < n; i++) {
		const char *name = sorted[i].name;

		count = strcmp(name, sorted[i - 1].name) == 0 ? count + 1 : 0;
		if (count)
			name = dw_names_text(names, "%s #%" PRIu32, name, count + 1);
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
	struct dw_thing_name *things =
	    dw_arena_alloc(names->arena, ((size_t)facts->n_things + 1) * sizeof(*things));
	struct used *used = find_used(facts);
	int r = 0;

	if (!things || !used)
		r = -ENOMEM;
	for (uint32_t i = 1; r == 0 && i < facts->n_things; i++)
		things[i] = name_thing(names, &facts->things[i], &used[i]);
	free(used);
	if (r == 0)
		r = number_things(names, things);
	if (r == 0)
		names->things = things;
	return dw_raise(r);
}

static const struct dw_thing_name *thing_name_of(struct dw_names *names, uint32_t thing)
{
	static const struct dw_thing_name unknown = {.plain = "lock", .full = "lock"};

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

bool dw_names_thing_is_own(struct dw_names *names, uint32_t thing)
{
	return thing_name_of(names, thing)->is_own;
}

bool dw_names_thing_is_lock(const struct dw_names *names, uint32_t thing)
{
	const struct dw_facts *facts = names->resolver.facts;

	return thing < facts->n_things && dw_is_lock(facts->things[thing].kind);
}

/* "recvmsg in vhost_user_read"; all waits in a call are for the same thing. */
static struct dw_thing_name name_call(struct dw_names *names, const struct dw_chain *chain)
{
	const struct dw_thing_name *name = thing_name_of(names, chain->thing);
	const struct dw_frame *own;
	const char *library = NULL, *what;

	if (!name->is_own)
		library = dw_names_library_call(names, chain->stack, chain->hint);
	if (library)
		return (struct dw_thing_name){.plain = library, .full = library};
	/* In a stripped program the innermost function mostly has no name. */
	own = name->is_own ? NULL : dw_names_own_frame(names, chain->stack, chain->hint);
	if (own && own->function) {
		what = dw_names_text(names, "%s in %s", name->full, own->function);
		return what ? (struct dw_thing_name){.plain = what, .full = what} : *name;
	}
	what = name->is_own ? NULL : dw_names_text(names, "%s in", name->full);
	if (!what)
		return *name;
	for (enum precision precision = FINE; precision <= ROUGH; precision++) {
		struct dw_thing_name made =
		    name_by_stack(names, what, chain->stack, chain->hint, precision);

		if (made.plain)
			return made;
	}
	return *name;
}

static struct dw_thing_name taken_name_of(struct dw_names *names, uint32_t number)
{
	const struct dw_facts *facts = names->resolver.facts;
	const struct dw_chain *chain = &facts->chains[number < facts->n_chains ? number : 0];

	if (chain->thing && chain->thing < facts->n_things &&
	    facts->things[chain->thing].kind == DW_CALL)
		return name_call(names, chain);
	return *thing_name_of(names, chain->thing);
}

/* Without the line: a call's place is told where its stack is. */
const char *dw_names_taken(struct dw_names *names, uint32_t chain)
{
	const struct dw_facts *facts = names->resolver.facts;
	struct dw_thing_name name = taken_name_of(names, chain);
	uint32_t thing = chain < facts->n_chains ? facts->chains[chain].thing : 0;

	return facts->things[thing].kind == DW_CALL ? name.plain : name.full;
}

const char *dw_names_taken_plain(struct dw_names *names, uint32_t chain)
{
	return taken_name_of(names, chain).plain;
}
