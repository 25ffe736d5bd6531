/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading numbers as DWARF writes them. Memory is the program's own and was made by a linker. */
#pragma once

#include <stdint.h>
#include <string.h>

static inline uint64_t cfi_read(const uint8_t **at, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, *at, size);
	*at += size;
	return value;
}

static inline int64_t cfi_read_signed(const uint8_t **at, unsigned size)
{
	uint64_t value = cfi_read(at, size);
	unsigned unused = 64 - 8 * size;

	return (int64_t)(value << unused) >> unused;
}

static inline uint64_t cfi_read_uleb(const uint8_t **at)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = *(*at)++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

static inline int64_t cfi_read_sleb(const uint8_t **at)
{
	const uint8_t *last = *at;
	uint64_t value = cfi_read_uleb(at);
	unsigned bits = (unsigned)(*at - last) * 7;

	if (bits < 64 && (*at)[-1] & 0x40)
		value |= ~UINT64_C(0) << bits;
	return (int64_t)value;
}
