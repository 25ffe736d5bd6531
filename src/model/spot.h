/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spots: places of a program that are recognised in another run of the same build.
 *
 * A spot is a hash: of the file and line that the program itself gave for its call, or else of the
 * two innermost frames of the call's stack. Two, because many a lock is taken in a wrapper. Of a
 * frame count the path of the file that it is in, and the offset there; so neither where things
 * were loaded counts, nor how files are numbered.
 */
#pragma once

#include "base/hash.h"

#include <stdint.h>
#include <string.h>

#define DW_SPOT_FRAMES 2

static inline uint64_t dw_spot_of_hint(const char *file, uint32_t line)
{
	return dw_hash(dw_hash_text(DW_HASH_TEXT_START, file, strlen(file)), line) | 1;
}

/* Begin with 1. @path_hash: FNV-1a of the file's path; 0: it is in none. */
static inline uint64_t dw_spot_add_frame(uint64_t spot, uint64_t path_hash, uint64_t offset)
{
	return dw_hash(dw_hash(spot, path_hash), offset) | 1;
}
