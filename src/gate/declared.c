/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/declared.h"

#include "analysis/array.h"
#include "analysis/hazard.h"
#include "analysis/index.h"
#include "analysis/need.h"
#include "base/arena.h"
#include "base/hash.h"
#include "gate/lines.h"
#include "model/event.h"
#include "symbol/names.h"

#include <stdlib.h>

#define MEMORY_MAX ((size_t)64 << 20)

/* QEMU has some hundred locks with names; the closure takes the square of it. */
#define LOCKS_MAX 1024

#define FIRST_LINE "# deadwatch order 1"
#define NOT_NAMED DW_INDEX_NONE

struct dw_declared {
	struct dw_arena *arena;
	const char *locks[LOCKS_MAX];
	bool *before;                 /* [a * LOCKS_MAX + b]: a comes before b */
	bool limits_waits[LOCKS_MAX]; /* it has a `waits` line */
	struct allowed *allowed;
	struct dw_index locks_index, allowed_index; /* by name; by lock and name */
	uint32_t n_locks, n_allowed, allowed_room;
};

/* What may be waited for under a lock. */
struct allowed {
	struct dw_line name; /* of no line */
	uint32_t lock;
};

struct dw_declared *dw_declared_free(struct dw_declared *declared)
{
	if (declared)
		dw_arena_free(declared->arena);
	free(declared);
	return NULL;
}

static uint64_t hash_name(uint32_t lock, const struct dw_line *name)
{
	return dw_hash_text(dw_hash(DW_HASH_TEXT_START, lock), name->text, name->n);
}

static bool same_lock(const void *context, uint32_t item, const void *wanted)
{
	return dw_line_is(wanted, ((const struct dw_declared *)context)->locks[item]);
}

static uint32_t find_lock(const struct dw_declared *declared, const struct dw_line *name)
{
	return dw_index_find(&declared->locks_index, hash_name(NOT_NAMED, name), same_lock,
			     declared, name);
}

static bool *before(const struct dw_declared *declared, uint32_t a, uint32_t b)
{
	return &declared->before[(size_t)a * LOCKS_MAX + b];
}

/* A name with the blanks around it. */
static struct dw_line trimmed(const char *text, size_t n, unsigned number)
{
	struct dw_lines lines = {text, n, number - 1};
	struct dw_line line = {text, 0, number};

	dw_lines_next(&lines, &line);
	return line;
}

static int ensure_lock(struct dw_declared *declared, const struct dw_line *name,
		       struct dw_wrong *wrong, uint32_t *ret)
{
	*ret = find_lock(declared, name);
	if (*ret != NOT_NAMED)
		return 0;
	if (name->n == 0)
		return dw_wrong(wrong, name->number, "the name of a lock is missing");
	if (declared->n_locks == LOCKS_MAX)
		return dw_wrong(wrong, name->number, "there are more than %d locks", LOCKS_MAX);
	*ret = declared->n_locks;
	declared->locks[*ret] = dw_arena_text(declared->arena, name->text, name->n);
	if (!declared->locks[*ret] || dw_index_add(&declared->locks_index, declared->arena,
						   hash_name(NOT_NAMED, name), *ret) < 0)
		return dw_raise(-ENOMEM);
	declared->n_locks++;
	return 0;
}

/*
 * Whatever comes before @a comes before @b and all that comes after it. Who comes before @b already
 * is passed over, so that all of a file's lines take no more than the cube of its locks.
 */
static void declare(struct dw_declared *declared, uint32_t a, uint32_t b)
{
	for (uint32_t x = 0; x < declared->n_locks; x++) {
		if ((x != a && !*before(declared, x, a)) || *before(declared, x, b))
			continue;
		for (uint32_t y = 0; y < declared->n_locks; y++)
			if (y == b || *before(declared, b, y))
				*before(declared, x, y) = true;
	}
}

static int parse_step(struct dw_declared *declared, uint32_t a, uint32_t b, unsigned line,
		      struct dw_wrong *wrong)
{
	if (a == b || *before(declared, b, a))
		return dw_wrong(wrong, line, "'%s' cannot come before '%s': it comes after it",
				declared->locks[a], declared->locks[b]);
	declare(declared, a, b);
	return 0;
}

