/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attend.h"

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
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
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

/* Recordings of one process, of the programs that it ran one after the other. */
#define PROGRAMS_MAX 1000

/* One process. */
struct attended {
	struct dw_guard *guard; /* NULL: it could not be attached to */
	char path[PATH_MAX];
	pid_t pid;
	int pidfd;
	uint32_t index; /* in the collector */
	bool ended;
};

struct attending {
	const struct dw_attend *options;
	struct dw_collector *collector;
	struct attended *processes;
	uint32_t n_processes;
	uint32_t turn;    /* of which process to look at first */
	uint64_t n_found; /* see struct dw_progress_counts */
	int own;          /* pidfd of this process */
	bool is_full;     /* more are not attached to, which was said */

	uint64_t n_unseen; /* that were made, and ended before they could be attached to */
	pid_t unseen;      /* the first of them */
	char unseen_name[DW_TASK_NAME_SIZE];
};

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

static bool has_ended(const struct attended *process)
{
	struct pollfd end = {.fd = process->pidfd, .events = POLLIN};

	return process->pidfd < 0 || poll(&end, 1, 0) > 0;
}

/* Whatever has gone wrong, that the process is not there any more explains it. */
static int refuse(const struct attending *a, const struct attended *process, int error)
{
	if (has_ended(process))
		return dw_attachable_refuse(process->pid, "it has ended meanwhile");
	if (error == -ENOSPC || error == -EDQUOT) {
		fprintf(stderr, "deadwatch: cannot record to '%s': %s\n", process->path,
			strerror(-error));
		return DW_EXIT_FAILED;
	}
	if (error == -ENXIO && a->options->collects.only)
		return dw_attachable_refuse_lacking(process->pid, a->collector);
	return dw_attachable_refuse_file(process->pid, dw_collector_culprit(a->collector), error);
}

static void name_recording(const struct attending *a, struct attended *process)
{
	int n = snprintf(process->path, sizeof(process->path), "%s", a->options->path);

	if (process == a->processes)
		return;
	n += snprintf(process->path + n, sizeof(process->path) - (size_t)n, ".%d", process->pid);
	for (unsigned i = 2; i < PROGRAMS_MAX && access(process->path, F_OK) == 0; i++)
		snprintf(process->path + n, sizeof(process->path) - (size_t)n, ".%u", i);
}

static int watch_over(struct attending *a, struct attended *process)
{
	struct dw_alarm_options options = {
	    .path = process->path,
	    .symbols = dw_collector_symbols(a->collector),
	    .pid = process->pid,
	    .pidfd = a->own,
	    .writer = dw_collector_writer(a->collector, process->index),
	    .stall_ns = dw_environment_number("stall_ms", DW_GUARD_STALL_MS) * 1000000,
	    .verbosity = (unsigned)dw_environment_number("verbosity", 1),
	};

	return dw_guard_new(&process->guard, &options);
}

/* Return: 0, or a negative errno: nothing more is expected of it. */
static int begin(struct attending *a, pid_t pid)
{
	struct attended *process = &a->processes[a->n_processes++];
	int r;

	process->pid = pid;
	process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	name_recording(a, process);
	r = process->pidfd < 0 ? -errno : dw_collector_add(a->collector, pid, process->path);
	if (r >= 0) {
		process->index = (uint32_t)r;
		r = watch_over(a, process);
	}
	process->ended = r < 0;
	return r;
}

/* One that the user wants. Return: 0, or an exit code, and it was said why. */
static int begin_wanted(struct attending *a, pid_t pid)
{
	int r = dw_attachable_check(pid);

	if (r != 0)
		return r;
	r = begin(a, pid);
	return r < 0 ? refuse(a, &a->processes[a->n_processes - 1], r) : 0;
}

/* What was told of a process that did nothing before it ran another program is of no use. */
static void forget_if_empty(struct attending *a, struct attended *process)
{
	const struct dw_rec_header *header =
	    dw_collector_writer(a->collector, process->index)->header;

	if (process != a->processes && header->n_chains == 0 && header->n_locked == 0)
		unlink(process->path);
}

