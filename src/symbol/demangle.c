/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/demangle.h"

#include "base/arena.h"
#include "base/resource.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

/*
 * The longest name that is demangled. libiberty recurses on the name's structure;
 * names of real programs stay well below, made-up ones may not cost the stack.
 */
#define MANGLED_MAX 4096

const char *dw_demangle(struct dw_arena *arena, const char *name)
{
	dw_auto_text plain = NULL;
	size_t n = strlen(name);

	/* Only these prefixes: other demanglers of the library turn plain C names into nonsense. */
	if (name[0] == '_' && (name[1] == 'Z' || name[1] == 'R') && n <= MANGLED_MAX)
		plain = cplus_demangle(name, DMGL_AUTO | DMGL_ANSI);
	if (plain)
		return dw_arena_text(arena, plain, strlen(plain));
	return dw_arena_text(arena, name, name[0] == '@' ? n : strcspn(name, "@"));
}
