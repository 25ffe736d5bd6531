/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/watch.h"

#include "base/error.h"
#include "base/hash.h"
#include "inspect/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Entries of a slot that are compared from look to look; what lies deeper rarely changes alone. */
#define COMPARED_MAX 64

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

/* Locks that are waited for at once whose holders get to know it. */
#define WAITED_MAX 64

/* A thread that often waits on a word for long, but not for a lock, is asked about this rarely. */
#define PATIENCE_MAX_NS UINT64_C(60000000000)

/* What is known of a word that is waited on. */
enum word { WORD_UNKNOWN, WORD_ASKED, WORD_LOCK };

/* A thread that lives, as far as is known. */
struct watched {
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
	enum word word;
	bool on_word;
	bool is_suspect;
};

/* What of a slot decides whether it is suspect. */
struct glance {
	uint64_t wants;
	uint64_t signature;
	uint32_t top;
	uint32_t n_polls;
	uint32_t ends_with; /* thread number: it waits for that one's end; 0: it does not */
	uint8_t waits_for;  /* enum dw_thing_kind; 0: nothing */
	bool on_word;       /* of memory, and for ever */
	bool polled;
};

struct dw_watch {
	const struct dw_writer *writer;
	pid_t pid;
	struct watched *threads;
	uint32_t n_threads, room;
	uint32_t newest; /* id of the thread record that was met first at the last look */
	uint64_t looked_at;
	uint64_t suspicion; /* hash of who is suspect */
	uint64_t suspicion_since, close_at, gap;
	struct dw_now_look *looks;
	uint32_t looks_room;
};

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

static const struct dw_rec_thread *thread_at(const struct dw_watch *watch, uint32_t id)
{
	return dw_writer_find(watch->writer, id, DW_REC_THREAD, sizeof(struct dw_rec_thread));
}

static int add_thread(struct dw_watch *watch, uint32_t id, const struct dw_rec_thread *record)
{
	uint32_t room = watch->room ? 2 * watch->room : 64;
	struct watched *grown;

	if (watch->n_threads == watch->room) {
		grown = reallocarray(watch->threads, room, sizeof(*grown));
		if (!grown)
			return dw_raise(-ENOMEM);
		watch->threads = grown;
		watch->room = room;
	}
	watch->threads[watch->n_threads++] =
	    (struct watched){.record = id, .number = record->number, .tid = (pid_t)record->tid};
	return 0;
}

static bool has_ended(const struct dw_rec_thread *record)
{
	return !record || __atomic_load_n(&record->flags, __ATOMIC_RELAXED) & DW_THREAD_EXITED;
}

/* From the latest thread to those that are known: no more steps than there are threads. */
static int find_new(struct dw_watch *watch)
{
	uint32_t last = __atomic_load_n(&watch->writer->header->last_thread, __ATOMIC_ACQUIRE);
	uint32_t n_max = watch->writer->header->n_threads, id = last;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i <= n_max && id != watch->newest; i++) {
		const struct dw_rec_thread *record = thread_at(watch, id);

		if (!record)
			break;
		if (!has_ended(record))
			r = add_thread(watch, id, record);
		id = record->before;
	}
	watch->newest = last;
	return r < 0 ? dw_pass(r) : 0;
}

static void forget_ended(struct dw_watch *watch)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < watch->n_threads; i++)
		if (!has_ended(thread_at(watch, watch->threads[i].record)))
			watch->threads[n++] = watch->threads[i];
	watch->n_threads = n;
}

/* All that the slot's mapping has to be, to be read. */
static const struct dw_slot *slot_of(const struct dw_watch *watch, const struct watched *thread)
{
	const struct dw_rec_thread *record = thread_at(watch, thread->record);
	const struct dw_rec_slot *slot = NULL;

	if (record)
		slot =
		    dw_writer_find(watch->writer, __atomic_load_n(&record->slot, __ATOMIC_ACQUIRE),
				   DW_REC_SLOT, sizeof(*slot));
	if (!slot || dw_slot_size(slot->slot.max) > slot->head.size - sizeof(slot->head) ||
	    slot->slot.top > slot->slot.max)
		return NULL;
	return &slot->slot;
}

static uint64_t hash_held(uint64_t hash, const struct dw_held *held)
{
	return dw_hash(dw_hash(hash, held->thing), held->chain);
}

