/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attend_parts.h"

#include "base/error.h"
#include "cli/attachable.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/guard.h"
#include "cli/progress.h"
#include "cli/target.h"
#include "inspect/task.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Events are taken at least so often; and while there are pictures to be taken. */
#define POLL_MS 50
#define POLL_SOON_MS 5

/*
 * All processes get a look in time. For closer ones, which take long, there is so much time a
 * round; who gets none has the first turn of the next.
 */
#define CLOSELY_MAX_NS UINT64_C(500000000)

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static void listen_to_user(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* What was told of a process that did nothing before it ran another program is of no use. */
static void forget_if_empty(struct dw_attending *a, struct dw_attended *process)
{
	const struct dw_rec_header *header =
	    dw_collector_writer(a->collector, process->index)->header;

	if (process != a->processes && header->n_chains == 0 && header->n_locked == 0)
		unlink(process->path);
}

/* Those that run another program now are watched no more. */
static void part_from_those_who_left(struct dw_attending *a)
{
	for (uint32_t i = 0; i < a->n_processes; i++) {
		struct dw_attended *process = &a->processes[i];

		if (process->ended || !dw_collector_has_left(a->collector, process->index))
			continue;
		process->ended = true;
		process->guard = dw_guard_free(process->guard);
		if (!a->options->collects.follows) {
			dw_progress_clear();
			fprintf(stderr,
				"deadwatch: process %d runs another program now; with "
				"--follow that would be watched\n",
				process->pid);
		}
		dw_collector_retire(a->collector, process->index);
		forget_if_empty(a, process);
	}
}

static void follow(struct dw_attending *a)
{
	pid_t pid;

	part_from_those_who_left(a);
	while ((pid = dw_collector_born(a->collector)) > 0) {
		dw_progress_clear();
		dw_attend_begin_made(a, pid);
		part_from_those_who_left(a);
	}
}

/* It has ended; it may have been stuck. */
static void part(struct dw_attending *a, struct dw_attended *process, uint64_t now_ns)
{
	dw_guard_look_back(process->guard, now_ns);
	dw_collector_retire(a->collector, process->index);
}

static void look_at(struct dw_attending *a, struct dw_attended *process, uint64_t now_ns,
		    bool closely)
{
	process->ended = dw_attend_has_ended(process);
	if (process->ended)
		part(a, process, now_ns);
	else
		a->n_found += dw_guard_look(process->guard, now_ns, closely) != DW_ALARM_QUIET;
}

/* Return: whether there is still somebody to look at. */
static bool look(struct dw_attending *a)
{
	uint64_t now_ns = dw_writer_now_ns(), until_ns = now_ns + CLOSELY_MAX_NS;
	uint32_t first = a->turn;
	bool any = false, in_time = true;

	dw_collector_look(a->collector, now_ns);
	for (uint32_t i = 0; i < a->n_processes; i++) {
		uint32_t turn = (first + i) % a->n_processes;
		struct dw_attended *process = &a->processes[turn];

		if (process->ended)
			continue;
		now_ns = dw_writer_now_ns();
		if (in_time && now_ns >= until_ns)
			a->turn = turn;
		in_time = now_ns < until_ns;
		look_at(a, process, now_ns, in_time);
		any = any || !process->ended;
	}
	return any;
}

static void show(const struct dw_attending *a)
{
	struct dw_progress_counts shown = {.n_found = a->n_found};
	struct dw_collector_counts counts;

	dw_collector_counts(a->collector, &counts);
	shown.n_events = counts.n_events;
	shown.n_lost = counts.n_lost;
	for (uint32_t i = 0; i < counts.n_processes; i++)
		shown.n_facts += dw_collector_writer(a->collector, i)->header->n_chains;
	dw_progress_attend(&shown);
}

static int watch(struct dw_attending *a)
{
	uint64_t start_ns = dw_writer_now_ns(), looked_ns = 0;
	uint64_t duration_ns = a->options->duration_ns;
	bool any = true, had_any = true, soon = true;

	/* Who has ended may have made somebody just before: what it told of that comes after. */
	while ((any || (had_any && a->options->collects.follows)) && !interrupted) {
		uint64_t now_ns = dw_writer_now_ns();
		int r = dw_collector_poll(a->collector, soon ? POLL_SOON_MS : POLL_MS);

		if (r < 0)
			return dw_pass(r);
		follow(a);
		soon = dw_collector_picture(a->collector);
		if (duration_ns && now_ns - start_ns >= duration_ns)
			break;
		if (now_ns - looked_ns < DW_GUARD_PERIOD_MS * UINT64_C(1000000))
			continue;
		/* Who has not run since the last look is where the events of then have it. */
		if (dw_collector_seen_ns(a->collector) < looked_ns)
			continue;
		dw_progress_clear(); /* who looks may have something to say */
		had_any = any;
		any = look(a);
		looked_ns = dw_writer_now_ns();
		show(a);
	}
	dw_progress_clear();
	return 0;
}

/* Of those that were made last, who lives is left with all others. */
static void miss_last(struct dw_attending *a)
{
	pid_t pid;

	while ((pid = dw_collector_born(a->collector)) > 0)
		if (dw_target_has_ended((uint32_t)pid))
			dw_attend_miss(a, pid);
}

static void stop(struct dw_attending *a)
{
	if (!a->collector)
		return;
	dw_collector_poll(a->collector, /* timeout_ms= */ 0);
	miss_last(a);
	dw_collector_stop(a->collector);
}

static void end(struct dw_attending *a)
{
	for (uint32_t i = 0; i < a->n_processes; i++) {
		dw_guard_free(a->processes[i].guard);
		if (a->processes[i].pidfd >= 0)
			close(a->processes[i].pidfd);
	}
	dw_collector_free(a->collector);
	free(a->processes);
	if (a->own >= 0)
		close(a->own);
}

int dw_attend_add(struct dw_attend *attend, pid_t pid)
{
	for (uint32_t i = 0; i < attend->n_pids; i++)
		if (attend->pids[i] == pid)
			return 0;
	if (attend->n_pids == DW_COLLECTOR_MAX)
		return -ENOSPC;
	attend->pids[attend->n_pids++] = pid;
	return 0;
}

static bool is_called(pid_t pid, const char *comm)
{
	char name[DW_TASK_NAME_SIZE];

	return pid > 0 && pid != getpid() && dw_task_name(pid, pid, name) == 0 &&
	       strcmp(name, comm) == 0;
}

/* The processes of that name are those of now. */
static int find_named(struct dw_attend *attend)
{
	struct dirent **entries;
	int n = scandir("/proc", &entries, NULL, versionsort), r = 0;
	bool found = false;

	for (int i = 0; i < n; i++) {
		pid_t pid = (pid_t)atoi(entries[i]->d_name);

		if (r == 0 && is_called(pid, attend->comm)) {
			r = dw_attend_add(attend, pid);
			found = true;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (found && r == 0)
		return 0;
	if (found)
		fprintf(stderr,
			"deadwatch: cannot attach: with those called '%s' there are more than %d "
			"processes: name the numbers of those that matter\n",
			attend->comm, DW_COLLECTOR_MAX);
	else
		fprintf(stderr, "deadwatch: cannot attach: no process is called '%s'\n",
			attend->comm);
	return DW_EXIT_FAILED;
}

static uint32_t ring_size(void)
{
	uint64_t size = dw_environment_number("attach_ring", 0) * 1024;

	return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

int dw_attend(struct dw_attend *attend)
{
	struct dw_attending a = {.options = attend};
	int r = attend->comm ? find_named(attend) : 0;

	if (r != 0)
		return r;
	attend->collects.ring_size = ring_size();
	a.own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	a.processes = calloc(DW_COLLECTOR_MAX, sizeof(*a.processes));
	r = a.processes ? dw_collector_new(&a.collector, &attend->collects) : -ENOMEM;
	if (r != 0)
		r = dw_attachable_refuse_all(r);
	listen_to_user();
	for (uint32_t i = 0; r == 0 && i < attend->n_pids; i++)
		r = dw_attend_begin(&a, attend->pids[i]);
	for (uint32_t i = 0; r == 0 && i < a.n_processes; i++)
		dw_attend_say_attached(&a, &a.processes[i]);
	if (r == 0 && attend->collects.only)
		dw_attend_say_unseen(&a);
	if (r == 0 && watch(&a) < 0)
		r = dw_attachable_refuse(attend->pids[0], "its events cannot be read");
	stop(&a);
	/* Where it was refused, that is said, and nothing was seen. */
	if (r == 0)
		dw_attend_say_ends(&a);
	end(&a);
	return r;
}
