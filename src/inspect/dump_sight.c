/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/dump_sight.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "inspect/dump_text.h"
#include "model/event.h"
#include "symbol/demangle.h"
#include "symbol/wrapper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The C library, where a debugger says only which of its sources a frame is of. */
#define C_LIBRARY "libc.so.6"

/* Variables whose names are kept. A frame prints few, and most print the same ones. */
#define VARIABLES_MAX 4096

/* What a debugger has printed behind an address: `0x5555574259e0 <bql>`. */
struct variable {
	uint64_t address;
	dw_place place;
	struct variable *next; /* context::variables, of the same hash */
};

#define N_BUCKETS 1024

/* What a sight's functions are asked about; see dw_sight::context. */
struct context {
	const struct dw_dump *dump;
	const struct dw_dump_frame **frames;   /* by told frame */
	struct variable *variables[N_BUCKETS]; /* by hash of the address */
};

struct making {
	const struct dw_dump *dump;
	struct context *context;
	struct dw_arena *arena;
	struct dw_sight *sight;
	struct dw_told_frame *frames;
	uint32_t n_frames, room;
};

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* glibc's own, the way that distributions build it: `./nptl/...`, `../sysdeps/...`. */
static bool is_of_c_library(const char *file)
{
	while (has_prefix(file, "./") || has_prefix(file, "../"))
		file = strchr(file, '/') + 1;
	return has_prefix(file, "nptl/") || has_prefix(file, "sysdeps/") ||
	       strstr(file, "/glibc-") != NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *module_of(const struct making *m, const struct dw_dump_frame *frame)
{
	if (frame->library)
		return base_name(frame->library);
	if (frame->file && is_of_c_library(frame->file))
		return C_LIBRARY;
	return frame->file && m->dump->program ? base_name(m->dump->program) : NULL;
}

static int add_frame(struct making *m, const struct dw_dump_frame *frame, dw_place *ret)
{
	struct dw_told_frame *told = &m->frames[m->n_frames];

	*told = (struct dw_told_frame){
	    .file = frame->file,
	    .module = module_of(m, frame),
	    .line = frame->line,
	};
	if (frame->function) {
		told->function = dw_demangle(m->arena, frame->function);
		if (!told->function)
			return dw_raise(-ENOMEM);
	}
	m->context->frames[m->n_frames] = frame;
	*ret = DW_PLACE_TOLD(m->n_frames);
	m->n_frames++;
	return 0;
}

static int add_stack(struct making *m, const struct dw_dump_stack *stack, struct dw_sampled *ret)
{
	dw_place *places = dw_arena_alloc(m->arena, (stack->n_frames + 1) * sizeof(*places));
	int r = 0;

	if (!places)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; r == 0 && i < stack->n_frames; i++)
		r = add_frame(m, &stack->frames[i], &places[i]);
	*ret = (struct dw_sampled){places, stack->n_frames, stack->n_samples};
	return dw_pass(r);
}

/*
 * Who was at one place in all samples did not move; nor does a process that a debugger has
 * stopped, and nobody knows how long it was like that.
 */
static int add_stacks(struct making *m, const struct dw_dump_thread *thread,
		      struct dw_sighted *sighted)
{
	struct dw_sampled *samples =
	    dw_arena_alloc(m->arena, (thread->n_stacks + 1) * sizeof(*samples));
	int r = samples ? 0 : dw_raise(-ENOMEM);

	for (uint32_t i = 0; r == 0 && i < thread->n_stacks; i++)
		r = add_stack(m, &thread->stacks[i], &samples[i]);
	if (r < 0 || thread->n_stacks == 0)
		return dw_pass(r);
	sighted->frames = samples[0].frames;
	sighted->n_frames = samples[0].n_frames;
	sighted->stack_flags = thread->stacks[0].flags & DW_DUMP_CUT ? DW_STACK_CUT : 0;
	if (m->dump->interval_ns) {
		sighted->samples = samples;
		sighted->n_samples = thread->n_stacks;
	}
	if (samples[0].n_samples == thread->n_samples)
		sighted->same_ns = sighted->still_ns = DW_SIGHT_ALWAYS;
	return 0;
}

