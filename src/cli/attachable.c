/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attachable.h"

#include "attach/probe.h"
#include "base/resource.h"
#include "cli/command.h"
#include "cli/refused.h"
#include "inspect/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Files that are named where something is in none. */
#define FILES_SAID_MAX 4

/* What remains where BPF is of no use. */
#define INSPECT "; 'deadwatch inspect PID' needs none of it"

int dw_attachable_refuse(pid_t pid, const char *why)
{
	fprintf(stderr, "deadwatch: cannot attach to process %d: %s\n", (int)pid, why);
	return DW_EXIT_FAILED;
}

/* What this process may do, one bit each; 0: not known. */
static uint64_t own_capabilities(void)
{
	dw_auto_stream file = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t capabilities = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %" SCNx64, &capabilities) == 1)
			break;
	return capabilities;
}

/* CAP_SYS_ADMIN has the two that were split from it. */
static int refuse_by_capability(void)
{
	uint64_t own = own_capabilities();
	bool admin = own >> CAP_SYS_ADMIN & 1;
	bool bpf = admin || own >> CAP_BPF & 1, perfmon = admin || own >> CAP_PERFMON & 1;

	if (bpf && perfmon)
		fprintf(stderr,
			"deadwatch: cannot attach: the kernel does not permit BPF, although "
			"there are CAP_BPF and CAP_PERFMON: a sandbox or container is in the "
			"way, run it outside" INSPECT "\n");
	else
		fprintf(stderr,
			"deadwatch: cannot attach: %s%s%s missing: run it as root, or 'setcap "
			"cap_bpf,cap_perfmon,cap_sys_ptrace+ep' the program" INSPECT "\n",
			bpf ? "" : "CAP_BPF", bpf || perfmon ? "" : " and ",
			perfmon ? " is"
			: bpf   ? "CAP_PERFMON is"
				: "CAP_PERFMON are");
	return DW_EXIT_FAILED;
}

int dw_attachable_refuse_all(int answer)
{
	static const char *const reasons[] = {
	    [DW_PROBE_NO_BTF] = "this kernel has no BTF (/sys/kernel/btf/vmlinux), without which "
				"BPF programs cannot know it: boot one with "
				"CONFIG_DEBUG_INFO_BTF=y" INSPECT,
	    [DW_PROBE_OLD_KERNEL] = "this kernel lacks what the BPF programs need: boot Linux 5.15 "
				    "or later" INSPECT,
	    [DW_PROBE_LOCKDOWN] =
		"the kernel is locked down (confidentiality), and lets nobody "
		"look into processes by BPF: boot with lockdown=integrity" INSPECT,
	    [DW_PROBE_NOT_BUILT] =
		"this deadwatch was built without it: " DW_ATTACH_MISSING INSPECT,
	};

	if (answer == DW_PROBE_NOT_PERMITTED)
		return refuse_by_capability();
	fprintf(stderr, "deadwatch: cannot attach: %s\n",
		answer > 0 ? reasons[answer] : strerror(-answer));
	return DW_EXIT_FAILED;
}

int dw_attachable_refuse_file(pid_t pid, const char *path, int error)
{
	if (!path)
		return dw_attachable_refuse(pid, strerror(-error));
	fprintf(stderr, "deadwatch: cannot attach to process %d: ", (int)pid);
	if (error == -ESTALE)
		fprintf(stderr,
			"%s is not the file any more that the process has loaded (its build "
			"id is another one): restart the process, or attach without --order\n",
			path);
	else
		fprintf(stderr,
			"%s cannot be probed (%s): run it as root, or attach without --order\n",
			path, strerror(-error));
	return DW_EXIT_FAILED;
}

/* All names of one function, in all versions of the program. */
static void say_names(const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s%s", i ? " or " : "", names[i]);
}

/* The first ones: a program may have hundreds. */
static void say_files(const struct dw_collector *collector)
{
	uint32_t n = 0;
	const char *path;

	fputs(" (looked into: ", stderr);
	for (; (path = dw_collector_looked_into(collector, n)); n++)
		if (n < FILES_SAID_MAX)
			fprintf(stderr, "%s%s", n ? ", " : "", path);
	if (n > FILES_SAID_MAX)
		fprintf(stderr, " and %" PRIu32 " more", n - FILES_SAID_MAX);
	fputs(")", stderr);
}

static void say_lock(const struct dw_only_lock *lock)
{
	fprintf(stderr, "which lock '%s' is cannot be told: no file of it shows what ", lock->name);
	say_names(lock->taken_in, lock->n_taken_in);
	fputs(" takes, and ", stderr);
	say_names(lock->let_go_in, lock->n_let_go_in);
	fputs(" lets go of", stderr);
}

int dw_attachable_refuse_lacking(pid_t pid, const struct dw_collector *collector)
{
	const struct dw_only_lacking *lacking = dw_collector_lacking(collector);

	fprintf(stderr, "deadwatch: cannot attach to process %d: ", (int)pid);
	if (lacking->lock)
		say_lock(lacking->lock);
	else
		fprintf(stderr, "it has no function '%s'", lacking->function);
	say_files(collector);
	fputs(": it is another program, or has lost its symbols; attach without --only\n", stderr);
	return DW_EXIT_FAILED;
}

int dw_attachable_check(pid_t pid)
{
	struct dw_process_refusal refusal;
	struct dw_process *process;
	int r;

	if (pid == getpid())
		return dw_attachable_refuse(pid, "it is this one: name that of another");
	r = dw_process_live_new(&process, pid, &refusal);
	if (r < 0)
		return dw_attachable_refuse(pid, strerror(-r));
	if (r > 0) {
		dw_refused_say(pid, r, &refusal);
		return DW_EXIT_FAILED;
	}
	dw_process_free(process);
	return 0;
}
