/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a watch: watch_thread.c reads the recording, watch_held.c writes into it for how
 * long locks were held, watch.c decides when a closer look is due and what it comes to.
 *
 * Internal to these.
 */
#pragma once

#include "cli/watch.h"
#include "inspect/task.h"

/* What is known of a word that is waited on. */
enum dw_watched_word { DW_WATCHED_WORD_UNKNOWN, DW_WATCHED_WORD_ASKED, DW_WATCHED_WORD_LOCK };

/* A thread that lives, as far as is known. */
struct dw_watched {
	uint32_t record; /* id */
	uint32_t number;
	pid_t tid;
	uint64_t signature; /* of its slot */
	uint64_t same_since;
	struct dw_task_ran ran;
	struct dw_rans rans;
	uint64_t still_since; /* it has not run since; 0: that is not known */
	uint32_t n_polls;
	uint64_t polled_at; /* 0: it was not seen to */
	uint64_t asked_ns;  /* so long it had waited on a word when that was asked about last */
	enum dw_watched_word word;
	bool on_word;
	bool is_endless; /* as in dw_glance */
	bool is_suspect;
};

/* What of a slot decides whether it is suspect. */
struct dw_glance {
	uint64_t wants;
	uint64_t signature;
	uint32_t top;
	uint32_t n_polls;
	uint32_t ends_with; /* thread number: it waits for that one's end; 0: it does not */
	uint8_t waits_for;  /* enum dw_thing_kind; 0: nothing */
	bool on_word;       /* of memory, and for ever */
	bool is_endless;    /* it waits without a limit for what others have to give */
	bool polled;
};

struct dw_watch {
	const struct dw_writer *writer;
	pid_t pid;
	struct dw_watched *threads;
	uint32_t n_threads, room;
	uint32_t newest; /* id of the thread record that was met first at the last look */
	uint64_t looked_at;
	uint64_t suspicion; /* hash of who is suspect */
	uint64_t suspicion_since, close_at, gap;
	struct dw_now_look *looks;
	uint32_t looks_room;
};

static inline uint64_t dw_watched_still_ns(const struct dw_watched *thread, uint64_t now_ns)
{
	uint64_t since =
	    thread->still_since > thread->same_since ? thread->still_since : thread->same_since;

	return thread->still_since ? now_ns - since : 0;
}

/* Forgets threads that have ended, and finds those that are new. Return: 0, or -ENOMEM. */
int dw_watch_renew(struct dw_watch *watch);

/* All that the slot's mapping has to be, to be read. NULL: it is not, or there is none. */
const struct dw_slot *dw_watch_slot(const struct dw_watch *watch, const struct dw_watched *thread);

/* What the thread's slot shows. Return: whether it has one. */
bool dw_watch_glance(const struct dw_watch *watch, const struct dw_watched *thread,
		     struct dw_glance *ret);

/* The thread with @number; NULL: it is not watched. */
struct dw_watched *dw_watch_find(const struct dw_watch *watch, uint32_t number);

/* As long as nobody of those who wait for a lock was woken, it was not let go: it was held. */
void dw_watch_note_held(const struct dw_watch *watch, uint64_t now_ns);
