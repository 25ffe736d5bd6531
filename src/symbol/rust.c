/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/rust.h"

#include "model/facts.h"
#include "symbol/build_id.h"
#include "symbol/elf_file.h"

#include <string.h>

/* Where to look, and for what. */
static const struct {
	const char *section;
	const char *text;
} signs[] = {
    {".rodata", "library/std/src/"},
    {".comment", "rustc version"},
};
#define N_SIGNS (sizeof(signs) / sizeof(signs[0]))

/* Without a build id there is nothing to tell one file from another by. */
static bool is_same_file(Elf *elf, const struct dw_module *module)
{
	struct dw_build_id id = dw_build_id_of(elf);

	return !module->build_id_size || (id.size == module->build_id_size &&
					  memcmp(id.bytes, module->build_id, id.size) == 0);
}

static bool has_text(Elf_Scn *section, const char *text)
{
	const Elf_Data *data = elf_rawdata(section, NULL);

	return data && data->d_buf && memmem(data->d_buf, data->d_size, text, strlen(text));
}

static bool has_sign(Elf *elf, size_t names, Elf_Scn *section)
{
	GElf_Shdr header;
	const char *name;

	if (!gelf_getshdr(section, &header))
		return false;
	name = elf_strptr(elf, names, header.sh_name);
	for (size_t i = 0; name && i < N_SIGNS; i++)
		if (strcmp(name, signs[i].section) == 0 && has_text(section, signs[i].text))
			return true;
	return false;
}

bool dw_rust_is_in(const struct dw_module *module)
{
	dw_auto_elf elf = module->path ? dw_elf_open(module->path) : NULL;
	size_t names;

	if (!elf || !is_same_file(elf, module) || elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section;
	     section = elf_nextscn(elf, section))
		if (has_sign(elf, names, section))
			return true;
	return false;
}
