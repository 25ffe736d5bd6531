/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/function.h"

#include "symbol/demangle.h"

#include <stdbool.h>
#include <string.h>

/*
 * What compilers add to the name of a variant that is called in the function's place. A part
 * of a function (`.part.`, `.cold`) is no run of it.
 */
static const char *const variants[] = {".isra.", ".constprop."};

#define N_VARIANTS (sizeof(variants) / sizeof(variants[0]))

static bool is_variant(const char *rest)
{
	for (size_t i = 0; i < N_VARIANTS; i++)
		if (!strncmp(rest, variants[i], strlen(variants[i])) && !strstr(rest, ".part.") &&
		    !strstr(rest, ".cold"))
			return true;
	return false;
}

static bool is_called(struct dw_arena *arena, const char *symbol, const char *name)
{
	size_t n = strlen(name);
	const char *demangled;

	if (!strncmp(symbol, name, n) && (!symbol[n] || symbol[n] == '@' || is_variant(symbol + n)))
		return true;
	if (!strstr(name, "::"))
		return false;
	demangled = dw_demangle(arena, symbol);
	return demangled && !strcmp(demangled, name);
}

/* Return: whether @address, in the file's own terms, is in what is loaded of it. */
static bool to_offset(Elf *elf, uint64_t address, uint64_t *ret)
{
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD ||
		    address - header.p_vaddr >= header.p_filesz)
			continue;
		*ret = address - header.p_vaddr + header.p_offset;
		return true;
	}
	return false;
}

/* Several symbols of one place, such as a name with and without version, are one function. */
static unsigned add(uint64_t *found, unsigned n, unsigned max, uint64_t offset)
{
	for (unsigned i = 0; i < n && i < max; i++)
		if (found[i] == offset)
			return n;
	if (n < max)
		found[n] = offset;
	return n + 1;
}

unsigned dw_function_find(Dwfl_Module *module, struct dw_arena *arena, const char *name,
			  uint64_t *ret, unsigned max)
{
	int n_symbols = dwfl_module_getsymtab(module);
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	unsigned n = 0;

	for (int i = 1; elf && i < n_symbols; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		GElf_Word section;
		uint64_t offset;
		const char *text = dwfl_module_getsym_info(module, i, &symbol, &address, &section,
							   /* elfp= */ NULL, /* bias= */ NULL);

		if (text && GELF_ST_TYPE(symbol.st_info) == STT_FUNC && section != SHN_UNDEF &&
		    is_called(arena, text, name) && to_offset(elf, address - bias, &offset))
			n = add(ret, n, max, offset);
	}
	return n;
}
