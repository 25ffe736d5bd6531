/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/dump_gather.h"

#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct stack {
	struct dw_dump_stack stack;
	struct stack *next; /* thread::stacks */
};

struct thread {
	struct dw_dump_thread thread;
	struct stack *stacks; /* the latest first */
	bool changed;
	struct thread *next;               /* dw_gather::threads */
	struct thread *next_id, *next_tid; /* dw_gather::by_id, dw_gather::by_tid */
};

#define N_BUCKETS 1024

struct owner {
	struct dw_dump_owner owner;
	struct owner *next; /* dw_gather::owners */
};

struct dw_gather {
	struct dw_arena *arena;
	bool samples;
	struct thread *threads, **last; /* in the order in which they were met */
	struct thread *by_id[N_BUCKETS], *by_tid[N_BUCKETS]; /* by hash of the number */
	struct thread *now; /* NULL: no thread is being spoken of */
	struct owner *owners, **last_owner;
	bool in_stack;
	struct dw_dump_frame *frames; /* room for DW_DUMP_FRAMES_MAX */
	uint32_t n_frames;
	struct dw_dump dump; /* what has been counted */
};

struct dw_gather *dw_gather_new(struct dw_arena *arena, bool samples)
{
	struct dw_gather *gather = dw_arena_alloc(arena, sizeof(*gather));

	if (!gather)
		return NULL;
	gather->frames = dw_arena_alloc(arena, DW_DUMP_FRAMES_MAX * sizeof(*gather->frames));
	if (!gather->frames)
		return NULL;
	gather->arena = arena;
	gather->samples = samples;
	gather->last = &gather->threads;
	gather->last_owner = &gather->owners;
	return gather;
}

static int copy(struct dw_gather *gather, struct dw_piece piece, const char **ret)
{
	const char *text = dw_piece_text(gather->arena, piece);

	if (piece.n > 0 && !text)
		return dw_raise(-ENOMEM);
	*ret = text;
	return 0;
}

/* The system's number is the better one: debuggers count anew each time. */
static struct thread *find(const struct dw_gather *gather, uint32_t id, uint32_t tid)
{
	struct thread *thread;

	for (thread = tid ? gather->by_tid[tid % N_BUCKETS] : NULL; thread;
	     thread = thread->next_tid)
		if (thread->thread.tid == tid)
			return thread;
	for (thread = id ? gather->by_id[id % N_BUCKETS] : NULL; thread; thread = thread->next_id)
		if (thread->thread.id == id && (!tid || !thread->thread.tid))
			return thread;
	return NULL;
}

/* Takes down numbers that it did not have before. A debugger's may change; the first one stays. */
static void number(struct dw_gather *gather, struct thread *thread, uint32_t id, uint32_t tid)
{
	struct thread **bucket;

	if (id && !thread->thread.id) {
		bucket = &gather->by_id[id % N_BUCKETS];
		thread->thread.id = id;
		thread->next_id = *bucket;
		*bucket = thread;
	}
	if (tid && !thread->thread.tid) {
		bucket = &gather->by_tid[tid % N_BUCKETS];
		thread->thread.tid = tid;
		thread->next_tid = *bucket;
		*bucket = thread;
	}
}

static int add_thread(struct dw_gather *gather, struct thread **ret)
{
	struct thread *thread;

	if (gather->dump.n_threads == DW_DUMP_THREADS_MAX) {
		gather->dump.n_lost++;
		*ret = NULL;
		return 0;
	}
	thread = dw_arena_alloc(gather->arena, sizeof(*thread));
	if (!thread)
		return dw_raise(-ENOMEM);
	*gather->last = thread;
	gather->last = &thread->next;
	gather->dump.n_threads++;
	*ret = thread;
	return 0;
}

int dw_gather_thread(struct dw_gather *gather, uint32_t id, uint32_t tid, uint64_t handle,
		     struct dw_piece name)
{
	struct thread *thread = find(gather, id, tid);
	int r = 0;