static int parse_order(struct dw_declared *declared, struct dw_line line, struct dw_wrong *wrong)
{
	uint32_t last = NOT_NAMED, lock;
	int r = 0;

	while (r == 0) {
		const char *arrow = memmem(line.text, line.n, "->", 2);
		size_t n = arrow ? (size_t)(arrow - line.text) : line.n;
		struct dw_line name = trimmed(line.text, n, line.number);

		if (last == NOT_NAMED && !arrow)
			return dw_wrong(wrong, line.number,
					"it is neither LOCK -> LOCK nor waits LOCK: NAME, ...");
		r = ensure_lock(declared, &name, wrong, &lock);
		if (r == 0 && last != NOT_NAMED)
			r = parse_step(declared, last, lock, line.number, wrong);
		last = lock;
		if (!arrow)
			break;
		line.text += n + 2;
		line.n -= n + 2;
	}
	return r < 0 ? dw_pass(r) : r;
}

static bool same_allowed(const void *context, uint32_t item, const void *wanted)
{
	const struct allowed *a = &((const struct dw_declared *)context)->allowed[item];
	const struct allowed *b = wanted;

	return a->lock == b->lock && a->name.n == b->name.n &&
	       memcmp(a->name.text, b->name.text, a->name.n) == 0;
}

static bool is_allowed(const struct dw_declared *declared, uint32_t lock,
		       const struct dw_line *name)
{
	const struct allowed wanted = {*name, lock};

	return dw_index_find(&declared->allowed_index, hash_name(lock, name), same_allowed,
			     declared, &wanted) != DW_INDEX_NONE;
}

static int allow(struct dw_declared *declared, uint32_t lock, const struct dw_line *name)
{
	struct allowed allowed = {{.n = name->n}, lock};
	int r;

	if (is_allowed(declared, lock, name))
		return 0;
	allowed.name.text = dw_arena_text(declared->arena, name->text, name->n);
	r = dw_array_room(declared->arena, (void **)&declared->allowed, declared->n_allowed,
			  &declared->allowed_room, sizeof(allowed));
	if (r == 0)
		r = dw_index_add(&declared->allowed_index, declared->arena, hash_name(lock, name),
				 declared->n_allowed);
	if (r < 0)
		return dw_pass(r);
	if (!allowed.name.text)
		return dw_raise(-ENOMEM);
	declared->allowed[declared->n_allowed++] = allowed;
	return 0;
}

/* @line is behind `waits`. */
static int parse_waits(struct dw_declared *declared, struct dw_line line, struct dw_wrong *wrong)
{
	const char *colon = memchr(line.text, ':', line.n), *end = line.text + line.n, *comma;
	struct dw_line name;
	uint32_t lock;
	int r;

	if (!colon)
		return dw_wrong(wrong, line.number, "there is no colon behind the lock");
	name = trimmed(line.text, (size_t)(colon - line.text), line.number);
	r = ensure_lock(declared, &name, wrong, &lock);
	if (r == 0)
		declared->limits_waits[lock] = true;
	for (const char *from = colon + 1; r == 0 && from < end; from = comma + 1) {
		comma = memchr(from, ',', (size_t)(end - from));
		comma = comma ? comma : end;
		name = trimmed(from, (size_t)(comma - from), line.number);
		r = name.n ? allow(declared, lock, &name)
			   : dw_wrong(wrong, line.number, "a name is missing between commas");
	}
	return r < 0 ? dw_pass(r) : r;
}

static int parse_line(struct dw_declared *declared, struct dw_line line, struct dw_wrong *wrong)
{
	struct dw_line rest = line, word = dw_line_word(&rest);

	return dw_line_is(&word, "waits") ? parse_waits(declared, rest, wrong)
					  : parse_order(declared, line, wrong);
}

static int new (struct dw_declared **ret)
{
	dw_auto(declared) declared = calloc(1, sizeof(*declared));
	int r;

	if (!declared)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&declared->arena, MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	declared->before = dw_arena_alloc(declared->arena, (size_t)LOCKS_MAX * LOCKS_MAX);
	if (!declared->before)
		return dw_raise(-ENOMEM);
	*ret = dw_take(declared);
	return 0;
}

