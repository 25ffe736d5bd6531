/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs and libraries as files, read by libelf.
 *
 * Their paths come from a process or a recording that may have been made to harm: nothing but a
 * regular file is opened, and no opening waits.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"

#include <gelf.h>
#include <stdint.h>

/* Return: the file at @path, or NULL; errno says why, ENOEXEC if it is no ELF file. */
Elf *dw_elf_open(const char *path);

/* The same of a file that is open; @fd may be closed afterwards. */
Elf *dw_elf_of(int fd);

/* The first section of @type, with its header in *@ret; NULL: there is none. @elf may be NULL. */
Elf_Scn *dw_elf_section(Elf *elf, uint32_t type, GElf_Shdr *ret);

static inline void dw_elf_end(Elf **elf)
{
	elf_end(*elf);
}

/* Ended when it goes out of scope; NULL is fine. */
#define dw_auto_elf dw_cleanup(dw_elf_end) Elf *
