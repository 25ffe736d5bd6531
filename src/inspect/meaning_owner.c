/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a lock, and how many readers it has, as far as the lock itself says. */
#include "inspect/meaning_layout.h"
#include "inspect/meaning_parts.h"

#include <linux/futex.h>

/* glibc on x86-64: a FILE's lock, and the block of the thread that it points to, which points to
 * itself twice. */
#define GLIBC_FILE_OWNER 8
#define GLIBC_BLOCK_SELF 16
#define GLIBC_BLOCK_NUMBER 0x2d0

/* musl: how many readers there are; all bits: a writer. */
#define MUSL_RWLOCK_MASK 0x7fffffff

/* Of a word that the kernel knows as a lock with priority inheritance. */
#define PI_OWNER_MASK FUTEX_TID_MASK

/* Rust: how many readers there are; all bits: a writer. */
#define RUST_RWLOCK_MASK 0x3fffffff

/*
 * The number of the thread whose block a FILE's lock at @address points to. Of another lock of the
 * library's, what is read there points to nothing that looks like a block. 0: it is none.
 */
static uint32_t owner_of_file(const struct dw_asleep *reader, uint64_t address)
{
	uint64_t block, head[GLIBC_BLOCK_SELF / sizeof(uint64_t) + 1];
	uint32_t number = 0;

	if (!dw_meaning_read(reader, address + GLIBC_FILE_OWNER, &block, sizeof(block)) || !block ||
	    !dw_meaning_read(reader, block, head, sizeof(head)))
		return 0;
	if (head[0] != block || head[GLIBC_BLOCK_SELF / sizeof(uint64_t)] != block)
		return 0;
	return dw_meaning_read_word(reader, block + GLIBC_BLOCK_NUMBER, &number) ? number : 0;
}

uint32_t dw_meaning_owner(const struct dw_asleep *reader, enum dw_owner_place place,
			  uint64_t address)
{
	uint32_t word = 0;

	switch (place) {
	case DW_OWNER_NONE:
	case DW_OWNER_RUST_RWLOCK:
	case DW_OWNER_MUSL_RWLOCK:
		break;
	case DW_OWNER_GLIBC_MUTEX:
		/* Who lets go of it takes its number away before it opens the lock. */
		if (!dw_meaning_read_word(reader, address, &word) || !word)
			return 0;
		return dw_meaning_read_word(reader, address + GLIBC_MUTEX_OWNER, &word) ? word : 0;
	case DW_OWNER_GLIBC_RWLOCK:
		return dw_meaning_read_word(reader, address + GLIBC_RWLOCK_WRITER, &word) ? word
											  : 0;
	case DW_OWNER_GLIBC_FILE:
		return owner_of_file(reader, address);
	case DW_OWNER_PI_WORD:
		return dw_meaning_read_word(reader, address, &word) ? word & PI_OWNER_MASK : 0;
	case DW_OWNER_MUSL_MUTEX:
		if (!dw_meaning_read_word(reader, address + MUSL_MUTEX_WORD, &word))
			return 0;
		word &= MUSL_OWNER_MASK;
		return word == MUSL_NORMAL ? 0 : word;
	}
	return 0;
}

/* As many as the bits of @mask say, of which all stand for a writer. */
static uint32_t readers_in(uint32_t word, uint32_t mask)
{
	return (word & mask) == mask ? 0 : word & mask;
}

uint32_t dw_meaning_readers(const struct dw_asleep *reader, enum dw_owner_place place,
			    uint64_t address)
{
	uint32_t word;

	if (!dw_meaning_read_word(reader, address, &word))
		return 0;
	switch (place) {
	case DW_OWNER_GLIBC_RWLOCK:
		return word >> GLIBC_RWLOCK_READER_SHIFT;
	case DW_OWNER_RUST_RWLOCK:
		return readers_in(word, RUST_RWLOCK_MASK);
	case DW_OWNER_MUSL_RWLOCK:
		return readers_in(word, MUSL_RWLOCK_MASK);
	case DW_OWNER_NONE:
	case DW_OWNER_GLIBC_MUTEX:
	case DW_OWNER_MUSL_MUTEX:
	case DW_OWNER_GLIBC_FILE:
	case DW_OWNER_PI_WORD:
		break;
	}
	return 0;
}