static bool is_main(const struct dw_dump_thread *thread)
{
	const struct dw_dump_stack *stack = thread->n_stacks ? &thread->stacks[0] : NULL;

	for (uint32_t i = 0; stack && i < stack->n_frames; i++) {
		const char *function = stack->frames[i].function;

		if (function &&
		    (strcmp(function, "main") == 0 || has_prefix(function, "__libc_start_")))
			return true;
	}
	return false;
}

static const struct dw_dump_thread *find_main(const struct dw_dump *dump)
{
	for (uint32_t i = 0; i < dump->n_threads; i++)
		if (is_main(&dump->threads[i]))
			return &dump->threads[i];
	return NULL;
}

/* Then what the thread was started with is behind that. */
static bool begins_with_entry(const struct making *m, const struct dw_sighted *sighted)
{
	const struct dw_told_frame *outermost;

	if (sighted->n_frames == 0)
		return false;
	outermost = &m->frames[DW_PLACE_OFFSET(sighted->frames[sighted->n_frames - 1])];
	return dw_wrapper_is_entry(outermost->function, outermost->module);
}

/*
 * Threads are called after their process until they get a name of their own. One that has none, and
 * whose start is not in the text either, is called as the debugger calls it.
 */
static int name_thread(struct making *m, const struct dw_dump_thread *thread,
		       const struct dw_dump_thread *main_thread, struct dw_sighted *sighted)
{
	bool has_start = begins_with_entry(m, sighted);
	bool is_of_process = thread->name && main_thread && main_thread->name &&
			     strcmp(thread->name, main_thread->name) == 0;
	char text[32];

	sighted->name = "";
	if (thread == main_thread) {
		sighted->name = "main";
	} else if (thread->name && !is_of_process) {
		sighted->name = thread->name;
	} else if (!has_start && thread->id) {
		snprintf(text, sizeof(text), "thread %u", thread->id);
		sighted->name = dw_arena_text(m->arena, text, strlen(text));
	}
	return sighted->name ? 0 : dw_raise(-ENOMEM);
}

static int add_thread(struct making *m, const struct dw_dump_thread *thread,
		      const struct dw_dump_thread *main_thread)
{
	struct dw_sighted *sighted = &m->sight->threads[m->sight->n_threads++];
	int r = 0;

	sighted->thread.tid = (pid_t)thread->tid;
	sighted->thread.call = -1;
	if (thread->n_stacks > 0)
		r = add_stacks(m, thread, sighted);
	if (r == 0)
		r = name_thread(m, thread, main_thread, sighted);
	return dw_pass(r);
}

static struct dw_piece behind_entry(struct dw_piece value)
{
	size_t n = dw_piece_find(value, "@entry="), end = dw_piece_find(value, ",");

	return n < end ? dw_piece_from(value, n + strlen("@entry=")) : value;
}

bool dw_dump_argument(const char *args, const char *name, uint64_t *ret, const char **ret_variable,
		      size_t *ret_n)
{
	struct dw_piece at = {args, args ? strlen(args) : 0}, value;
	size_t n = strlen(name), comma;

	for (; at.n > n; at = dw_piece_trim(dw_piece_from(at, comma + 1))) {
		if (memcmp(at.text, name, n) == 0 && at.text[n] == '=')
			break;
		comma = dw_piece_find(at, ",");
		if (comma == SIZE_MAX)
			return false;
	}
	if (at.n <= n)
		return false;
	value = behind_entry(dw_piece_from(at, n + 1));
	if (!dw_piece_hexadecimal(&value, ret) && !dw_piece_decimal(&value, ret))
		return false;
	*ret_variable = NULL;
	if (value.n > 2 && memcmp(value.text, " <", 2) == 0 && memchr(value.text, '>', value.n)) {
		*ret_variable = value.text + 2;
		*ret_n = dw_piece_find(value, ">") - 2;
	}
	return true;
}

