/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/collect.h"

#include "attach/camera.h"
#include "attach/contended.h"
#include "attach/files.h"
#include "attach/process.h"
#include "attach/track.h"
#include "base/error.h"
#include "inspect/task.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made since they were last asked for, which is often. */
#define BORN_MAX 256

/* Of a processor's time, pictures of all processes together take one part in so many. */
#define SPENT_PART 2

struct dw_collector {
	struct dw_probe *probe;
	struct dw_named *named;
	struct dw_symbols *symbols;
	const struct dw_only *only; /* see dw_collector_options::only */
	struct dw_attached *processes[DW_COLLECTOR_MAX];
	struct dw_camera *cameras[DW_COLLECTOR_MAX]; /* NULL: it cannot be looked into */
	uint32_t n_processes;
	uint32_t turn;       /* of which process a picture is taken next, if there is reason to */
	uint64_t picture_ns; /* and when at the earliest */
	const char *culprit; /* see dw_collector_culprit() */
	struct dw_only_lacking lacking;
	bool every_taking, follows;
	pid_t born[BORN_MAX]; /* see dw_collector_born(); the latest last */
	uint32_t n_born;
	uint64_t seen_ns;                /* see dw_collector_seen_ns() */
	uint64_t lost[DW_WIRE_LOSS_MAX]; /* that recordings were told of */
	struct dw_collector_counts counts;
};

static struct dw_attached *process_of(struct dw_collector *collector, pid_t pid)
{
	/* The latest: numbers are given again. */
	for (uint32_t i = collector->n_processes; i > 0; i--)
		if (collector->processes[i - 1]->pid == pid)
			return collector->processes[i - 1]->has_left ? NULL
								     : collector->processes[i - 1];
	return NULL;
}

/* Process @pid is to be attached to, for @maker has made or been it; NULL: not known. */
static void expect(struct dw_collector *collector, struct dw_attached *maker, pid_t pid)
{
	/* It may run a program before it was asked for. */
	for (uint32_t i = 0; i < collector->n_born; i++)
		if (collector->born[i] == pid)
			return;
	if (collector->n_born < BORN_MAX)
		collector->born[collector->n_born++] = pid;
	else if (maker)
		dw_writer_lost(&maker->writer, DW_LOSS_EVENTS);
}

/* Who was attached to after it had begun to run the program is told of that late. */
static void note_exec(struct dw_collector *collector, struct dw_attached *process,
		      const struct dw_wire_event *event)
{
	if (process && event->time_ns < process->writer.header->start_ns)
		return;
	if (process)
		process->has_left = true;
	if (collector->follows)
		expect(collector, process, (pid_t)event->pid);
}

static void note_fork(struct dw_collector *collector, const struct dw_wire_event *event)
{
	if (collector->follows && !(event->how & DW_WIRE_SHARES))
		expect(collector, process_of(collector, (pid_t)event->pid), (pid_t)event->other);
}

/* Of the events that come last the process may be retired already. */
static void note_exit(struct dw_attached *process, const struct dw_wire_event *event)
{
	if (!event->what)
		return;
	process->killed_by = event->what;
	process->writer.header->flags &= ~(uint32_t)DW_REC_LEFT;
}

static void on_event(void *context, const struct dw_wire_event *event)
{
	struct dw_collector *collector = context;
	struct dw_attached *process = process_of(collector, (pid_t)event->pid);

	collector->seen_ns = event->time_ns;
	if (event->kind == DW_WIRE_EXEC)
		note_exec(collector, process, event);
	if (event->kind == DW_WIRE_FORK)
		note_fork(collector, event);
	if (!process || process->has_left)
		return;
	if (event->kind == DW_EXIT)
		note_exit(process, event);
	dw_track_event(process, event);
	if (process->learnt.ip)
		dw_probe_learn(collector->probe, &process->learnt, process->learnt_distance);
	process->learnt.ip = 0;
}

int dw_collector_new(struct dw_collector **ret, const struct dw_collector_options *options)
{
	dw_auto(collector) collector = calloc(1, sizeof(*collector));
	struct dw_probe_options probing = {.every_taking = options->every_taking,
					   .is_empty = options->is_empty,
					   .follows = options->follows,
					   .ring_size = options->ring_size,
					   .event = on_event};
	int r;

	if (!collector)
		return dw_raise(-ENOMEM);
	collector->every_taking = options->every_taking;
	collector->follows = options->follows;
	collector->only = options->every_taking ? options->only : NULL;
	probing.context = collector;
	r = dw_named_new(&collector->named, options->calls, options->n_calls);
	if (r == 0)
		r = dw_symbols_new(&collector->symbols);
	if (r == 0)
		r = dw_probe_new(&collector->probe, &probing);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(collector);
	return 0;
}

