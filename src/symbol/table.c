/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/table.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * How many symbols before an address are asked whether they reach it. Symbols lie
 * within others only in hand-written code, where two or three do.
 */
#define NESTED_MAX 8

/* Aliases: what the program itself would call it comes first. */
static uint32_t rank_of(const GElf_Sym *sym, const char *name)
{
	uint32_t rank = strspn(name, "_") < 3 ? (uint32_t)strspn(name, "_") : 3;

	if (GELF_ST_BIND(sym->st_info) == STB_LOCAL)
		return rank + 8;
	return GELF_ST_BIND(sym->st_info) == STB_WEAK ? rank + 4 : rank;
}

static int compare(const void *left, const void *right)
{
	const struct dw_table_entry *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Sorts, and leaves of several names at one address the first, with the largest size. */
static size_t sort(struct dw_table_entry *entries, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(entries, n, sizeof(*entries), compare);
	for (size_t i = 0; i < n; i++) {
		struct dw_table_entry *last = kept ? &entries[kept - 1] : NULL;

		if (!last || last->start != entries[i].start)
			entries[kept++] = entries[i];
		else if (last->size < entries[i].size)
			last->size = entries[i].size;
	}
	return kept;
}

static void add(struct dw_table *table, const GElf_Sym *sym, const char *name, uint64_t start)
{
	struct dw_table_entry entry = {start, sym->st_size, name, rank_of(sym, name)};
	unsigned type = GELF_ST_TYPE(sym->st_info);

	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		table->functions[table->n_functions++] = entry;
	else if (type == STT_OBJECT)
		table->variables[table->n_variables++] = entry;
}

static int has_symbol_table(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			return 1;
	return 0;
}

/* Symbols of another file (separate debug information, minidebuginfo) are from a whole table. */
static void read_symbols(struct dw_table *table, Dwfl_Module *module, int n, uint64_t bias)
{
	GElf_Addr ignored;
	Elf *own = dwfl_module_getelf(module, &ignored);

	table->whole = own && has_symbol_table(own);
	for (int i = 1; i < n; i++) {
		GElf_Sym sym;
		GElf_Addr address;
		GElf_Word section;
		Elf *from = NULL;
		const char *name =
		    dwfl_module_getsym_info(module, i, &sym, &address, &section, &from, NULL);

		if (!name || !name[0] || section == SHN_UNDEF || section == SHN_ABS)
			continue;
		if (from != own)
			table->whole = 1;
		add(table, &sym, name, address - bias);
	}
}

int dw_table_new(struct dw_table **ret, Dwfl_Module *module, uint64_t bias)
{
	dw_auto(table) table = calloc(1, sizeof(*table));
	int n = dwfl_module_getsymtab(module);

	if (!table)
		return dw_raise(-ENOMEM);
	if (n > 0) {
		table->functions = calloc((size_t)n, sizeof(*table->functions));
		table->variables = calloc((size_t)n, sizeof(*table->variables));
		if (!table->functions || !table->variables)
			return dw_raise(-ENOMEM);
		read_symbols(table, module, n, bias);
	}
	table->n_functions = sort(table->functions, table->n_functions);
	table->n_variables = sort(table->variables, table->n_variables);
	*ret = dw_take(table);
	return 0;
}

struct dw_table *dw_table_free(struct dw_table *table)
{
	if (table) {
		free(table->functions);
		free(table->variables);
		free(table);
	}
	return NULL;
}

/* How many entries start at or before @address. */
static size_t count_before(const struct dw_table_entry *entries, size_t n, uint64_t address)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (entries[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct dw_table_entry *find(const struct dw_table_entry *entries, size_t n,
					 uint64_t address)
{
	size_t before = count_before(entries, n, address);

	for (size_t i = 1; i <= NESTED_MAX && i <= before; i++) {
		const struct dw_table_entry *entry = &entries[before - i];

		if (address - entry->start < entry->size)
			return entry;
	}
	return NULL;
}

const struct dw_table_entry *dw_table_function(const struct dw_table *table, uint64_t address)
{
	const struct dw_table_entry *found = find(table->functions, table->n_functions, address);
	size_t before;

	if (found || !table->whole)
		return found;
	/*
	 * Assembly often leaves the size out: then a function reaches to the next one, if that is
	 * known too.
	 */
	before = count_before(table->functions, table->n_functions, address);
	if (before && table->functions[before - 1].size == 0)
		return &table->functions[before - 1];
	return NULL;
}

const struct dw_table_entry *dw_table_variable(const struct dw_table *table, uint64_t address)
{
	return find(table->variables, table->n_variables, address);
}