/* Those that run another program now are watched no more. */
static void part_from_those_who_left(struct attending *a)
{
	for (uint32_t i = 0; i < a->n_processes; i++) {
		struct attended *process = &a->processes[i];

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

/* What a terminal would obey is not shown. */
static void say_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	fputs(" (", stderr);
	for (const char *c = slash ? slash + 1 : name; *c; c++)
		fputc(*c > ' ' && *c < 0x7f ? *c : '?', stderr);
	fputc(')', stderr);
}

/* Whoever has waited for it may go on. */
static void say_attached(const struct attending *a, const struct attended *process)
{
	fprintf(stderr, "deadwatch: attached to process %d", process->pid);
	say_name(dw_collector_writer(a->collector, process->index)->header->program);
	fputc('\n', stderr);
}

/* What the user has chosen may come with a file that is not loaded yet. */
static void say_unseen(const struct attending *a)
{
	const char *call;

	for (size_t i = 0; (call = dw_collector_unseen(a->collector, i)); i++)
		fprintf(stderr,
			"deadwatch: no file has the call '%s' so far; those that are loaded later "
			"are looked into as well\n",
			call);
}

/* What was made is not attended to: the first recording says that there was more. */
static void miss(struct attending *a)
{
	dw_writer_lost(dw_collector_writer(a->collector, 0), DW_LOSS_PROCESSES);
}

static void miss_ended(struct attending *a, pid_t pid)
{
	if (a->n_unseen++ == 0) {
		a->unseen = pid;
		dw_task_name(pid, pid, a->unseen_name);
	}
	dw_collector_forget(a->collector, pid);
	miss(a);
}

/* The latest one was begun in vain: nothing is in its recording. */
static void drop(struct attending *a)
{
	struct attended *process = &a->processes[--a->n_processes];

	process->guard = dw_guard_free(process->guard);
	unlink(process->path);
	if (process->pidfd >= 0)
		close(process->pidfd);
}

static void refuse_more(struct attending *a)
{
	if (!a->is_full)
		fprintf(
		    stderr,
		    "deadwatch: %d processes are attached to, and those that they make from now "
		    "on are not\n",
		    DW_COLLECTOR_MAX);
	a->is_full = true;
	miss(a);
}

/* One that was made, or runs another program: it may have ended since. */
static void begin_made(struct attending *a, pid_t pid)
{
	struct attended *process = &a->processes[a->n_processes];
	int r;

	if (a->n_processes == DW_COLLECTOR_MAX) {
		refuse_more(a);
		return;
	}
	r = begin(a, pid);
	/* What is about to end has no memory any more. */
	if (r == -ESRCH || has_ended(process)) {
		miss_ended(a, pid);
		drop(a);
	} else if (r == 0) {
		say_attached(a, process);
	} else {
		refuse(a, process, r);
		miss(a);
		drop(a);
	}
}

static void follow(struct attending *a)
{
	pid_t pid;

	part_from_those_who_left(a);
	while ((pid = dw_collector_born(a->collector)) > 0) {
		dw_progress_clear();
		begin_made(a, pid);
		part_from_those_who_left(a);
	}
}

/* It has ended; it may have been stuck. */
static void part(struct attending *a, struct attended *process, uint64_t now_ns)
{
	dw_guard_look_back(process->guard, now_ns);
	dw_collector_retire(a->collector, process->index);
}

static void look_at(struct attending *a, struct attended *process, uint64_t now_ns, bool closely)
{
	process->ended = has_ended(process);
	if (process->ended)
		part(a, process, now_ns);
	else
		a->n_found += dw_guard_look(process->guard, now_ns, closely) != DW_ALARM_QUIET;
}

/* Return: whether there is still somebody to look at. */
static bool look(struct attending *a)
{
	uint64_t now_ns = dw_writer_now_ns(), until_ns = now_ns + CLOSELY_MAX_NS;
	uint32_t first = a->turn;
	bool any = false, in_time = true;

	dw_collector_look(a->collector, now_ns);
	for (uint32_t i = 0; i < a->n_processes; i++) {
		uint32_t turn = (first + i) % a->n_processes;
		struct attended *process = &a->processes[turn];

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

static void show(const struct attending *a)
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

static int watch(struct attending *a)
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
static void miss_last(struct attending *a)
{
	pid_t pid;

	while ((pid = dw_collector_born(a->collector)) > 0)
		if (dw_target_has_ended((uint32_t)pid))
			miss_ended(a, pid);
}

static void say_missed(const struct attending *a)
{
	if (!a->n_unseen)
		return;
	fprintf(stderr,
		"deadwatch: %" PRIu64 " process%s ended before %s could be attached to, and what "
		"%s did was not seen: %s%d",
		a->n_unseen, a->n_unseen > 1 ? "es" : "", a->n_unseen > 1 ? "they" : "it",
		a->n_unseen > 1 ? "they" : "it", a->n_unseen > 1 ? "the first is " : "", a->unseen);
	if (*a->unseen_name)
		say_name(a->unseen_name);
	fputc('\n', stderr);
}

static void say_killed(const struct attending *a)
{
	struct dw_collector_counts counts;

	dw_collector_counts(a->collector, &counts);
	for (uint32_t i = 0; i < counts.n_processes; i++) {
		const struct dw_rec_header *header = dw_collector_writer(a->collector, i)->header;
		int signal = (int)dw_collector_killed_by(a->collector, i);

		if (!signal)
			continue;
		fprintf(stderr, "deadwatch: process %u", header->pid);
		say_name(header->program);
		fprintf(stderr,
			" was ended by signal %d (%s); what else it would have done is not known\n",
			signal, strsignal(signal));
	}
}

static void stop(struct attending *a)
{
	if (!a->collector)
		return;
	dw_collector_poll(a->collector, /* timeout_ms= */ 0);
	miss_last(a);
	dw_collector_stop(a->collector);
}

static void end(struct attending *a)
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
	struct attending a = {.options = attend};
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
		r = begin_wanted(&a, attend->pids[i]);
	for (uint32_t i = 0; r == 0 && i < a.n_processes; i++)
		say_attached(&a, &a.processes[i]);
	if (r == 0 && attend->collects.only)
		say_unseen(&a);
	if (r == 0 && watch(&a) < 0)
		r = dw_attachable_refuse(attend->pids[0], "its events cannot be read");
	stop(&a);
	/* Where it was refused, that is said, and nothing was seen. */
	if (r == 0) {
		say_killed(&a);
		say_missed(&a);
	}
	end(&a);
	return r;
}
