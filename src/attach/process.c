/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/process.h"

#include "attach/place.h"
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the shim may use too, by default: facts are told once, so nobody gets near it. */
#define RECORDING_MAX ((uint64_t)1 << 30)

/* Trackers' tables of many threads, names of files. */
#define MEMORY_MAX ((size_t)1 << 30)

/* The largest number that the kernel gives a thread, and 1 (PID_MAX_LIMIT). */
#define TIDS_MAX (4 << 20)

static void fill_header(struct dw_attached *process)
{
	struct dw_rec_header *header = process->writer.header;
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", process->pid);
	n = readlink(link, header->program, DW_REC_PROGRAM_MAX - 1);
	header->program[n > 0 ? n : 0] = '\0';
	header->pid = (uint32_t)process->pid;
	header->monitor = (uint32_t)getpid();
}

int dw_attached_new(struct dw_attached **ret, pid_t pid, const char *path, unsigned flags)
{
	dw_auto(attached) process = calloc(1, sizeof(*process));
	int r;

	if (!process)
		return dw_raise(-ENOMEM);
	process->pid = pid;
	process->is_elsewhere = !dw_task_shares(pid, "ns/pid");
	process->every_taking = !(flags & DW_REC_WAITS);
	dw_task_name(pid, pid, process->name);
	/* Memory that is never touched is not there: no more pages than there are threads. */
	process->by_tid = calloc(TIDS_MAX, sizeof(*process->by_tid));
	r = process->by_tid ? dw_arena_new(&process->arena, MEMORY_MAX) : -ENOMEM;
	if (r == 0)
		r = dw_writer_create(&process->writer, path, RECORDING_MAX, flags | DW_REC_OUTSIDE);
	if (r < 0)
		return dw_pass(r);
	fill_header(process);
	r = dw_attached_read_maps(process);
	if (r < 0)
		return dw_pass(r);
	if (process->code.n_maps == 0)
		return dw_raise(-ESRCH); /* it has ended, but nobody has waited for it */
	*ret = dw_take(process);
	return 0;
}

struct dw_attached *dw_attached_free(struct dw_attached *process)
{
	if (!process)
		return NULL;
	for (uint32_t i = 1; i < process->n_threads; i++)
		free(process->threads[i]);
	dw_numbering_done(&process->handles);
	dw_numbering_done(&process->addresses);
	dw_numbering_done(&process->pages);
	dw_numbering_done(&process->waited_keys);
	dw_numbering_done(&process->touched);
	dw_numbering_done(&process->stacks);
	dw_unwinder_free(process->unwinder);
	dw_writer_abandon(&process->writer);
	dw_arena_free(process->arena);
	free(process->threads);
	free(process->ended);
	free(process->by_tid);
	free(process->by_handle);
	free(process->things);
	free(process->stack_ids);
	free(process->waited);
	free(process);
	return NULL;
}

/* Room for entry @n of *@rows; what is new is zero. Return: whether there is. */
static bool make_room(void **rows, uint32_t *room, uint32_t n, size_t size)
{
	uint32_t more = *room ? *room : 64;
	void *grown;

	if (n < *room)
		return true;
	while (more <= n)
		more *= 2;
	grown = reallocarray(*rows, more, size);
	if (!grown)
		return false;
	memset((char *)grown + *room * size, 0, (more - *room) * size);
	*rows = grown;
	*room = more;
	return true;
}

#define MAKE_ROOM(rows, room, n) make_room((void **)&(rows), &(room), (n), sizeof(*(rows)))

struct dw_attached_thread *dw_attached_find(const struct dw_attached *process, pid_t tid)
{
	uint32_t number = tid > 0 && tid < TIDS_MAX ? process->by_tid[tid] : 0;

	return number ? process->threads[number] : NULL;
}

struct dw_attached_thread *dw_attached_find_inside(const struct dw_attached *process, pid_t inside)
{
	if (!process->is_elsewhere)
		return dw_attached_find(process, inside);
	for (uint32_t i = 1; i < process->n_threads; i++)
		if (!process->threads[i]->ended && process->threads[i]->inside == inside)
			return process->threads[i];
	return NULL;
}

static bool write_record(struct dw_attached_thread *thread, unsigned flags,
			 const struct dw_attached_thread *parent)
{
	struct dw_attached *process = thread->process;
	struct dw_rec_header *header = process->writer.header;
	struct dw_rec_thread *record =
	    dw_writer_reserve(&process->writer, &process->cursor, sizeof(*record));

	if (!record)
		return false;
	record->born_ns = dw_writer_now_ns();
	record->number = thread->thread.number;
	record->tid = (uint32_t)thread->tid;
	record->parent = parent ? parent->thread.number : 0;
	record->parent_segment = parent ? parent->thread.segment : 0;
	record->flags = flags;
	record->before = header->last_thread;
	thread->record = dw_writer_submit(&process->writer, record, DW_REC_THREAD);
	__atomic_store_n(&header->last_thread, thread->record, __ATOMIC_RELEASE);
	return true;
}

