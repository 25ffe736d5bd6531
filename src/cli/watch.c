/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/watch_parts.h"

#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Who has polled within this time is still polling: people sleep a second between two tries. */
#define POLLS_NS UINT64_C(2500000000)

/* Looks that are farther apart than this tell nothing of the time in between. */
#define APART_MAX_NS UINT64_C(2000000000)

/* While nothing changes, closer looks become rarer: up to one in this time. */
#define RARE_EARLY_NS UINT64_C(1000000000)
#define RARE_NS UINT64_C(10000000000)

/* So long it takes until nothing new is to be expected: stalls are found by then. */
#define EARLY_NS UINT64_C(20000000000)

/* Of the time, closer looks take one part in so many. */
#define SPENT_PART 20

/* A thread that often waits on a word for long, but not for a lock, is asked about this rarely. */
#define PATIENCE_MAX_NS UINT64_C(60000000000)

int dw_watch_new(struct dw_watch **ret, const struct dw_writer *writer, pid_t pid)
{
	struct dw_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return dw_raise(-ENOMEM);
	watch->writer = writer;
	watch->pid = pid;
	*ret = watch;
	return 0;
}

struct dw_watch *dw_watch_free(struct dw_watch *watch)
{
	if (!watch)
		return NULL;
	free(watch->threads);
	free(watch->looks);
	free(watch);
	return NULL;
}

/* Threads that wait for each other's end; all others who join wait for one that does something. */
static bool waits_for_joiner(const struct dw_watch *watch, const struct dw_glance *at)
{
	const struct dw_watched *other = at->ends_with ? dw_watch_find(watch, at->ends_with) : NULL;
	struct dw_glance others;

	return other && dw_watch_glance(watch, other, &others) && others.waits_for == DW_ENDING;
}

/*
 * Whether this thread could be part of something that is stuck, for all that its slot says. One
 * that holds a lock in a call matters only to those who want the lock.
 */
static bool is_suspect(const struct dw_watch *watch, const struct dw_glance *at, bool same,
		       bool polls)
{
	if (at->polled && polls && (at->top > 0 || at->waits_for == DW_ANSWER))
		return true;
	if (!same)
		return false;
	return at->wants || at->waits_for == DW_ANSWER || waits_for_joiner(watch, at) ||
	       (at->top > 0 && at->waits_for && at->waits_for != DW_CALL);
}

static void look_at(struct dw_watch *watch, struct dw_watched *thread, uint64_t now_ns)
{
	struct dw_glance at;
	bool same;

	thread->is_suspect = false;
	if (!dw_watch_glance(watch, thread, &at))
		return;
	if (thread->signature != at.signature)
		thread->word = DW_WATCHED_WORD_UNKNOWN;
	thread->on_word = at.on_word;
	thread->is_endless = at.is_endless;
	same = thread->same_since && thread->signature == at.signature;
	if (!same) {
		thread->signature = at.signature;
		thread->same_since = now_ns;
	}
	if (at.n_polls != thread->n_polls)
		thread->polled_at = now_ns;
	thread->n_polls = at.n_polls;
	thread->is_suspect = is_suspect(watch, &at, same,
					thread->polled_at && now_ns - thread->polled_at < POLLS_NS);
	thread->is_suspect = thread->is_suspect || (same && thread->word == DW_WATCHED_WORD_LOCK);
}

/* Asks the kernel whether the thread has run. */
static void sample(const struct dw_watch *watch, struct dw_watched *thread, uint64_t now_ns)
{
	struct dw_task_ran ran;

	if (dw_task_ran(watch->pid, thread->tid, &ran) < 0) {
		thread->still_since = 0;
		return;
	}
	if (!thread->still_since || !dw_task_ran_same(&ran, &thread->ran))
		thread->still_since = now_ns;
	thread->ran = ran;
	dw_rans_note(&thread->rans, now_ns, ran.run_ns);
}

static uint64_t suspicion(const struct dw_watch *watch)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < watch->n_threads; i++)
		if (watch->threads[i].is_suspect)
			hash =
			    dw_hash(dw_hash(hash | 1, watch->threads[i].number),
				    watch->threads[i].polled_at ? 0 : watch->threads[i].signature);
	return hash;
}