/* Return: whether the thread has a slot. */
static bool glance(const struct dw_watch *watch, const struct watched *thread, struct glance *ret)
{
	const struct dw_slot *slot = slot_of(watch, thread);
	struct dw_held waits;
	uint32_t top;

	if (!slot)
		return false;
	top = slot->top;
	waits = slot->waits;
	if (top > slot->max)
		return false;
	*ret = (struct glance){.wants = slot->wants, .top = top, .n_polls = slot->n_polls};
	ret->waits_for = waits.thing ? waits.what : 0;
	ret->on_word = dw_is_word(ret->waits_for) && !ret->wants && !(waits.how & DW_TIMED);
	ret->ends_with = ret->waits_for == DW_ENDING ? dw_thing_number(waits.thing) : 0;
	ret->polled = slot->held[top].polled;
	ret->signature = dw_hash(hash_held(dw_hash(top + 1, ret->wants), &waits), slot->n_idles);
	ret->signature = dw_hash(ret->signature, waits.deeper);
	for (uint32_t i = 1; i <= top && i < COMPARED_MAX; i++)
		ret->signature = hash_held(ret->signature, &slot->held[i]);
	return true;
}

static struct watched *find(const struct dw_watch *watch, uint32_t number)
{
	for (uint32_t i = 0; i < watch->n_threads; i++)
		if (watch->threads[i].number == number)
			return &watch->threads[i];
	return NULL;
}

/* Threads that wait for each other's end; all others who join wait for one that does something. */
static bool waits_for_joiner(const struct dw_watch *watch, const struct glance *at)
{
	const struct watched *other = at->ends_with ? find(watch, at->ends_with) : NULL;
	struct glance others;

	return other && glance(watch, other, &others) && others.waits_for == DW_ENDING;
}

/*
 * Whether this thread could be part of something that is stuck, for all that its slot says. One
 * that holds a lock in a call matters only to those who want the lock.
 */
static bool is_suspect(const struct dw_watch *watch, const struct glance *at, bool same, bool polls)
{
	if (at->polled && polls && (at->top > 0 || at->waits_for == DW_ANSWER))
		return true;
	if (!same)
		return false;
	return at->wants || at->waits_for == DW_ANSWER || waits_for_joiner(watch, at) ||
	       (at->top > 0 && at->waits_for && at->waits_for != DW_CALL);
}

static void look_at(struct dw_watch *watch, struct watched *thread, uint64_t now_ns)
{
	struct glance at;
	bool same;

	thread->is_suspect = false;
	if (!glance(watch, thread, &at))
		return;
	if (thread->signature != at.signature)
		thread->word = WORD_UNKNOWN;
	thread->on_word = at.on_word;
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
	thread->is_suspect = thread->is_suspect || (same && thread->word == WORD_LOCK);
}

/* Asks the kernel whether the thread has run. */
static void sample(const struct dw_watch *watch, struct watched *thread, uint64_t now_ns)
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

