/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the loader calls a file. Programs ask for a library by the name that it says of itself
 * (libx.so.0), which is a link to the file (libx.so.0.7400.6). The kernel knows the file, the
 * shim the name: recordings of both are to say the same.
 *
 * Internal to the collector.
 */
#pragma once

#include "inspect/map.h"

#include <stddef.h>

/* Fills @ret, of @size, with the path of @map's file by which it was loaded, as far as is known. */
void dw_soname_path(const struct dw_map *map, char *ret, size_t size);