/* Whether there is reason for a closer look now, after those that there were. */
static bool is_due(struct dw_watch *watch, uint64_t now_ns)
{
	uint64_t now = suspicion(watch), rare;

	if (now != watch->suspicion) {
		watch->suspicion = now;
		watch->suspicion_since = now_ns;
		watch->gap = 0;
		watch->close_at = now_ns;
	}
	if (now == 0 || now_ns < watch->close_at)
		return false;
	rare = now_ns - watch->suspicion_since < EARLY_NS ? RARE_EARLY_NS : RARE_NS;
	watch->gap = watch->gap ? 2 * watch->gap : 1;
	watch->gap = watch->gap < rare ? watch->gap : rare;
	/* The second closer look follows the first at once: it is what the first is compared with.
	 */
	watch->close_at = now_ns + (watch->gap > 1 ? watch->gap : 0);
	if (watch->gap == 1)
		watch->gap = UINT64_C(50000000);
	return true;
}

static void start_over(struct dw_watch *watch)
{
	for (uint32_t i = 0; i < watch->n_threads; i++) {
		watch->threads[i].same_since = 0;
		watch->threads[i].still_since = 0;
		watch->threads[i].polled_at = 0;
		watch->threads[i].rans.n = 0;
	}
}

/* Somebody suspect has not run, or polls, or does the same for a while. */
static bool is_serious(const struct dw_watch *watch, uint64_t now_ns)
{
	for (uint32_t i = 0; i < watch->n_threads; i++) {
		const struct dw_watched *thread = &watch->threads[i];

		if (thread->is_suspect &&
		    (dw_watched_still_ns(thread, now_ns) > 0 || thread->polled_at ||
		     now_ns - thread->same_since > RARE_EARLY_NS))
			return true;
	}
	return false;
}

static void sample_all(struct dw_watch *watch, uint64_t now_ns, bool suspect)
{
	for (uint32_t i = 0; i < watch->n_threads; i++)
		if (watch->threads[i].is_suspect == suspect)
			sample(watch, &watch->threads[i], now_ns);
}

int dw_watch_look(struct dw_watch *watch, uint64_t now_ns, bool closely)
{
	int r;

	r = dw_watch_renew(watch);
	if (r < 0)
		return dw_pass(r);
	if (now_ns - watch->looked_at > APART_MAX_NS)
		start_over(watch);
	watch->looked_at = now_ns;
	for (uint32_t i = 0; i < watch->n_threads; i++)
		look_at(watch, &watch->threads[i], now_ns);
	if (!closely || !is_due(watch, now_ns))
		return DW_WATCH_QUIET;
	sample_all(watch, now_ns, /* suspect= */ true);
	if (!is_serious(watch, now_ns))
		return DW_WATCH_QUIET;
	sample_all(watch, now_ns, /* suspect= */ false);
	dw_watch_note_held(watch, now_ns);
	return DW_WATCH_SUSPECT;
}

int dw_watch_look_back(struct dw_watch *watch, uint64_t now_ns)
{
	bool any = false;

	for (uint32_t i = 0; i < watch->n_threads; i++) {
		struct dw_watched *thread = &watch->threads[i];
		uint64_t before = thread->signature;

		look_at(watch, thread, now_ns);
		thread->still_since = before == thread->signature ? thread->same_since : 0;
		any = any || thread->is_suspect;
	}
	return any ? DW_WATCH_SUSPECT : DW_WATCH_QUIET;
}

/* Who sleeps in a wait without a limit has asked before, and does not any more. */
static bool polls(const struct dw_watched *thread, uint64_t now_ns)
{
	return thread->polled_at && now_ns - thread->polled_at < POLLS_NS &&
	       !(thread->is_endless && dw_watched_still_ns(thread, now_ns) > 0);
}