/* A join is told by what the thread library calls the thread that is waited for. */
static bool find_joined(const struct dw_dump *dump, const char *args, uint64_t *ret)
{
	const char *variable;
	uint64_t handle;
	size_t n;

	if (!dw_dump_argument(args, "threadid", &handle, &variable, &n) &&
	    !dw_dump_argument(args, "th", &handle, &variable, &n))
		return false;
	for (uint32_t i = 0; i < dump->n_threads; i++)
		if (handle && dump->threads[i].handle == handle) {
			*ret = dump->threads[i].tid;
			return true;
		}
	return false;
}

static const struct dw_dump_frame *frame_at(const struct context *context, dw_place place)
{
	return context->frames[DW_PLACE_OFFSET(place)];
}

/*
 * What nobody has printed, but the function is known to have only one of, is said to be at an
 * address that no memory has: so it is one and the same for all.
 */
static bool find_argument(const struct dw_sight *sight, dw_place frame, const char *name,
			  uint64_t *ret)
{
	const struct context *context = sight->context;
	const struct dw_dump_frame *asked = frame_at(context, frame);
	const char *variable;
	size_t n;

	if (dw_dump_argument(asked->args, name, ret, &variable, &n))
		return true;
	if (strcmp(name, "tid") == 0)
		return find_joined(context->dump, asked->args, ret);
	if (strcmp(name, "mutex") != 0 || !dw_wrapper_is_of_one_lock(asked->function))
		return false;
	*ret = dw_thing_address(DW_MUTEX, 0);
	return true;
}

static struct variable **bucket_of(struct context *context, uint64_t address)
{
	return &context->variables[dw_hash(0, address) % N_BUCKETS];
}

static dw_place find_in(const struct variable *bucket, uint64_t address)
{
	for (const struct variable *v = bucket; v; v = v->next)
		if (v->address == address)
			return v->place;
	return 0;
}

static dw_place find_variable(const struct dw_sight *sight, uint64_t address)
{
	return find_in(*bucket_of(sight->context, address), address);
}

static bool is_of(const struct dw_sight *sight, const struct dw_dump_owner *owner, uint64_t address)
{
	dw_place place = owner->name ? find_variable(sight, address) : 0;

	if (!owner->name)
		return owner->address == address;
	return place && strcmp(sight->frames[DW_PLACE_OFFSET(place)].function, owner->name) == 0;
}

/* The last that was printed counts. */
static uint32_t find_owner(const struct dw_sight *sight, uint64_t address)
{
	const struct dw_dump *dump = ((const struct context *)sight->context)->dump;

	for (uint32_t i = dump->n_owners; i-- > 0;)
		if (is_of(sight, &dump->owners[i], address))
			return dump->owners[i].tid;
	return 0;
}

/* `0x5555574259e0 <bql>` in @args, from @at on. Return: whether there is another one. */
static bool next_variable(struct dw_piece *args, uint64_t *ret_address, struct dw_piece *ret)
{
	size_t end;

	for (;;) {
		size_t found = dw_piece_find(*args, "0x");

		if (found == SIZE_MAX)
			return false;
		*args = dw_piece_from(*args, found);
		if (!dw_piece_hexadecimal(args, ret_address)) {
			*args = dw_piece_from(*args, 2);
			continue;
		}
		end = dw_piece_find(*args, ">");
		if (args->n < 3 || memcmp(args->text, " <", 2) != 0 || end == SIZE_MAX)
			continue;
		*ret = (struct dw_piece){args->text + 2, end - 2};
		*args = dw_piece_from(*args, end + 1);
		/* What lies within a variable has no name of its own; nor has `<error: ...>`. */
		if (!memchr(ret->text, '+', ret->n) && !memchr(ret->text, ':', ret->n))
			return true;
	}
}

static int add_variable(struct making *m, uint64_t address, struct dw_piece name)
{
	struct variable *variable, **bucket = bucket_of(m->context, address);

	if (m->n_frames == m->room || find_in(*bucket, address))
		return 0;
	variable = dw_arena_alloc(m->arena, sizeof(*variable));
	if (!variable)
		return dw_raise(-ENOMEM);
	m->frames[m->n_frames].function = dw_piece_text(m->arena, name);
	if (!m->frames[m->n_frames].function)
		return dw_raise(-ENOMEM);
	*variable = (struct variable){address, DW_PLACE_TOLD(m->n_frames++), *bucket};
	*bucket = variable;
	return 0;
}