	gather->in_stack = false;
	if (!thread)
		r = add_thread(gather, &thread);
	if (r == 0)
		gather->now = thread;
	if (r < 0 || !thread)
		return dw_pass(r);
	number(gather, thread, id, tid);
	thread->thread.handle = handle ? handle : thread->thread.handle;
	if (name.n > 0)
		r = copy(gather, name, &thread->thread.name);
	return dw_pass(r);
}

void dw_gather_leave(struct dw_gather *gather)
{
	gather->now = NULL;
	gather->in_stack = false;
}

int dw_gather_begin(struct dw_gather *gather)
{
	int r = 0;

	if (!gather->now) {
		r = dw_gather_thread(gather, 0, 0, 0, (struct dw_piece){0});
		gather->dump.n_unnumbered += gather->now != NULL;
	}
	gather->in_stack = gather->now != NULL;
	gather->n_frames = 0;
	return dw_pass(r);
}

uint32_t dw_gather_depth(const struct dw_gather *gather)
{
	return gather->in_stack ? gather->n_frames : UINT32_MAX;
}

int dw_gather_copy(struct dw_gather *gather, const struct dw_gather_frame *frame,
		   struct dw_dump_frame *ret)
{
	struct dw_dump_frame copied = {
	    .address = frame->address, .line = frame->line, .at = frame->at};
	int r = copy(gather, frame->function, &copied.function);

	r = r < 0 ? r : copy(gather, frame->args, &copied.args);
	r = r < 0 ? r : copy(gather, frame->file, &copied.file);
	r = r < 0 ? r : copy(gather, frame->library, &copied.library);
	if (r == 0)
		*ret = copied;
	return dw_pass(r);
}

void dw_gather_frame(struct dw_gather *gather, const struct dw_dump_frame *frame)
{
	if (gather->in_stack && gather->n_frames < DW_DUMP_FRAMES_MAX)
		gather->frames[gather->n_frames++] = *frame;
	else
		gather->dump.n_lost += gather->in_stack;
}