static uint64_t still_ns(const struct watched *thread, uint64_t now_ns)
{
	uint64_t since =
	    thread->still_since > thread->same_since ? thread->still_since : thread->same_since;

	return thread->still_since ? now_ns - since : 0;
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
		const struct watched *thread = &watch->threads[i];

		if (thread->is_suspect && (still_ns(thread, now_ns) > 0 || thread->polled_at ||
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

/* Locks that are waited for, by their address, and for how long nobody was woken. */
struct waited {
	uint64_t lock;
	uint64_t for_ns;
};

static uint32_t find_waited(const struct dw_watch *watch, uint64_t now_ns,
			    struct waited ret[WAITED_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < watch->n_threads; i++) {
		const struct watched *thread = &watch->threads[i];
		uint64_t for_ns = thread->is_suspect ? still_ns(thread, now_ns) : 0;
		struct glance at;
		uint32_t j = 0;

		if (!for_ns || !glance(watch, thread, &at) || !at.wants)
			continue;
		while (j < n && ret[j].lock != at.wants)
			j++;
		if (j == WAITED_MAX)
			continue;
		if (j == n)
			ret[n++] = (struct waited){.lock = at.wants};
		ret[j].for_ns = for_ns > ret[j].for_ns ? for_ns : ret[j].for_ns;
	}
	return n;
}

static void note_held(const struct dw_watch *watch, const struct dw_held *held,
		      const struct waited *waited, uint32_t n)
{
	const struct dw_rec_chain *found =
	    dw_writer_find(watch->writer, held->chain, DW_REC_CHAIN, sizeof(*found));
	struct dw_rec_chain *chain = (struct dw_rec_chain *)found;

	for (uint32_t i = 0; chain && i < n; i++)
		if (waited[i].lock == held->thing && waited[i].for_ns > chain->held_ns)
			chain->held_ns = waited[i].for_ns;
}

/* As long as nobody of those who wait for a lock was woken, it was not let go. */
static void note_all_held(const struct dw_watch *watch, uint64_t now_ns)
{
	struct waited waited[WAITED_MAX];
	uint32_t n = find_waited(watch, now_ns, waited);

	for (uint32_t i = 0; n > 0 && i < watch->n_threads; i++) {
		const struct dw_slot *slot = slot_of(watch, &watch->threads[i]);
		uint32_t top = slot ? slot->top : 0;

		for (uint32_t j = 1; j <= top && top <= slot->max; j++)
			note_held(watch, &slot->held[j], waited, n);
	}
}

int dw_watch_look(struct dw_watch *watch, uint64_t now_ns)
{
	int r;

	forget_ended(watch);
	r = find_new(watch);
	if (r < 0)
		return dw_pass(r);
	if (now_ns - watch->looked_at > APART_MAX_NS)
		start_over(watch);
	watch->looked_at = now_ns;
	for (uint32_t i = 0; i < watch->n_threads; i++)
		look_at(watch, &watch->threads[i], now_ns);
	if (!is_due(watch, now_ns))
		return DW_WATCH_QUIET;
	sample_all(watch, now_ns, /* suspect= */ true);
	if (!is_serious(watch, now_ns))
		return DW_WATCH_QUIET;
	sample_all(watch, now_ns, /* suspect= */ false);
	note_all_held(watch, now_ns);
	return DW_WATCH_SUSPECT;
}

int dw_watch_look_back(struct dw_watch *watch, uint64_t now_ns)
{
	bool any = false;

	for (uint32_t i = 0; i < watch->n_threads; i++) {
		struct watched *thread = &watch->threads[i];
		uint64_t before = thread->signature;

		look_at(watch, thread, now_ns);
		thread->still_since = before == thread->signature ? thread->same_since : 0;
		any = any || thread->is_suspect;
	}
	return any ? DW_WATCH_SUSPECT : DW_WATCH_QUIET;
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
		const struct watched *thread = &watch->threads[i];

		if (thread->number < n_threads)
			watch->looks[thread->number] = (struct dw_now_look){
			    .same_ns = thread->same_since ? now_ns - thread->same_since : 0,
			    .still_ns = still_ns(thread, now_ns),
			    .polls = thread->polled_at && now_ns - thread->polled_at < POLLS_NS,
			    .at_lock = thread->word == WORD_LOCK,
			    .rans = &thread->rans,
			};
	}
	return watch->looks;
}

uint32_t dw_watch_next_word(struct dw_watch *watch, uint64_t now_ns, uint64_t patience_ns)
{
	for (uint32_t i = 0; i < watch->n_threads; i++) {
		struct watched *thread = &watch->threads[i];
		uint64_t same_ns = thread->same_since ? now_ns - thread->same_since : 0;
		uint64_t after_ns =
		    2 * thread->asked_ns < PATIENCE_MAX_NS ? 2 * thread->asked_ns : PATIENCE_MAX_NS;

		if (!thread->on_word || thread->word != WORD_UNKNOWN || same_ns < patience_ns ||
		    same_ns < after_ns)
			continue;
		thread->word = WORD_ASKED;
		thread->asked_ns = same_ns;
		return thread->number;
	}
	return 0;
}

void dw_watch_note_lock(struct dw_watch *watch, uint32_t number)
{
	struct watched *thread = find(watch, number);

	if (!thread)
		return;
	thread->word = WORD_LOCK;
	thread->asked_ns = 0;
}

void dw_watch_spent(struct dw_watch *watch, uint64_t now_ns, uint64_t spent_ns)
{
	if (watch->close_at < now_ns + SPENT_PART * spent_ns)
		watch->close_at = now_ns + SPENT_PART * spent_ns;
}

/* Who does not run must not have done so since, nor just wait for a processor. */
static bool is_as_before(const struct dw_watch *watch, const struct watched *thread, char state)
{
	const struct dw_now_look *look = &watch->looks[thread->number];
	struct dw_task_ran ran;
	struct glance at;

	if (look->polls)
		return true;
	if (glance(watch, thread, &at) && at.signature != thread->signature)
		return false;
	if (look->still_ns == 0)
		return true;
	return state != 'R' && dw_task_ran(watch->pid, thread->tid, &ran) == 0 &&
	       dw_task_ran_same(&ran, &thread->ran);
}

bool dw_watch_confirm(struct dw_watch *watch, const struct dw_found_leg *legs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct watched *thread = find(watch, legs[i].thread);
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
	const struct watched *thread = find(watch, number);

	return thread ? thread->tid : 0;
}

void dw_watch_note_name(const struct dw_watch *watch, uint32_t number)
{
	const struct watched *thread = find(watch, number);
	struct dw_rec_thread *record =
	    thread ? dw_writer_record(watch->writer, thread->record) : NULL;
	char name[DW_TASK_NAME_SIZE], program[DW_TASK_NAME_SIZE];

	if (!record || dw_task_name(watch->pid, thread->tid, name) < 0 ||
	    dw_task_name(watch->pid, watch->pid, program) < 0)
		return;
	if (thread->tid != watch->pid && strcmp(name, program) != 0)
		memcpy(record->name, name, sizeof(name));
}
