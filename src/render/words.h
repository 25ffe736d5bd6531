/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings in words, for those renderers that people read. All texts are static.
 */
#pragma once

#include <stdint.h>

/* What a word for @n of something ends with: "s", or "" for one. */
const char *dw_words_plural(uint64_t n);

/* The word of DW_MISUSES, or "?". */
const char *dw_words_misuse(unsigned misuse);

/* What a thread does in a misuse: "unlocks" (a lock) ", which it does not hold". */
struct dw_words_deed {
	const char *verb;
	const char *rest;
};
struct dw_words_deed dw_words_deed(unsigned misuse);

/* How a lock was taken, if not just taken: " (for reading)"; "" where there is nothing to say. */
const char *dw_words_how(unsigned how);

/* "SIGPIPE"; "a real-time signal" for those that have no name. */
const char *dw_words_signal(unsigned number);

/* When a stack is that of a lock's taking: "first taken at". */
const char *dw_words_taken(unsigned how);

/* Why a stack with these flags ends where it does: a sentence; NULL: nothing was said. */
const char *dw_words_end(uint32_t flags);

/* The word of DW_STACK_END_KINDS; NULL: it does not end, or that is not known. */
const char *dw_words_end_kind(uint32_t flags);

/* The word of DW_LOSSES; NULL for a number that has none. */
const char *dw_words_loss(unsigned loss);

/* The bits of enum dw_found_flag: a word for each, or NULL for a number that is none. */
const char *dw_words_found(unsigned flag);

/* A guest's exit, KVM_EXIT_... of linux/kvm.h: "an", "MMIO"; `word` is NULL for one not named. */
struct dw_words_exit {
	const char *article;
	const char *word;
};
struct dw_words_exit dw_words_exit(unsigned exit);
