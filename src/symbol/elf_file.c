/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/elf_file.h"

#include "base/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

Elf *dw_elf_open(const char *path)
{
	dw_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? NULL : dw_elf_of(fd);
}

Elf *dw_elf_of(int fd)
{
	dw_auto_elf elf = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	elf_version(EV_CURRENT);
	if (S_ISREG(st.st_mode))
		elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	/* What could not be mapped is read now, so that nothing needs the descriptor any more. */
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_cntl(elf, ELF_C_FDREAD) != 0) {
		errno = ENOEXEC;
		return NULL;
	}
	return dw_take(elf);
}

Elf_Scn *dw_elf_section(Elf *elf, uint32_t type, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;

	while (elf && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, ret) && ret->sh_type == type)
			return section;
	return NULL;
}
