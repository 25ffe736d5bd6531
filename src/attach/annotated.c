/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/annotated.h"

#include "base/resource.h"

#include <fcntl.h>
#include <gelf.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Names of things, and beats, hide nothing. */
static const char *const functions[] = {
    "deadwatch_lock_want",  "deadwatch_lock_hold", "deadwatch_wait_begin", "deadwatch_post",
    "deadwatch_call_begin", "deadwatch_idle",      "deadwatch_kick",
};

static void end_elf(Elf **elf)
{
	elf_end(*elf);
}

static bool is_annotation(const char *name)
{
	for (size_t i = 0; name && i < sizeof(functions) / sizeof(*functions); i++)
		if (strcmp(functions[i], name) == 0)
			return true;
	return false;
}

/* Whether a table of symbols has such a one that is somewhere else, or nowhere. */
static bool has_annotation(Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	int n = header->sh_entsize ? (int)(header->sh_size / header->sh_entsize) : 0;
	GElf_Sym symbol;

	for (int i = 0; data && i < n && gelf_getsym(data, i, &symbol); i++)
		if (symbol.st_shndx == SHN_UNDEF &&
		    is_annotation(elf_strptr(elf, header->sh_link, symbol.st_name)))
			return true;
	return false;
}

bool dw_is_annotated(const char *path)
{
	dw_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	dw_cleanup(end_elf) Elf *elf = NULL;
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	elf_version(EV_CURRENT);
	if (fd >= 0)
		elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	while (elf && (section = elf_nextscn(elf, section)) && gelf_getshdr(section, &header))
		if (header.sh_type == SHT_DYNSYM && has_annotation(elf, section, &header))
			return true;
	return false;
}
