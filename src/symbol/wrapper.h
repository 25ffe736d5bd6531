/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that say nothing about where something was done: the wrappers around calls of
 * locks and waits, at a stack's inner end, and the entries of threads and programs, at its outer
 * end.
 *
 * @function and @module (base name of a file) may be NULL.
 */
#pragma once

#include <stdbool.h>

/*
 * Whether a frame does no more than take, release or make a lock, wait for or post a
 * condition, for its caller.
 */
bool dw_wrapper_is_lock(const char *function, const char *module);

/*
 * Whether a function does no more than take a lock that is a word of memory, without any call
 * of the C library's that could be seen, and is inside itself only while it waits for that lock.
 */
bool dw_wrapper_is_word_lock(const char *function);

/* Whether a function takes one and the same lock for all its callers. */
bool dw_wrapper_is_of_one_lock(const char *function);

/* Whether a function does no more than wait on a word, whatever that may be, for its caller. */
bool dw_wrapper_is_word_wait(const char *function);

/* Whether a file is the C library or the loader: what is done in there is done for others. */
bool dw_wrapper_is_system(const char *module);

/* Whether a frame that has none but such outside it starts a thread or a program. */
bool dw_wrapper_is_entry(const char *function, const char *module);

/* Whether a hint's @file is that of a wrapper, so that it says nothing about the caller. */
bool dw_wrapper_is_hint(const char *file);
