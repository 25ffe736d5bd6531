/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/soname.h"

#include "symbol/elf_file.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Return: the name, as long as @elf lives; NULL: it has none. */
static const char *name_of(Elf *elf)
{
	GElf_Shdr header;
	Elf_Scn *section = dw_elf_section(elf, SHT_DYNAMIC, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Dyn entry;

	for (int i = 0; data && gelf_getdyn(data, i, &entry); i++)
		if (entry.d_tag == DT_SONAME)
			return elf_strptr(elf, header.sh_link, entry.d_un.d_val);
	return NULL;
}

/* Puts @name in place of the last part of @path. Return: whether that fits. */
static bool rename_last(char ret[PATH_MAX], const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	int before = slash ? (int)(slash - path) + 1 : 0;

	return snprintf(ret, PATH_MAX, "%.*s%s", before, path, name) < PATH_MAX;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat of_a, of_b;

	return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
	       of_a.st_ino == of_b.st_ino;
}

void dw_soname_path(const struct dw_map *map, char *ret, size_t size)
{
	dw_auto_elf elf = dw_elf_open(map->file);
	const char *name = name_of(elf);
	char file[PATH_MAX], path[PATH_MAX];

	snprintf(ret, size, "%s", map->path);
	if (name && !strchr(name, '/') && rename_last(file, map->file, name) &&
	    is_same_file(file, map->file) && rename_last(path, map->path, name))
		snprintf(ret, size, "%s", path);
}
