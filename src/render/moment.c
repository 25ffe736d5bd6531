/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/moment.h"

#include "base/arena.h"
#include "base/error.h"
#include "model/event.h"
#include "render/tell.h"
#include "symbol/names.h"

#include <errno.h>
#include <string.h>

int dw_moments_new(struct dw_moments *ret, struct dw_telling *telling)
{
	size_t n = (size_t)telling->process->facts->n_things + 1;
	struct dw_moments moments = {.telling = telling};
	int r = dw_pictures_new(&moments.things, telling->process, telling->arena);

	if (r < 0)
		return dw_pass(r);
	moments.names = dw_arena_alloc(telling->arena, n * sizeof(*moments.names));
	if (!moments.names)
		return dw_raise(-ENOMEM);
	*ret = moments;
	return 0;
}

/* What was never told has no name but what it is: "a mutex", "nanosleep". */
static const char *unknown(struct dw_moments *moments, uint64_t address, unsigned kind)
{
	static const char *const kinds[] = {
#define X(name, value, text, ...) [value] = "a " text,
	    DW_THING_KINDS(X)
#undef X
	};
	static const char *const calls[] = {
#define X(value, text) [value] = text,
	    DW_CALLS(X)
#undef X
	};
	uint32_t number = dw_thing_number(address);
	struct dw_names *names = moments->telling->process->names;

	if (kind == DW_ENDING)
		return dw_tell_text(moments->telling, "end of %s",
				    dw_tell_name(moments->telling, dw_names_thread(names, number)));
	if (kind == DW_CALL && number < sizeof(calls) / sizeof(calls[0]) && calls[number])
		return calls[number];
	return kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind] ? kinds[kind] : "a thing";
}

/* The names of all lives at the address of @thing, which is the last. */
static const char *name_of_lives(struct dw_moments *moments, uint32_t thing)
{
	struct dw_names *names = moments->telling->process->names;
	const struct dw_facts *facts = moments->telling->process->facts;
	const char *plain = dw_names_thing_plain(names, thing);
	uint32_t n;
	const uint32_t *lives =
	    dw_pictures_lives(&moments->things, facts->things[thing].address, &n);

	for (uint32_t i = 0; i < n; i++) {
		const char *other = dw_names_thing_plain(names, lives[i]);

		if (strcmp(other, plain) != 0)
			return dw_tell_text(moments->telling, "%s or %s",
					    dw_tell_name(moments->telling, other),
					    dw_tell_name(moments->telling, plain));
	}
	return dw_tell_name(moments->telling, n > 1 ? plain : dw_names_thing(names, thing));
}

const char *dw_moments_name(struct dw_moments *moments, uint64_t address, unsigned kind)
{
	uint32_t thing = dw_pictures_thing(&moments->things, address);

	if (!thing)
		return unknown(moments, address, kind);
	if (!moments->names[thing])
		moments->names[thing] = name_of_lives(moments, thing);
	return moments->names[thing];
}
