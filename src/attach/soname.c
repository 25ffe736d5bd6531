/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/soname.h"

#include "base/resource.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void end_elf(Elf **elf)
{
	elf_end(*elf);
}

/* Of the entries of a dynamic section. Return: the name, as long as @elf lives; NULL: none. */
static const char *name_in(Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	int n = header->sh_entsize ? (int)(header->sh_size / header->sh_entsize) : 0;
	GElf_Dyn entry;

	for (int i = 0; data && i < n && gelf_getdyn(data, i, &entry); i++)
		if (entry.d_tag == DT_SONAME)
			return elf_strptr(elf, header->sh_link, entry.d_un.d_val);
	return NULL;
}

static const char *name_of(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)) && gelf_getshdr(section, &header))
		if (header.sh_type == SHT_DYNAMIC)
			return name_in(elf, section, &header);
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
	dw_auto_fd fd = open(map->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	dw_cleanup(end_elf) Elf *elf = NULL;
	const char *name;
	char file[PATH_MAX], path[PATH_MAX];

	snprintf(ret, size, "%s", map->path);
	elf_version(EV_CURRENT);
	if (fd >= 0)
		elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	name = elf ? name_of(elf) : NULL;
	if (name && !strchr(name, '/') && rename_last(file, map->file, name) &&
	    is_same_file(file, map->file) && rename_last(path, map->path, name))
		snprintf(ret, size, "%s", path);
}