static struct dw_attached_thread *thread_new(struct dw_attached *process, pid_t tid)
{
	struct dw_attached_thread *thread;

	if (process->n_threads == 0)
		process->n_threads = 1;
	if (!MAKE_ROOM(process->threads, process->threads_room, process->n_threads))
		return NULL;
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->process = process;
	thread->tid = tid;
	thread->inside = process->is_elsewhere ? dw_task_inside(process->pid, tid) : tid;
	thread->thread.number = process->n_threads;
	thread->thread.teller = &dw_attached_teller;
	thread->thread.segment = 1;
	return thread;
}

struct dw_attached_thread *dw_attached_thread(struct dw_attached *process, pid_t tid,
					      unsigned flags,
					      const struct dw_attached_thread *parent)
{
	struct dw_attached_thread *thread = dw_attached_find(process, tid);
	bool is_written;

	if (thread)
		return thread;
	thread = tid > 0 && tid < TIDS_MAX ? thread_new(process, tid) : NULL;
	is_written = thread && write_record(thread, flags, parent);
	if (!is_written || dw_thread_begin(&thread->thread) < 0) {
		/* What there was no room for in the recording is counted already. */
		if (!thread || is_written)
			dw_writer_lost(&process->writer, DW_LOSS_MEMORY);
		free(thread);
		return NULL;
	}
	thread->thread.unsure = !parent || process->only;
	process->threads[process->n_threads++] = thread;
	process->by_tid[tid] = thread->thread.number;
	process->writer.header->n_threads = thread->thread.number;
	return thread;
}

bool dw_attached_is_only_lock(const struct dw_attached *process, uint64_t address)
{
	for (size_t i = 0; i < DW_WIRE_ONLY_MAX; i++)
		if (address && process->only_locks[i] == address)
			return true;
	return false;
}

static struct dw_rec_thread *record_of(const struct dw_attached_thread *thread)
{
	return dw_writer_record(&thread->process->writer, thread->record);
}

/* A name that is just the process's is none. */
void dw_attached_name(struct dw_attached_thread *thread, const char *name)
{
	struct dw_rec_thread *record = record_of(thread);

	if (thread->tid == thread->process->pid || strcmp(name, thread->process->name) == 0)
		return;
	strncpy(record->name, name, DW_REC_NAME_SIZE - 1);
}

void dw_attached_end(struct dw_attached_thread *thread)
{
	struct dw_attached *process = thread->process;

	thread->ended = true;
	if (MAKE_ROOM(process->ended, process->ended_room, process->n_ended))
		process->ended[process->n_ended++] = thread->thread.number;
	process->by_tid[thread->tid] = 0;
	dw_thread_end(&thread->thread);
	__atomic_fetch_or(&record_of(thread)->flags, DW_THREAD_EXITED, __ATOMIC_RELEASE);
}

uint32_t dw_attached_of_handle(const struct dw_attached *process, uint64_t handle)
{
	uint32_t index = dw_numbering_find(&process->handles, handle);

	return index < process->by_handle_room ? process->by_handle[index] : 0;
}

void dw_attached_set_handle(struct dw_attached *process, uint64_t handle, uint32_t number)
{
	uint32_t index = handle ? dw_numbering_ensure(&process->handles, handle) : 0;

	if (index && MAKE_ROOM(process->by_handle, process->by_handle_room, index))
		process->by_handle[index] = number;
}

struct dw_attached_thing *dw_attached_thing(struct dw_attached *process, uint64_t address)
{
	uint32_t index = address ? dw_numbering_ensure(&process->addresses, address) : 0;

	if (!index || !MAKE_ROOM(process->things, process->things_room, index))
		return NULL;
	return &process->things[index];
}

void dw_attached_set_waited(struct dw_attached *process, uint64_t key, uint32_t chain)
{
	uint32_t index = dw_numbering_ensure(&process->waited_keys, key);

	if (index && MAKE_ROOM(process->waited, process->waited_room, index))
		process->waited[index] = (struct dw_attached_waited){.key = key, .chain = chain};
}

uint32_t *dw_attached_stack_id(struct dw_attached *process, uint64_t hash)
{
	uint32_t index = dw_numbering_ensure(&process->stacks, hash);

	if (!index || !MAKE_ROOM(process->stack_ids, process->stacks_room, index))
		return NULL;
	return &process->stack_ids[index];
}