void dw_gather_lose(struct dw_gather *gather)
{
	gather->dump.n_lost++;
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_frame(const struct dw_dump_frame *a, const struct dw_dump_frame *b)
{
	return is_same_text(a->function, b->function) &&
	       (a->line == b->line || a->line == 0 || b->line == 0);
}

/* Whether one is the beginning of the other. */
static bool is_same_way(const struct dw_dump_stack *a, const struct dw_dump_stack *b)
{
	uint32_t n = a->n_frames < b->n_frames ? a->n_frames : b->n_frames;

	for (uint32_t i = 0; i < n; i++)
		if (!is_same_frame(&a->frames[i], &b->frames[i]))
			return false;
	return true;
}

static int add_stack(struct dw_gather *gather, const struct dw_dump_stack *stack)
{
	struct stack *added = dw_arena_alloc(gather->arena, sizeof(*added));

	if (!added)
		return dw_raise(-ENOMEM);
	*added = (struct stack){*stack, gather->now->stacks};
	gather->now->stacks = added;
	gather->now->thread.n_stacks++;
	return 0;
}

/* Of what looks only once, a thread has one stack: the last, but for beginnings of one. */
static void replace_stack(struct dw_gather *gather, const struct dw_dump_stack *stack)
{
	struct thread *thread = gather->now;
	struct dw_dump_stack *kept = &thread->stacks->stack;
	bool is_shorter = stack->n_frames < kept->n_frames;
	bool is_same = is_same_way(kept, stack);

	if (!is_same) {
		gather->dump.n_changed += !thread->changed;
		thread->changed = true;
	}
	if (!is_shorter || (!is_same && !(stack->flags & DW_DUMP_CUT)))
		*kept = *stack;
}

static int keep_stack(struct dw_gather *gather, const struct dw_dump_stack *stack)
{
	const struct thread *thread = gather->now;

	if (!gather->samples && thread->stacks) {
		replace_stack(gather, stack);
		return 0;
	}
	if (thread->thread.n_stacks < DW_DUMP_STACKS_MAX)
		return add_stack(gather, stack);
	gather->dump.n_lost++;
	return 0;
}

int dw_gather_end(struct dw_gather *gather, uint32_t flags, uint32_t n_samples)
{
	struct dw_dump_stack stack = {.flags = flags, .n_samples = n_samples};
	struct dw_dump_frame *frames;

	if (!gather->in_stack)
		return 0;
	gather->in_stack = false;
	if (gather->n_frames == 0)
		return 0;
	frames = dw_arena_alloc(gather->arena, gather->n_frames * sizeof(*frames));
	if (!frames)
		return dw_raise(-ENOMEM);
	memcpy(frames, gather->frames, gather->n_frames * sizeof(*frames));
	stack.frames = frames;
	stack.n_frames = gather->n_frames;
	if (gather->n_frames == DW_DUMP_FRAMES_MAX)
		stack.flags |= DW_DUMP_CUT;
	return keep_stack(gather, &stack);
}

int dw_gather_owner(struct dw_gather *gather, struct dw_piece name, uint64_t address, uint32_t tid,
		    uint32_t at)
{
	struct owner *owner;

	if (gather->dump.n_owners == DW_DUMP_THREADS_MAX) {
		gather->dump.n_lost++;
		return 0;
	}
	owner = dw_arena_alloc(gather->arena, sizeof(*owner));
	if (!owner)
		return dw_raise(-ENOMEM);
	owner->owner = (struct dw_dump_owner){.address = address, .tid = tid, .at = at};
	*gather->last_owner = owner;
	gather->last_owner = &owner->next;
	gather->dump.n_owners++;
	return copy(gather, name, &owner->owner.name);
}

int dw_gather_program(struct dw_gather *gather, struct dw_piece program)
{
	return copy(gather, program, &gather->dump.program);
}

void dw_gather_pid(struct dw_gather *gather, uint32_t pid)
{
	gather->dump.pid = pid;
}

void dw_gather_interval(struct dw_gather *gather, uint64_t interval_ns)
{
	gather->dump.interval_ns = interval_ns;
}

static int compare_stacks(const void *left, const void *right)
{
	const struct dw_dump_stack *a = left, *b = right;

	if (a->n_samples != b->n_samples)
		return a->n_samples > b->n_samples ? -1 : 1;
	/* As they were printed. */
	return a->frames[0].at < b->frames[0].at ? -1 : a->frames[0].at > b->frames[0].at;
}

static int fill_stacks(struct dw_gather *gather, struct thread *thread)
{
	uint32_t n = thread->thread.n_stacks, i = 0;
	struct dw_dump_stack *stacks = dw_arena_alloc(gather->arena, (n + 1) * sizeof(*stacks));
	uint64_t n_samples = 0;

	if (!stacks)
		return dw_raise(-ENOMEM);
	for (const struct stack *s = thread->stacks; s; s = s->next) {
		n_samples += s->stack.n_samples;
		stacks[i++] = s->stack;
	}
	qsort(stacks, n, sizeof(*stacks), compare_stacks);
	thread->thread.stacks = stacks;
	thread->thread.n_samples = n_samples < UINT32_MAX ? (uint32_t)n_samples : UINT32_MAX;
	return 0;
}

static int fill_threads(struct dw_gather *gather, struct dw_dump *ret)
{
	struct dw_dump_thread *threads =
	    dw_arena_alloc(gather->arena, (gather->dump.n_threads + 1) * sizeof(*threads));
	uint32_t i = 0;
	int r = 0;

	if (!threads)
		return dw_raise(-ENOMEM);
	for (struct thread *t = gather->threads; r == 0 && t; t = t->next) {
		r = fill_stacks(gather, t);
		threads[i++] = t->thread;
	}
	ret->threads = threads;
	return dw_pass(r);
}

int dw_gather_done(struct dw_gather *gather, struct dw_dump *ret)
{
	struct dw_dump dump = gather->dump;
	struct dw_dump_owner *owners =
	    dw_arena_alloc(gather->arena, (dump.n_owners + 1) * sizeof(*owners));
	uint32_t i = 0;
	int r;

	if (!owners)
		return dw_raise(-ENOMEM);
	for (const struct owner *o = gather->owners; o; o = o->next)
		owners[i++] = o->owner;
	dump.owners = owners;
	r = fill_threads(gather, &dump);
	if (r == 0)
		*ret = dump;
	return dw_pass(r);
}