int dw_declared_parse(struct dw_declared **ret, const char *text, size_t size,
		      struct dw_wrong *ret_wrong)
{
	dw_auto(declared) declared = NULL;
	struct dw_lines lines = {text, size, 0};
	struct dw_line line;
	int r = dw_lines_check(text, size, ret_wrong);

	if (r == 0 && !(dw_lines_next(&lines, &line) && dw_line_is(&line, FIRST_LINE)))
		r = dw_wrong(ret_wrong, 1, "it is no order: its first line is not '%s'",
			     FIRST_LINE);
	if (r == 0)
		r = new (&declared);
	while (r == 0 && dw_lines_next(&lines, &line))
		if (!dw_line_is_empty(&line))
			r = parse_line(declared, line, ret_wrong);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(declared);
	return 0;
}

/* What names.h gives, as a line of the file would have it. */
static struct dw_line line_of(const char *name)
{
	return (struct dw_line){.text = name, .n = strlen(name)};
}

/* A check under way. */
struct checking {
	const struct dw_declared *declared;
	const struct dw_facts *facts;
	struct dw_names *names;
	struct dw_arena *arena;
	uint32_t *lock_of; /* by thing; NOT_NAMED */
	struct dw_finding *findings;
	uint32_t n, room;
};

static bool is_undeclared(const struct checking *c, uint32_t holds, uint32_t needs)
{
	const struct dw_chain *needed = &c->facts->chains[needs];
	struct dw_line name;
	uint32_t a = c->lock_of[c->facts->chains[holds].thing], b = c->lock_of[needed->thing];

	if (a == NOT_NAMED)
		return false;
	if (needed->how & DW_WAITS) {
		name = line_of(dw_names_taken_plain(c->names, needs));
		return c->declared->limits_waits[a] && !is_allowed(c->declared, a, &name);
	}
	return b != NOT_NAMED && a != b && !*before(c->declared, a, b);
}

static int add(struct checking *c, uint32_t holds, uint32_t needs)
{
	struct dw_leg *leg = dw_arena_alloc(c->arena, sizeof(*leg));
	int r =
	    dw_array_room(c->arena, (void **)&c->findings, c->n, &c->room, sizeof(*c->findings));

	if (r < 0 || !leg)
		return dw_raise(-ENOMEM);
	*leg = (struct dw_leg){
	    .thread = c->facts->chains[needs].thread, .holds = holds, .needs = needs};
	c->findings[c->n++] =
	    (struct dw_finding){.verdict = DW_UNDECLARED, .legs = leg, .n_legs = 1};
	return 0;
}

static bool is_looked_at(const struct checking *c, uint32_t chain)
{
	const struct dw_chain *needed = &c->facts->chains[chain];

	if (needed->how & DW_WAITS)
		return dw_is_hazard(c->facts, chain);
	return dw_need_is_made(c->facts, chain) && !dw_how_gives_up(needed->how);
}

static int check_chain(struct checking *c, uint32_t chain)
{
	int r = 0;

	if (!is_looked_at(c, chain))
		return 0;
	for (uint32_t a = c->facts->chains[chain].below; a && r == 0; a = c->facts->chains[a].below)
		if (is_undeclared(c, a, chain))
			r = add(c, a, chain);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_declared_check(const struct dw_declared *declared, const struct dw_facts *facts,
		      struct dw_names *names, struct dw_arena *arena, struct dw_finding **ret,
		      size_t *ret_n)
{
	struct checking c = {declared, facts, names, arena, NULL, NULL, 0, 0};
	int r = 0;

	c.lock_of = dw_arena_alloc(arena, ((size_t)facts->n_things + 1) * sizeof(*c.lock_of));
	if (!c.lock_of)
		return dw_raise(-ENOMEM);
	c.lock_of[0] = NOT_NAMED;
	for (uint32_t i = 1; i < facts->n_things; i++) {
		struct dw_line name = line_of(dw_names_thing_plain(names, i));

		c.lock_of[i] = find_lock(declared, &name);
	}
	for (uint32_t i = 1; i < facts->n_chains && r == 0; i++)
		r = check_chain(&c, i);
	*ret = c.findings;
	*ret_n = c.n;
	return r < 0 ? dw_pass(r) : 0;
}
