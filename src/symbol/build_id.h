/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Build ids: by these a file and what was loaded from it are known to be the same.
 *
 * Single-threaded.
 */
#pragma once

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DW_BUILD_ID_MAX 64 /* bytes; what linkers make has 20 */

struct dw_build_id {
	uint8_t bytes[DW_BUILD_ID_MAX];
	uint32_t size; /* 0: there is none */
};

/* @elf may be NULL. */
struct dw_build_id dw_build_id_of(Elf *elf);

/* Of the file at @path; none where it cannot be read. */
struct dw_build_id dw_build_id_of_file(const char *path);

/*
 * Of what was loaded to where the @n bytes at @begin were read, its first ones; they may be
 * changed. Return: whether it is a program or library; it may have none.
 */
bool dw_build_id_of_memory(void *begin, size_t n, struct dw_build_id *ret);

/* Whether both have the same one; none is the same as none. */
bool dw_build_id_equal(const struct dw_build_id *a, const struct dw_build_id *b);
