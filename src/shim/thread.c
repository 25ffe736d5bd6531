/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lives of threads: made, joined, named, ended.
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

static void set_name(uint32_t record, const char *name)
{
	char *to = record_of(record)->name;
	size_t n = strnlen(name, DW_REC_NAME_SIZE - 1);

	memcpy(to, name, n);
	to[n] = '\0';
}

/* Whatever way the thread got its name, if it has one of its own, the kernel knows it. */
static void learn_name(struct shim_thread *t)
{
	char name[DW_REC_NAME_SIZE] = "", program[DW_REC_NAME_SIZE] = "";

	if (shim->writer.sealed || record_of(t->record)->name[0])
		return;
	memcpy(program, shim->name, sizeof(program));
	if (prctl(PR_GET_NAME, name) == 0 && strncmp(name, program, sizeof(name)))
		set_name(t->record, name);
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

	shim_teller.revise(&t->thread);
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
		shim_note_plain(t, DW_EXIT, 0, 0);
	}
	learn_name(t);
	record_of(t->record)->flags |= DW_THREAD_EXITED;
	shim_self = &shim_gone;
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

static void *run(void *argument)
{
	struct shim_thread *t = argument;
	void *(*start)(void *) = t->start;
	void *start_argument = t->start_argument;

	shim_thread_enter(t, 0);
	return start(start_argument);
}

static int run_c11(void *argument)
{
	struct shim_thread *t = argument;
	int (*start)(void *) = t->start_c11;
	void *start_argument = t->start_argument;

	shim_thread_enter(t, 0);
	return start(start_argument);
}

/* The state of a thread that @t is about to make; NULL: it will be a stranger. */
static struct shim_thread *conceive(struct shim_thread *t, uint64_t caller, void *argument)
{
	struct shim_thread *child = shim_thread_new();
	uint32_t open = t->thread.open;

	if (!child)
		return NULL;
	t->thread.open = 0;
	child->birth = shim_stack(t, caller);
	t->thread.open = open;
	child->parent = t->thread.number;
	child->parent_segment = t->thread.segment;
	child->start_argument = argument;
	return child;
}

/*
 * What the maker does from now on belongs to a new segment. It may join the child before that
 * has run at all, so it registers the handle if the child has not; a child that has ended, with
 * its state in other hands, has another number.
 */
static void delivered(struct shim_thread *t, struct shim_thread *child, uint32_t number,
		      pthread_t handle)
{
	if (child->thread.number == number && !__atomic_load_n(&child->entered, __ATOMIC_ACQUIRE))
		shim_roll_add_handle(handle, number, 0);
	dw_thread_new_segment(&t->thread);
	shim_note_plain(t, DW_BORN, 0, number);
}

SHIM int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
			void *argument)
{
	uint64_t caller = SHIM_CALLER;
	struct shim_thread *t = shim_tracked(caller);
	struct shim_thread *child = t ? conceive(t, caller, argument) : NULL;
	uint32_t number;
	int r;

	if (!child)
		return shim_real.pthread_create(thread, attributes, start, argument);
	child->start = start;
	number = child->thread.number;
	r = shim_real.pthread_create(thread, attributes, run, child);
	if (r == 0)
		delivered(t, child, number, *thread);
	else
		shim_thread_free(child);
	return r;
}

SHIM int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
	uint64_t caller = SHIM_CALLER;
	struct shim_thread *t = shim_tracked(caller);
	struct shim_thread *child = t ? conceive(t, caller, argument) : NULL;
	uint32_t number;
	int r;

	if (!child)
		return shim_real.thrd_create(thread, start, argument);
	child->start_c11 = start;
	number = child->thread.number;
	r = shim_real.thrd_create(thread, run_c11, child);
	if (r == thrd_success)
		delivered(t, child, number, *thread);
	else
		shim_thread_free(child);
	return r;
}

/* The thread @number has ended, and its handle may be given to another. */
static void joined(struct shim_thread *t, pthread_t handle, uint32_t number)
{
	struct dw_rec_joined *told;

	shim_roll_remove_handle(handle, number);
	dw_thread_new_segment(&t->thread);
	told = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*told));
	if (!told)
		return;
	told->thread = t->thread.number;
	told->segment = t->thread.segment;
	told->other = number;
	dw_writer_submit(&shim->writer, told, DW_REC_JOINED);
	shim_note_plain(t, DW_JOIN, 0, number);
}

#define JOIN(call, success)                                     \
	struct shim_thread *t = shim_tracked(SHIM_CALLER);      \
	uint64_t known = t ? shim_roll_find_handle(thread) : 0; \
	int r = shim_real.call;                                 \
                                                                \
	if (known && r == (success))                            \
		joined(t, thread, (uint32_t)known);             \
	return r

SHIM int pthread_join(pthread_t thread, void **value)
{
	JOIN(pthread_join(thread, value), 0);
}

SHIM int pthread_tryjoin_np(pthread_t thread, void **value)
{
	JOIN(pthread_tryjoin_np(thread, value), 0);
}

SHIM int pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *time)
{
	JOIN(pthread_timedjoin_np(thread, value, time), 0);
}

SHIM int pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
			      const struct timespec *time)
{
	JOIN(pthread_clockjoin_np(thread, value, clock, time), 0);
}

SHIM int thrd_join(thrd_t thread, int *value)
{
	JOIN(thrd_join(thread, value), thrd_success);
}

SHIM int pthread_setname_np(pthread_t thread, const char *name)
{
	struct shim_thread *t = shim_tracked(SHIM_CALLER);
	int r = shim_real.pthread_setname_np(thread, name);
	uint32_t record = r == 0 && t ? (uint32_t)(shim_roll_find_handle(thread) >> 32) : 0;

	if (record)
		set_name(record, name);
	return r;
}
