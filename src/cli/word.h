/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words of memory that threads wait on, and which of them are locks.
 *
 * Languages and libraries take locks of their own without a call: nothing is known of such a
 * lock until somebody has to wait for it, and then it looks like any other wait on a word, which
 * may well be meant to have no end. The thread's stack tells: it is in a function that takes a
 * lock, and does nothing else (wrapper.h).
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"

#include <stdint.h>
#include <sys/types.h>

struct dw_watch;
struct dw_words;

/* @watch must outlive the words. Return: 0, or -ENOMEM. */
int dw_words_new(struct dw_words **ret, struct dw_watch *watch, pid_t pid);
struct dw_words *dw_words_free(struct dw_words *words);

/*
 * Tells the watch which of the threads that have waited on a word for @patience_ns at @now_ns wait
 * for a lock. Each is asked about once in a wait, and is stopped for that.
 *
 * Return: 0, or a negative errno: nothing could be seen.
 */
int dw_words_look(struct dw_words *words, uint64_t now_ns, uint64_t patience_ns);

DW_DEFINE_AUTO(words)
