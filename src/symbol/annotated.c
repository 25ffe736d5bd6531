/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/annotated.h"

#include "symbol/elf_file.h"

#include <stddef.h>
#include <string.h>

/* Names of things, and beats, hide nothing. */
static const char *const functions[] = {
    "deadwatch_lock_want",  "deadwatch_lock_hold", "deadwatch_wait_begin", "deadwatch_post",
    "deadwatch_call_begin", "deadwatch_idle",      "deadwatch_kick",
};

static bool is_annotation(const char *name)
{
	for (size_t i = 0; name && i < sizeof(functions) / sizeof(*functions); i++)
		if (strcmp(functions[i], name) == 0)
			return true;
	return false;
}

bool dw_is_annotated(const char *path)
{
	dw_auto_elf elf = dw_elf_open(path);
	GElf_Shdr header;
	Elf_Scn *section = dw_elf_section(elf, SHT_DYNSYM, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Sym symbol;

	/* Such a function is somewhere else, or nowhere. */
	for (int i = 0; data && gelf_getsym(data, i, &symbol); i++)
		if (symbol.st_shndx == SHN_UNDEF &&
		    is_annotation(elf_strptr(elf, header.sh_link, symbol.st_name)))
			return true;
	return false;
}
