/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/scopes.h"

#include "base/arena.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_dies(Dwarf_Die **dies)
{
	free(*dies);
}

/* clang writes no table from addresses to units: there every unit is asked. */
static Dwarf_Die *unit_of(Dwfl_Module *module, uint64_t address, Dwarf_Addr *ret_bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, ret_bias);

	if (unit)
		return unit;
	while ((unit = dwfl_module_nextcu(module, unit, ret_bias)))
		if (dwarf_haspc(unit, address - *ret_bias) > 0)
			return unit;
	return NULL;
}

static const char *text_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static int is_c(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler:
		return 1;
	default:
		return 0;
	}
}

/* Where @die is declared: there its parents are the namespaces and classes it belongs to. */
static Dwarf_Die declaration_of(Dwarf_Die die)
{
	static const unsigned links[] = {DW_AT_abstract_origin, DW_AT_specification};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		Dwarf_Attribute attribute;
		Dwarf_Die next;

		if (dwarf_formref_die(dwarf_attr(&die, links[i], &attribute), &next))
			die = next;
	}
	return die;
}

static const char *prefix_of(Dwarf_Die *parent)
{
	const char *name = dwarf_diename(parent);

	switch (dwarf_tag(parent)) {
	case DW_TAG_namespace:
		return name ? name : "(anonymous namespace)";
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_subprogram:
		return name ? name : "{unnamed}"; /* a lambda */
	default:
		return NULL;
	}
}

/*
 * `std::thread::_Invoker<...>::_M_invoke<0>`: what has no linkage name (lambdas, and all
 * templates that are made for one) is named by what it is declared in.
 */
static const char *qualified(struct dw_arena *arena, Dwarf_Die *die, const char *name)
{
	dw_cleanup(free_dies) Dwarf_Die *parents = NULL;
	Dwarf_Die declaration = declaration_of(*die);
	int n = dwarf_getscopes_die(&declaration, &parents);

	for (int i = 1; i < n && name; i++) {
		const char *prefix = prefix_of(&parents[i]);
		size_t n_prefix = prefix ? strlen(prefix) : 0, n_name = strlen(name);
		char *longer;

		if (!prefix)
			continue;
		longer = dw_arena_alloc(arena, n_prefix + n_name + sizeof("::"));
		if (longer)
			sprintf(longer, "%s::%s", prefix, name);
		name = longer;
	}
	return name;
}

/* The linkage name carries the class and the namespace; the plain name does not. */
static const char *function_of(struct dw_arena *arena, Dwarf_Die *unit, Dwarf_Die *die)
{
	const char *name = text_of(die, DW_AT_linkage_name);

	if (!name)
		name = text_of(die, DW_AT_MIPS_linkage_name);
	if (name)
		return name;
	name = dwarf_diename(die);
	return is_c(unit) ? name : qualified(arena, die, name);
}

/* Return: whether @die has the attribute, a number. */
static int find_number(Dwarf_Die *die, unsigned name, Dwarf_Word *ret)
{
	Dwarf_Attribute attribute;

	return dwarf_formudata(dwarf_attr(die, name, &attribute), ret) == 0;
}

static void find_line(Dwarf_Die *unit, uint64_t address, struct dw_symbol *ret)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	int number;

	if (!line)
		return;
	ret->file = dwarf_linesrc(line, NULL, NULL);
	if (!dwarf_lineno(line, &number) && number > 0)
		ret->line = (uint32_t)number;
}

/*
 * Where the inlined function @die was called. File 0 is a file in DWARF 5, as clang writes
 * it, and none in older versions, where libdw calls it "???".
 */
static void find_call(Dwarf_Die *unit, Dwarf_Die *die, struct dw_symbol *ret)
{
	Dwarf_Word file, line;
	Dwarf_Files *files;
	size_t n;

	if (find_number(die, DW_AT_call_file, &file) && !dwarf_getsrcfiles(unit, &files, &n) &&
	    file < n)
		ret->file = dwarf_filesrc(files, file, NULL, NULL);
	if (ret->file && strcmp(ret->file, "???") == 0)
		ret->file = NULL;
	if (find_number(die, DW_AT_call_line, &line))
		ret->line = (uint32_t)line;
}

/*
 * @dies go outwards from the scope of the address. The line of the address is in the
 * innermost function; each function outside is at the place where it calls the next.
 */
static unsigned walk(struct dw_arena *arena, Dwarf_Die *unit, Dwarf_Die *dies, int n_dies,
		     struct dw_symbol place, struct dw_symbol *ret)
{
	unsigned n = 0;

	for (int i = 0; i < n_dies && n < DW_SYMBOL_INLINE_MAX; i++) {
		int tag = dwarf_tag(&dies[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		ret[n] = place;
		ret[n].function = function_of(arena, unit, &dies[i]);
		ret[n].inlined = tag == DW_TAG_inlined_subroutine;
		if (!ret[n++].inlined)
			break;
		place = (struct dw_symbol){0};
		find_call(unit, &dies[i], &place);
	}
	return n;
}

unsigned dw_scopes_find(Dwfl_Module *module, struct dw_arena *arena, uint64_t address,
			struct dw_symbol *ret, const char **ret_directory)
{
	dw_cleanup(free_dies) Dwarf_Die *scopes = NULL;
	dw_cleanup(free_dies) Dwarf_Die *parents = NULL;
	struct dw_symbol place = {0};
	Dwarf_Addr bias = 0;
	Dwarf_Die *unit = unit_of(module, address, &bias);
	unsigned n = 0;
	int n_parents = 0;

	*ret_directory = NULL;
	if (!unit)
		return 0;
	*ret_directory = text_of(unit, DW_AT_comp_dir);
	find_line(unit, address - bias, &place);
	/* Outside an inlined function, the scopes are those of its definition: take its parents. */
	if (dwarf_getscopes(unit, address - bias, &scopes) > 0)
		n_parents = dwarf_getscopes_die(&scopes[0], &parents);
	if (n_parents > 0)
		n = walk(arena, unit, parents, n_parents, place, ret);
	if (n == 0 && place.file)
		ret[n++] = place;
	return n;
}