const struct dw_now_look *dw_watch_looks(struct dw_watch *watch, uint32_t n_threads,
					 uint64_t now_ns)
{
	if (n_threads > watch->looks_room) {
		free(watch->looks);
		watch->looks = calloc(n_threads, sizeof(*watch->looks));
		watch->looks_room = watch->looks ? n_threads : 0;
	}
	if (!watch->looks)
		return NULL;
	memset(watch->looks, 0, watch->looks_room * sizeof(*watch->looks));
	for (uint32_t i = 0; i < watch->n_threads; i++) {
		const struct dw_watched *thread = &watch->threads[i];

		if (thread->number < n_threads)
			watch->looks[thread->number] = (struct dw_now_look){
			    .same_ns = thread->same_since ? now_ns - thread->same_since : 0,
			    .still_ns = dw_watched_still_ns(thread, now_ns),
			    .polls = polls(thread, now_ns),
			    .at_lock = thread->word == DW_WATCHED_WORD_LOCK,
			    .rans = &thread->rans,
			};
	}
	return watch->looks;
}

uint32_t dw_watch_next_word(struct dw_watch *watch, uint64_t now_ns, uint64_t patience_ns)
{
	for (uint32_t i = 0; i < watch->n_threads; i++) {
		struct dw_watched *thread = &watch->threads[i];
		uint64_t same_ns = thread->same_since ? now_ns - thread->same_since : 0;
		uint64_t after_ns =
		    2 * thread->asked_ns < PATIENCE_MAX_NS ? 2 * thread->asked_ns : PATIENCE_MAX_NS;

		if (!thread->on_word || thread->word != DW_WATCHED_WORD_UNKNOWN ||
		    same_ns < patience_ns || same_ns < after_ns)
			continue;
		thread->word = DW_WATCHED_WORD_ASKED;
		thread->asked_ns = same_ns;
		return thread->number;
	}
	return 0;
}

void dw_watch_note_lock(struct dw_watch *watch, uint32_t number)
{
	struct dw_watched *thread = dw_watch_find(watch, number);

	if (!thread)
		return;
	thread->word = DW_WATCHED_WORD_LOCK;
	thread->asked_ns = 0;
}

void dw_watch_spent(struct dw_watch *watch, uint64_t now_ns, uint64_t spent_ns)
{
	if (watch->close_at < now_ns + SPENT_PART * spent_ns)
		watch->close_at = now_ns + SPENT_PART * spent_ns;
}

/* Who does not run must not have done so since, nor just wait for a processor. */
static bool is_as_before(const struct dw_watch *watch, const struct dw_watched *thread, char state)
{
	const struct dw_now_look *look = &watch->looks[thread->number];
	struct dw_task_ran ran;
	struct dw_glance at;

	if (look->polls)
		return true;
	if (dw_watch_glance(watch, thread, &at) && at.signature != thread->signature)
		return false;
	if (look->still_ns == 0)
		return true;
	return state != 'R' && dw_task_ran(watch->pid, thread->tid, &ran) == 0 &&
	       dw_task_ran_same(&ran, &thread->ran);
}

bool dw_watch_confirm(struct dw_watch *watch, const struct dw_found_leg *legs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct dw_watched *thread = dw_watch_find(watch, legs[i].thread);
		char state = thread ? dw_task_state(watch->pid, thread->tid) : 0;

		if (!thread)
			continue;
		if (state == 'T' || state == 't') {
			start_over(watch);
			return false;
		}
		if (!is_as_before(watch, thread, state))
			return false;
	}
	return true;
}

pid_t dw_watch_tid(const struct dw_watch *watch, uint32_t number)
{
	const struct dw_watched *thread = dw_watch_find(watch, number);

	return thread ? thread->tid : 0;
}

void dw_watch_note_name(const struct dw_watch *watch, uint32_t number)
{
	const struct dw_watched *thread = dw_watch_find(watch, number);
	struct dw_rec_thread *record =
	    thread ? dw_writer_record(watch->writer, thread->record) : NULL;
	char name[DW_TASK_NAME_SIZE], program[DW_TASK_NAME_SIZE];

	if (!record || dw_task_name(watch->pid, thread->tid, name) < 0 ||
	    dw_task_name(watch->pid, watch->pid, program) < 0)
		return;
	if (thread->tid != watch->pid && strcmp(name, program) != 0)
		memcpy(record->name, name, sizeof(name));
}
