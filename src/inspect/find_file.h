/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the files of a core are on this machine.
 *
 * Single-threaded.
 */
#pragma once

#include "base/arena.h"
#include "symbol/build_id.h"

/*
 * The file that process had at @path, and of which @id is known, or nothing. It is looked for
 * below @sysroot, if that is not NULL: at its path, and by its base name alone; then here, at
 * its path and by its build id. What has another build id is another file. Outside of @sysroot
 * only what has the same one is taken.
 *
 * Return: its path, the arena's; NULL: it is not there, or there is no memory.
 */
const char *dw_find_file(struct dw_arena *arena, const char *path, const struct dw_build_id *id,
			 const char *sysroot);
