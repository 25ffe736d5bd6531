/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hashing of 64-bit words and of text. Not for adversaries: a table that is
 * keyed by what a hostile file says must bound its probes.
 *
 * The multiplier is 2^64 divided by the golden ratio (Knuth, The Art of
 * Computer Programming, volume 3, section 6.4).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DW_HASH_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/*
 * Two more, for words that are multiplied beside each other: those of SplitMix64 (Steele, Lea and
 * Flood, Fast Splittable Pseudorandom Number Generators, 2014).
 */
#define DW_HASH_SECOND UINT64_C(0xbf58476d1ce4e5b9)
#define DW_HASH_THIRD UINT64_C(0x94d049bb133111eb)

/* Mixes @word into @hash; the high bits of the result are the good ones. */
static inline uint64_t dw_hash(uint64_t hash, uint64_t word)
{
	uint64_t h = (hash ^ word) * DW_HASH_GOLDEN;

	return h ^ (h >> 32);
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo): the same on every machine and in every version. */
static inline uint64_t dw_hash_text(uint64_t hash, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#define DW_HASH_TEXT_START UINT64_C(0xcbf29ce484222325)
