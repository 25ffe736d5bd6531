/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lives of threads: begun, named, ended.
 */
#include "shim/note.h"
#include "shim/real.h"
#include "shim/shim.h"

#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What the unwinder was seen to use, three times over. */
#define OWN_STACK_SIZE 32768

/* A thread that has not begun. */
static struct shim_thread nobody;

struct shim_thread shim_gone, shim_deaf;
SHIM_TLS struct shim_tls shim_tls = {.self = &nobody};

static pthread_key_t end_key;
static bool end_key_made;

/* A thread that tells little must not cost a chunk: the next one goes on where it stopped. */
static void leave_cursor(const struct dw_writer_cursor *cursor)
{
	uint64_t rest = cursor->end / 8 << 32 | cursor->at / 8;

	for (uint32_t i = 0; i < SHIM_SPARE_CURSORS && cursor->at < cursor->end; i++) {
		uint64_t none = 0;

		if (__atomic_compare_exchange_n(&shim->spare_cursors[i], &none, rest, 0,
						__ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
	}
}

static void inherit_cursor(struct dw_writer_cursor *cursor)
{
	for (uint32_t i = 0; i < SHIM_SPARE_CURSORS; i++) {
		uint64_t rest = __atomic_load_n(&shim->spare_cursors[i], __ATOMIC_RELAXED);

		if (rest)
			rest = __atomic_exchange_n(&shim->spare_cursors[i], 0, __ATOMIC_ACQUIRE);
		if (!rest)
			continue;
		cursor->at = (rest & UINT32_MAX) * 8;
		cursor->end = (rest >> 32) * 8;
		return;
	}
}

struct shim_thread *shim_thread_new(void)
{
	struct shim_thread *t = shim_pool_get(sizeof(*t));
	void *stack = shim_pool_get(OWN_STACK_SIZE);

	if (!t || !stack)
		return NULL;
	t->stack_top = (uintptr_t)stack + OWN_STACK_SIZE;
	t->thread.teller = &shim_teller;
	t->thread.number = __atomic_add_fetch(&shim->writer.header->n_threads, 1, __ATOMIC_RELAXED);
	t->thread.segment = 1;
	inherit_cursor(&t->cursor);
	return t;
}

void shim_thread_free(struct shim_thread *t)
{
	leave_cursor(&t->cursor);
	shim_pool_put((void *)(t->stack_top - OWN_STACK_SIZE), OWN_STACK_SIZE);
	shim_pool_put(t, sizeof(*t));
}

static struct dw_rec_thread *record_of(uint32_t id)
{
	return dw_writer_record(&shim->writer, id);
}

/* The list of all threads, from the latest on; see struct dw_rec_header. */
static void push_record(struct dw_rec_thread *record, uint32_t id)
{
	uint32_t *last = &shim->writer.header->last_thread;

	record->before = __atomic_load_n(last, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(last, &record->before, id, 0, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

static bool write_record(struct shim_thread *t, unsigned flags)
{
	struct dw_rec_thread *record =
	    dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*record));

	if (!record)
		return false;
	record->born_ns = dw_writer_now_ns();
	record->number = t->thread.number;
	record->tid = t->tid;
	record->parent = t->parent;
	record->parent_segment = t->parent_segment;
	record->stack = t->birth;
	record->flags = flags;
	t->record = dw_writer_submit(&shim->writer, record, DW_REC_THREAD);
	push_record(record, t->record);
	return true;
}

static void fill_start(struct shim_thread *t)
{
	uint64_t start = t->start ? (uint64_t)t->start : (uint64_t)t->start_c11;

	if (start)
		record_of(t->record)->start = shim_place(t, start);
}

void shim_thread_set_name(uint32_t record, const char *name)
{
	char *to = record_of(record)->name;
	size_t n = strnlen(name, DW_REC_NAME_SIZE - 1);

	memcpy(to, name, n);
	to[n] = '\0';
}

void shim_thread_ask_name(char name[DW_REC_NAME_SIZE])
{
	name[0] = '\0';
	if (!shim->writer.sealed)
		prctl(PR_GET_NAME, name);
}

/*
 * Whatever way the thread got its name, if it has one of its own, the kernel knows it. The main
 * thread has the program's.
 */
static void learn_name(struct shim_thread *t)
{
	const char *inherited = t->inherited[0] ? t->inherited : shim->name;
	const struct dw_rec_thread *record = record_of(t->record);
	char name[DW_REC_NAME_SIZE];

	if (record->name[0] || record->flags & DW_THREAD_MAIN)
		return;
	shim_thread_ask_name(name);
	if (strncmp(name, inherited, sizeof(name)) != 0)
		shim_thread_set_name(t->record, name);
}

bool shim_thread_enter(struct shim_thread *t, unsigned flags)
{
	/* A filter of system calls may forbid to ask. */
	t->tid = shim->writer.sealed ? 0 : (uint32_t)gettid();
	if (!write_record(t, flags)) {
		/* Not to be tried again at every call: the loss is counted. */
		shim_self = &shim_deaf;
		shim_thread_free(t);
		return false;
	}
	fill_start(t);
	shim_roll_add(t->record);
	shim_roll_add_handle(pthread_self(), t->thread.number, t->record);
	/* Its maker may have named it before there was a record to write the name to. */
	learn_name(t);
	__atomic_store_n(&t->entered, 1, __ATOMIC_RELEASE);
	if (end_key_made)
		pthread_setspecific(end_key, t);
	shim_self = t;
	return true;
}

/* What a thread still holds when it ends stays taken for ever, unless it is robust. */
static void check_holding(struct shim_thread *t, uint64_t caller)
{
	const struct dw_slot *slot = t->thread.slot;

	shim_teller.revise(&t->thread, NULL);
	for (uint32_t i = slot->top; i > 0 && !t->thread.unsure; i--) {
		const struct dw_held *held = &slot->held[i];
		struct dw_taking taking = {.thing = held->thing,
					   .caller = caller,
					   .what = held->what,
					   .life = *shim_life(held->thing)};

		if (!(held->how & DW_ROBUST))
			dw_thread_misuse(&t->thread, DW_MISUSE_EXIT, &taking, held->chain);
	}
}

/* Joins wait for it. */
static void tell_ending(struct shim_thread *t, uint64_t caller)
{
	uint64_t ending = dw_thing_address(DW_ENDING, t->thread.number);
	struct dw_taking taking = shim_taking(t, (void *)ending, DW_ENDING, 0, caller);

	dw_thread_post(&t->thread, &taking);
	if (shim_unlikely(t->thread.open & SHIM_EVENTS)) {
		taking.thing = taking.what = 0;
		shim_event(t, DW_EXIT, &taking, 0, 0);
	}
}

/*
 * The last of our destructor's rounds: other destructors of the thread may take locks until
 * the last round, so the end is put off until then.
 */
static void end_thread(void *argument)
{
	struct shim_thread *t = argument;

	if (t != shim_self)
		return;
	if (++t->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		pthread_setspecific(end_key, t);
		return;
	}
	if (t->thread.open) {
		check_holding(t, SHIM_CALLER);
		tell_ending(t, SHIM_CALLER);
	}
	learn_name(t);
	record_of(t->record)->flags |= DW_THREAD_EXITED;
	shim_self = &shim_gone;
	shim_within_free(t);
	dw_thread_end(&t->thread);
	shim_thread_free(t);
}

void shim_thread_init(void)
{
	/* Keys beyond the first 32 need memory from malloc in every thread. */
	end_key_made = pthread_key_create(&end_key, end_thread) == 0 && end_key < 32;
	if (shim_process())
		prctl(PR_GET_NAME, shim->name);
}