static int add_variables(struct making *m)
{
	uint32_t n_frames = m->n_frames;
	int r = 0;

	for (uint32_t i = 1; r == 0 && i < n_frames; i++) {
		const char *text = m->context->frames[i]->args;
		struct dw_piece args = {text, text ? strlen(text) : 0}, name;
		uint64_t address;

		while (r == 0 && next_variable(&args, &address, &name))
			r = add_variable(m, address, name);
	}
	return dw_pass(r);
}

static uint32_t count_frames(const struct dw_dump *dump)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < dump->n_threads; i++)
		for (uint32_t j = 0; j < dump->threads[i].n_stacks; j++)
			n += dump->threads[i].stacks[j].n_frames;
	return n;
}

static int allocate(struct making *m)
{
	uint32_t n = m->dump->n_threads + 1;

	m->room = count_frames(m->dump) + 1 + VARIABLES_MAX;
	m->frames = dw_arena_alloc(m->arena, (size_t)m->room * sizeof(*m->frames));
	m->context = dw_arena_alloc(m->arena, sizeof(*m->context));
	if (!m->frames || !m->context)
		return dw_raise(-ENOMEM);
	m->context->dump = m->dump;
	m->context->frames =
	    dw_arena_alloc(m->arena, (size_t)m->room * sizeof(*m->context->frames));
	m->sight->threads = dw_arena_alloc(m->arena, n * sizeof(*m->sight->threads));
	m->sight->modules = dw_arena_alloc(m->arena, sizeof(*m->sight->modules));
	return m->context->frames && m->sight->threads && m->sight->modules ? 0 : dw_raise(-ENOMEM);
}

struct ordered {
	const struct dw_dump_thread *thread;
	bool is_main;
};

static int compare(const void *left, const void *right)
{
	const struct ordered *a = left, *b = right;

	if (a->is_main != b->is_main)
		return b->is_main - a->is_main;
	if (a->thread->id != b->thread->id)
		return a->thread->id < b->thread->id ? -1 : 1;
	return a->thread < b->thread ? -1 : a->thread > b->thread;
}

static int add_threads(struct making *m, const struct dw_dump_thread *main_thread)
{
	uint32_t n = m->dump->n_threads;
	struct ordered *order = dw_arena_alloc(m->arena, ((size_t)n + 1) * sizeof(*order));
	int r = order ? 0 : dw_raise(-ENOMEM);

	for (uint32_t i = 0; r == 0 && i < n; i++)
		order[i] =
		    (struct ordered){&m->dump->threads[i], &m->dump->threads[i] == main_thread};
	if (r == 0)
		qsort(order, n, sizeof(*order), compare);
	for (uint32_t i = 0; r == 0 && i < n; i++)
		r = add_thread(m, order[i].thread, main_thread);
	return dw_pass(r);
}

int dw_dump_sight(struct dw_sight *ret, const struct dw_dump *dump, struct dw_arena *arena)
{
	const struct dw_dump_thread *main_thread = find_main(dump);
	struct dw_sight sight = {
	    .program = dump->program,
	    .pid = (pid_t)dump->pid,
	    .n_modules = 1,
	    .argument = find_argument,
	    .variable = find_variable,
	    .owner = find_owner,
	    .sample_ns = dump->interval_ns,
	};
	struct making m = {.dump = dump, .arena = arena, .sight = &sight, .n_frames = 1};
	int r = allocate(&m);

	if (r == 0)
		r = add_threads(&m, main_thread);
	if (r == 0)
		r = add_variables(&m);
	if (r < 0)
		return dw_pass(r);
	if (!sight.pid && main_thread)
		sight.pid = (pid_t)main_thread->tid;
	sight.context = m.context;
	sight.frames = m.frames;
	sight.n_frames = m.n_frames;
	*ret = sight;
	return 0;
}
