/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/build_id.h"

#include "symbol/elf_file.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <string.h>

struct dw_build_id dw_build_id_of(Elf *elf)
{
	struct dw_build_id id = {.size = 0};
	const void *bytes = NULL;
	ssize_t size = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : -1;

	if (size > 0 && size <= DW_BUILD_ID_MAX) {
		memcpy(id.bytes, bytes, (size_t)size);
		id.size = (uint32_t)size;
	}
	return id;
}

struct dw_build_id dw_build_id_of_file(const char *path)
{
	dw_auto_elf elf = dw_elf_open(path);

	return dw_build_id_of(elf);
}

bool dw_build_id_of_memory(void *begin, size_t n, struct dw_build_id *ret)
{
	dw_auto_elf elf = NULL;

	if (n < SELFMAG || memcmp(begin, ELFMAG, SELFMAG) != 0)
		return false;
	elf_version(EV_CURRENT);
	elf = elf_memory(begin, n);
	*ret = dw_build_id_of(elf);
	return true;
}

bool dw_build_id_equal(const struct dw_build_id *a, const struct dw_build_id *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}
