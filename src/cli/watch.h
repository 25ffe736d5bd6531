/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watch over a running process: looks at the picture in its recording while it is written.
 *
 * A look costs a few loads for each living thread. Only if something could be stuck (somebody
 * waits as before for a lock, for an answer, or holding one) the kernel is asked which threads
 * have run; and only if some have not, there is reason for a closer look.
 *
 * The process may write anything at any time: nothing in the mapping is believed to be sound.
 *
 * Single-threaded.
 */
#pragma once

#include "analysis/now.h"
#include "base/cleanup.h"
#include "record/writer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dw_watch;

/* @writer is the mapped recording, and must outlive the watch. Return: 0, or -ENOMEM. */
int dw_watch_new(struct dw_watch **ret, const struct dw_writer *writer, pid_t pid);
struct dw_watch *dw_watch_free(struct dw_watch *watch);

enum dw_watch_answer {
	DW_WATCH_QUIET = 0,
	DW_WATCH_SUSPECT = 1, /* something may be stuck */
};

/*
 * Looks, at @now_ns. @closely: a closer look can be taken now; if not, that one is due is not said.
 *
 * Return: a dw_watch_answer, or -ENOMEM.
 */
int dw_watch_look(struct dw_watch *watch, uint64_t now_ns, bool closely);

/*
 * The same of a process that has ended: nothing runs any more, and what was the same at the
 * last look and is still the same now was so all the while.
 */
int dw_watch_look_back(struct dw_watch *watch, uint64_t now_ns);

/*
 * What was seen of all threads up to number @n_threads - 1, for the analysis: by thread number.
 * Lives until the next call. NULL: no memory.
 */
const struct dw_now_look *dw_watch_looks(struct dw_watch *watch, uint32_t n_threads,
					 uint64_t now_ns);

/*
 * A thread that waits on a word of memory says nothing of what the word is: its stack does. To
 * see that, the thread has to be stopped; so it is asked for once in a wait, when that has
 * lasted for @patience_ns; and later and later, where it was no lock before.
 *
 * Return: the number of the next thread to be asked about at @now_ns; 0: there is none. It is not
 * returned again.
 */
uint32_t dw_watch_next_word(struct dw_watch *watch, uint64_t now_ns, uint64_t patience_ns);

/* The word that thread @number waits on is a lock. Forgotten when the wait is over. */
void dw_watch_note_lock(struct dw_watch *watch, uint32_t number);

/* A closer look has taken @spent_ns: the next one is put off if that was long. */
void dw_watch_spent(struct dw_watch *watch, uint64_t now_ns, uint64_t spent_ns);

/*
 * The second look: whether the @n threads with these numbers, but for those that poll or run
 * (dw_now_look), are still as they were at the last one, and none of them was stopped.
 */
bool dw_watch_confirm(struct dw_watch *watch, const struct dw_found_leg *legs, uint32_t n);

/* The kernel's number of thread @number; 0: it is not there. */
pid_t dw_watch_tid(const struct dw_watch *watch, uint32_t number);

/*
 * Writes the name that thread @number has now into its record: the kernel knows it, whatever way
 * it was given. A name that is just the process's is none.
 */
void dw_watch_note_name(const struct dw_watch *watch, uint32_t number);

DW_DEFINE_AUTO(watch)