struct dw_collector *dw_collector_free(struct dw_collector *collector)
{
	if (!collector)
		return NULL;
	dw_probe_free(collector->probe);
	for (uint32_t i = 0; i < collector->n_processes; i++) {
		dw_camera_free(collector->cameras[i]);
		dw_attached_free(collector->processes[i]);
	}
	dw_symbols_free(collector->symbols);
	dw_named_free(collector->named);
	free(collector);
	return NULL;
}

static void add_thread(struct dw_attached *process, pid_t tid)
{
	unsigned flags = tid == process->pid ? DW_THREAD_MAIN : 0;
	struct dw_attached_thread *thread = dw_attached_thread(process, tid, flags, NULL);
	char name[DW_TASK_NAME_SIZE];

	if (thread && dw_task_name(process->pid, tid, name) == 0)
		dw_attached_name(thread, name);
}

/* The main thread first: it has number 1. */
static int add_threads(struct dw_attached *process)
{
	struct dirent **entries;
	char path[64];
	int n;

	snprintf(path, sizeof(path), "/proc/%d/task", process->pid);
	n = scandir(path, &entries, NULL, versionsort);
	if (n < 0)
		return dw_raise(-errno);
	add_thread(process, process->pid);
	for (int i = 0; i < n; i++) {
		pid_t tid = (pid_t)atoi(entries[i]->d_name);

		if (tid > 0)
			add_thread(process, tid);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

/* Whether the calls of @thread are told is @watched from now on. */
static void watch(const struct dw_collector *collector, const struct dw_attached_thread *thread,
		  bool watched)
{
	const struct dw_probe_thread numbers = {thread->tid, thread->inside};

	if (numbers.inside)
		dw_probe_watch(collector->probe, thread->process->pid, &numbers, watched);
}

/* Who has a mutex may make no call for long; that it is a thread has to be known all the same. */
static void know_threads(const struct dw_collector *collector, const struct dw_attached *process)
{
	for (uint32_t i = 1; i < process->n_threads && !collector->every_taking; i++)
		watch(collector, process->threads[i], false);
}

/* Who was ending already when its process was attached to has told that to nobody. */
static void end_gone(struct dw_attached *process)
{
	for (uint32_t i = 1; i < process->n_threads; i++) {
		struct dw_attached_thread *thread = process->threads[i];
		char state = thread->ended ? '\0' : dw_task_state(process->pid, thread->tid);

		if (!thread->ended && (!state || state == 'Z' || state == 'X'))
			dw_attached_end(thread);
	}
}

/* Return: 0, or a negative errno. */
static int probe_files(struct dw_collector *collector, struct dw_attached *process)
{
	int r;

	if (!collector->every_taking) {
		collector->counts.n_functions +=
		    dw_files_probe_giving(process, collector->probe, collector->named);
		return 0;
	}
	r = dw_files_probe(process, collector->probe, collector->named, &collector->culprit);
	if (r < 0)
		return dw_pass(r);
	collector->counts.n_functions += (uint32_t)r;
	return dw_files_lack(process, &collector->lacking) ? dw_raise(-ENXIO) : 0;
}

int dw_collector_add(struct dw_collector *collector, pid_t pid, const char *path)
{
	unsigned flags = collector->every_taking ? 0 : DW_REC_WAITS;
	struct dw_attached *process;
	int r;

	collector->culprit = NULL;
	if (collector->n_processes == DW_COLLECTOR_MAX)
		return dw_raise(-E2BIG);
	r = dw_attached_new(&process, pid, path, flags);
	if (r < 0)
		return dw_pass(r);
	process->named = collector->named;
	process->only = collector->only;
	process->symbols = collector->symbols;
	collector->processes[collector->n_processes++] = process;
	/* All probes first: who is seen taking a lock must be seen letting go of it. */
	r = probe_files(collector, process);
	if (r == 0)
		r = dw_probe_add(collector->probe, pid, process->only_locks);
	if (r == 0)
		r = add_threads(process);
	if (r == 0)
		know_threads(collector, process);
	if (r == 0)
		r = dw_camera_new(&collector->cameras[collector->n_processes - 1], process,
				  !collector->every_taking);
	if (r == 0)
		r = dw_camera_take(collector->cameras[collector->n_processes - 1], collector->probe,
				   dw_writer_now_ns());
	process->has_mapped = true; /* perhaps, since its files were looked at */
	if (r < 0)
		return dw_pass(r);
	end_gone(process);
	return (int)collector->n_processes - 1;
}

const char *dw_collector_culprit(const struct dw_collector *collector)
{
	return collector->culprit;
}

const struct dw_only_lacking *dw_collector_lacking(const struct dw_collector *collector)
{
	return &collector->lacking;
}

const char *dw_collector_looked_into(const struct dw_collector *collector, uint32_t i)
{
	return dw_files_looked_into(collector->processes[collector->n_processes - 1],
				    &collector->lacking, i);
}

const char *dw_collector_unseen(const struct dw_collector *collector, size_t i)
{
	return dw_named_unseen(collector->named, i);
}

struct dw_writer *dw_collector_writer(struct dw_collector *collector, uint32_t index)
{
	return &collector->processes[index]->writer;
}

/* Libraries that were loaded later. One that cannot be probed leaves the rest as it is. */
static void reach_loaded(struct dw_collector *collector, struct dw_attached *process)
{
	process->has_mapped = false;
	if (dw_attached_read_maps(process) == 0 && probe_files(collector, process) < 0)
		dw_writer_lost(&process->writer, DW_LOSS_FUNCTIONS);
}

static bool is_there(const struct dw_attached *process)
{
	return !process->has_left && !process->is_retired;
}

int dw_collector_poll(struct dw_collector *collector, int timeout_ms)
{
	uint64_t now_ns = dw_writer_now_ns();
	int r = dw_probe_poll(collector->probe, timeout_ms);

	if (r < 0)
		return dw_pass(r);
	for (uint32_t i = 0; i < collector->n_processes; i++)
		if (collector->processes[i]->has_mapped && is_there(collector->processes[i]))
			reach_loaded(collector, collector->processes[i]);
	if (r == 0 && now_ns > collector->seen_ns)
		collector->seen_ns = now_ns;
	return 0;
}

struct dw_symbols *dw_collector_symbols(struct dw_collector *collector)
{
	return collector->symbols;
}

uint64_t dw_collector_seen_ns(const struct dw_collector *collector)
{
	return collector->seen_ns;
}

/* Where pictures are all there is, the calls of those who hold something are told from then on. */
static void watch_holder(struct dw_collector *collector, struct dw_attached_thread *thread)
{
	bool holds = thread->thread.slot->top > 0;

	if (collector->every_taking || holds == thread->watched)
		return;
	watch(collector, thread, holds);
	thread->watched = holds;
}

static void look_at(struct dw_collector *collector, struct dw_attached *process, uint64_t now_ns)
{
	for (uint32_t i = 1; i < process->n_threads; i++) {
		struct dw_attached_thread *thread = process->threads[i];
		struct dw_wire_thread state;

		if (thread->ended)
			continue;
		if (dw_probe_state(collector->probe, thread->tid, &state))
			dw_track_settle(thread, &state, now_ns);
		watch_holder(collector, thread);
	}
}

void dw_collector_look(struct dw_collector *collector, uint64_t now_ns)
{
	for (uint32_t i = 0; i < collector->n_processes; i++)
		if (is_there(collector->processes[i]))
			look_at(collector, collector->processes[i], now_ns);
}

bool dw_collector_picture(struct dw_collector *collector)
{
	uint64_t now_ns = dw_writer_now_ns(), spent_ns = 0;

	if (now_ns < collector->picture_ns)
		return true;
	for (uint32_t i = 0; i < collector->n_processes && spent_ns == 0; i++) {
		uint32_t turn = collector->turn++ % collector->n_processes;

		if (is_there(collector->processes[turn]) && collector->cameras[turn])
			spent_ns =
			    dw_camera_look(collector->cameras[turn], collector->probe, now_ns);
	}
	collector->picture_ns = now_ns + SPENT_PART * spent_ns;
	return spent_ns > 0;
}

static void note_names(struct dw_attached *process)
{
	for (uint32_t i = 1; i < process->n_threads; i++) {
		struct dw_attached_thread *thread = process->threads[i];
		char name[DW_TASK_NAME_SIZE];

		if (!thread->ended && dw_task_name(process->pid, thread->tid, name) == 0)
			dw_attached_name(thread, name);
	}
}

static void note_losses(struct dw_collector *collector, struct dw_attached *process,
			const uint64_t lost[DW_WIRE_LOSS_MAX])
{
	uint64_t *losses = process->writer.header->losses;

	for (int i = 0; i < DW_WIRE_LOSS_MAX; i++)
		collector->lost[i] += lost[i];
	losses[DW_LOSS_EVENTS] += lost[DW_WIRE_LOSS_RING];
	losses[DW_LOSS_THINGS] += lost[DW_WIRE_LOSS_PAGES];
	losses[DW_LOSS_THREADS] += lost[DW_WIRE_LOSS_THREADS];
	losses[DW_LOSS_DEPTH] += lost[DW_WIRE_LOSS_DEPTH];
}

pid_t dw_collector_born(struct dw_collector *collector)
{
	const struct dw_attached *process;

	while (collector->n_born) {
		pid_t pid = collector->born[0];

		memmove(collector->born, collector->born + 1,
			--collector->n_born * sizeof(*collector->born));
		process = process_of(collector, pid);
		if (!process || process->is_retired)
			return pid;
	}
	return 0;
}

bool dw_collector_has_left(const struct dw_collector *collector, uint32_t index)
{
	return collector->processes[index]->has_left;
}

/* Its next program is attended to as a process of its own, which has just begun. */
void dw_collector_retire(struct dw_collector *collector, uint32_t index)
{
	struct dw_attached *process = collector->processes[index];
	uint64_t lost[DW_WIRE_LOSS_MAX] = {0};

	if (process->is_retired)
		return;
	process->is_retired = true;
	if (process->has_left && collector->follows)
		dw_probe_unlink(collector->probe, process->pid, lost);
	else
		dw_probe_remove(collector->probe, process->pid, lost);
	note_losses(collector, process, lost);
	process->writer.header->flags |= DW_REC_WATCHED | (process->killed_by ? 0 : DW_REC_LEFT);
	collector->cameras[index] = dw_camera_free(collector->cameras[index]);
}

void dw_collector_forget(struct dw_collector *collector, pid_t pid)
{
	struct dw_attached *process = process_of(collector, pid);
	uint64_t lost[DW_WIRE_LOSS_MAX];

	if (process)
		process->is_retired = true;
	dw_probe_remove(collector->probe, pid, lost);
}

unsigned dw_collector_killed_by(const struct dw_collector *collector, uint32_t index)
{
	return collector->processes[index]->killed_by;
}

/* What was lost while processes were parted from, of one of them: the first says so. */
static void note_other_losses(struct dw_collector *collector)
{
	uint64_t lost[DW_WIRE_LOSS_MAX];

	if (collector->n_processes == 0)
		return;
	for (int i = 0; i < DW_WIRE_LOSS_MAX; i++) {
		uint64_t all = dw_probe_loss(collector->probe, i);

		lost[i] = all > collector->lost[i] ? all - collector->lost[i] : 0;
	}
	note_losses(collector, collector->processes[0], lost);
}

void dw_collector_stop(struct dw_collector *collector)
{
	for (uint32_t i = 0; i < collector->n_processes; i++)
		dw_collector_retire(collector, i);
	/* Nobody tells anything any more, so this ends. */
	while (dw_probe_poll(collector->probe, 0) > 0)
		;
	note_other_losses(collector);
	for (uint32_t i = 0; i < collector->n_processes; i++) {
		dw_contended_measure(collector->processes[i], collector->probe);
		if (!collector->processes[i]->has_left)
			note_names(collector->processes[i]);
	}
	dw_collector_counts(collector, &collector->counts);
	collector->probe = dw_probe_free(collector->probe);
}

void dw_collector_counts(const struct dw_collector *collector, struct dw_collector_counts *ret)
{
	struct dw_collector_counts counts = collector->counts;

	if (collector->probe) {
		counts.n_events = dw_probe_n_events(collector->probe);
		counts.n_lost = dw_probe_loss(collector->probe, DW_WIRE_LOSS_RING);
	}
	counts.n_processes = collector->n_processes;
	*ret = counts;
}
