/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/rust.h"

#include "base/resource.h"
#include "model/facts.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where to look, and for what. */
static const struct {
	const char *section;
	const char *text;
} signs[] = {
    {".rodata", "library/std/src/"},
    {".comment", "rustc version"},
};
#define N_SIGNS (sizeof(signs) / sizeof(signs[0]))

static void end_elf(Elf **elf)
{
	elf_end(*elf);
}

/* Without a build id there is nothing to tell one file from another by. */
static bool is_same_file(Elf *elf, const struct dw_module *module)
{
	const void *id = NULL;
	ssize_t size = dwelf_elf_gnu_build_id(elf, &id);

	if (!module->build_id_size)
		return true;
	return size == (ssize_t)module->build_id_size && memcmp(id, module->build_id, size) == 0;
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

/* A path comes from a file that may have been made to harm: nothing but a file is opened. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool dw_rust_is_in(const struct dw_module *module)
{
	dw_auto_fd fd = -1;
	dw_cleanup(end_elf) Elf *elf = NULL;
	size_t names;

	elf_version(EV_CURRENT);
	if (!module->path)
		return false;
	fd = open_file(module->path);
	if (fd < 0)
		return false;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || !is_same_file(elf, module) || elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section;
	     section = elf_nextscn(elf, section))
		if (has_sign(elf, names, section))
			return true;
	return false;
}
