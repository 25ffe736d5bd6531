/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attend.h"

#include "attach/collect.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/guard.h"
#include "cli/refused.h"
#include "inspect/process.h"
#include "inspect/task.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Events are taken at least so often. */
#define POLL_MS 50

/* One process. */
struct attended {
	struct dw_guard *guard;
	char path[PATH_MAX];
	pid_t pid;
	int pidfd;
	bool ended;
};

struct attending {
	const struct dw_attend *options;
	struct dw_collector *collector;
	struct attended *processes;
	uint32_t n_processes;
	int own; /* pidfd of this process */
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

static int refuse(pid_t pid, const char *why)
{
	fprintf(stderr, "deadwatch: cannot attach to process %d: %s\n", pid, why);
	return DW_EXIT_FAILED;
}

static int refuse_probe(int answer)
{
	static const char *const reasons[] = {
	    [DW_PROBE_NO_BTF] = "this kernel has no BTF (/sys/kernel/btf/vmlinux), without which "
				"BPF programs cannot "
				"know it; CONFIG_DEBUG_INFO_BTF=y would give it that",
	    [DW_PROBE_OLD_KERNEL] =
		"this kernel lacks what the BPF programs need; Linux 5.15 has it",
	    [DW_PROBE_NOT_PERMITTED] =
		"that takes CAP_BPF and CAP_PERFMON: run it as root, or give the program these",
	    [DW_PROBE_LOCKDOWN] =
		"the kernel is locked down (confidentiality), and lets nobody look "
		"into processes by BPF",
	    [DW_PROBE_NOT_BUILT] = "this deadwatch was built without it: " DW_ATTACH_MISSING,
	};

	fprintf(stderr, "deadwatch: cannot attach: %s\n",
		answer > 0 ? reasons[answer] : strerror(-answer));
	return DW_EXIT_FAILED;
}

/* What the program is for. Return: NULL, or why it cannot be attached to. */
static const char *check_program(pid_t pid)
{
	char path[64];
	Elf64_Ehdr header = {0};
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return strerror(errno);
	n = read(fd, &header, sizeof(header));
	close(fd);
	if (n != sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return "its program cannot be read";
	if (header.e_ident[EI_CLASS] != ELFCLASS64)
		return "it is a 32-bit program, which is not supported; 'deadwatch run' is not "
		       "either";
	if (header.e_machine != EM_X86_64)
		return "it is a program of another machine, run by an emulator";
	return NULL;
}

/* Return: 0, or an exit code, and it was said why it cannot be looked into. */
static int check_process(pid_t pid)
{
	struct dw_process_refusal refusal;
	struct dw_process *process;
	int r = dw_process_live_new(&process, pid, &refusal);

	if (r == 0)
		dw_process_free(process);
	if (r < 0)
		return refuse(pid, strerror(-r));
	if (r > 0)
		dw_refused_say(pid, r, &refusal);
	return r > 0 ? DW_EXIT_FAILED : 0;
}

static void name_recording(const struct attending *a, struct attended *process)
{
	if (a->n_processes == 0)
		snprintf(process->path, sizeof(process->path), "%s", a->options->path);
	else
		snprintf(process->path, sizeof(process->path), "%s.%d", a->options->path,
			 process->pid);
}

static int begin(struct attending *a, pid_t pid)
{
	struct attended *process = &a->processes[a->n_processes];
	struct dw_alarm_options options = {
	    .path = process->path,
	    .pid = pid,
	    .pidfd = a->own,
	    .stall_ns = dw_environment_number("stall_ms", DW_GUARD_STALL_MS) * 1000000,
	    .verbosity = (unsigned)dw_environment_number("verbosity", 1),
	};
	const char *why;
	int r = check_process(pid);

	if (r != 0)
		return r;
	why = check_program(pid);
	if (why)
		return refuse(pid, why);
	process->pid = pid;
	process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process->pidfd < 0)
		return refuse(pid, strerror(errno));
	name_recording(a, process);
	r = dw_collector_add(a->collector, pid, process->path);
	if (r < 0)
		return refuse(pid, strerror(-r));
	options.writer = dw_collector_writer(a->collector, (uint32_t)r);
	r = dw_guard_new(&process->guard, &options);
	if (r < 0)
		return refuse(pid, strerror(-r));
	a->n_processes++;
	return 0;
}

static bool has_ended(const struct attended *process)
{
	struct pollfd end = {.fd = process->pidfd, .events = POLLIN};

	return poll(&end, 1, 0) > 0;
}

/* Return: whether there is still somebody to look at. */
static bool look(struct attending *a)
{
	uint64_t now_ns = dw_writer_now_ns();
	bool any = false;

	dw_collector_look(a->collector, now_ns);
	for (uint32_t i = 0; i < a->n_processes; i++) {
		struct attended *process = &a->processes[i];

		if (process->ended)
			continue;
		process->ended = has_ended(process);
		if (process->ended)
			dw_guard_look_back(process->guard, now_ns);
		else
			dw_guard_look(process->guard, now_ns);
		any = any || !process->ended;
	}
	return any;
}

/* On a terminal, one line that changes. */
static void show(const struct attending *a, bool last)
{
	struct dw_collector_counts counts;
	uint32_t n_facts = 0;

	if (!isatty(STDERR_FILENO))
		return;
	dw_collector_counts(a->collector, &counts);
	for (uint32_t i = 0; i < a->n_processes; i++)
		n_facts += dw_collector_writer(a->collector, i)->header->n_chains;
	fprintf(stderr, "\r%" PRIu64 " events, %u facts, %" PRIu64 " lost; Ctrl-C to detach%s",
		counts.n_events, n_facts, counts.n_lost, last ? "\n" : " ");
}

static int watch(struct attending *a)
{
	uint64_t start_ns = dw_writer_now_ns(), looked_ns = 0;
	uint64_t duration_ns = a->options->duration_ns;
	bool any = true;

	while (any && !interrupted) {
		uint64_t now_ns = dw_writer_now_ns();
		int r = dw_collector_poll(a->collector, POLL_MS);

		if (r < 0)
			return dw_pass(r);
		if (duration_ns && now_ns - start_ns >= duration_ns)
			break;
		if (now_ns - looked_ns < DW_GUARD_PERIOD_MS * UINT64_C(1000000))
			continue;
		looked_ns = now_ns;
		any = look(a);
		show(a, false);
	}
	show(a, true);
	return 0;
}

static void end(struct attending *a)
{
	if (a->collector)
		dw_collector_stop(a->collector);
	for (uint32_t i = 0; i < a->n_processes; i++) {
		dw_guard_free(a->processes[i].guard);
		close(a->processes[i].pidfd);
	}
	dw_collector_free(a->collector);
	free(a->processes);
	if (a->own >= 0)
		close(a->own);
}

/* Whoever has waited for it may go on. */
static void say_attached(const struct attending *a)
{
	for (uint32_t i = 0; i < a->n_processes; i++)
		fprintf(stderr, "deadwatch: attached to process %d\n", a->processes[i].pid);
}

/* The processes of that name are those of now. */
static int find_named(struct dw_attend *attend)
{
	struct dirent **entries;
	int n = scandir("/proc", &entries, NULL, versionsort);

	for (int i = 0; i < n; i++) {
		pid_t pid = (pid_t)atoi(entries[i]->d_name);
		char name[DW_TASK_NAME_SIZE];

		if (pid > 0 && pid != getpid() && attend->n_pids < DW_ATTEND_MAX &&
		    dw_task_name(pid, pid, name) == 0 && strcmp(name, attend->comm) == 0)
			attend->pids[attend->n_pids++] = pid;
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (attend->n_pids > 0)
		return 0;
	fprintf(stderr, "deadwatch: cannot attach: no process is called '%s'\n", attend->comm);
	return DW_EXIT_FAILED;
}

int dw_attend(struct dw_attend *attend)
{
	struct attending a = {.options = attend};
	int r = attend->comm ? find_named(attend) : 0;

	if (r != 0)
		return r;
	a.own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	a.processes = calloc(attend->n_pids, sizeof(*a.processes));
	r = a.processes ? dw_collector_new(&a.collector, attend->every_taking) : -ENOMEM;
	if (r != 0)
		r = refuse_probe(r);
	listen_to_user();
	for (uint32_t i = 0; r == 0 && i < attend->n_pids; i++)
		r = begin(&a, attend->pids[i]);
	if (r == 0)
		say_attached(&a);
	if (r == 0 && watch(&a) < 0)
		r = refuse(attend->pids[0], "its events cannot be read");
	end(&a);
	return r;
}
