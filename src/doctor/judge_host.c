/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/settings.h"
#include "doctor/host.h"
#include "doctor/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#define AS_ROOT "run deadwatch as root"

static bool has(const struct dw_doctor_host *host, unsigned capability)
{
	return host->capabilities & (UINT64_C(1) << capability);
}

static void judge_kernel(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement no_pidfd = {
	    .run = DW_DOCTOR_LIMITED,
	    .means = "there is no monitor, so what is stuck is told by reports only",
	    .remedy = "Linux 5.3 or later, where pidfd_open() is not filtered",
	};
	static const struct dw_judgement no_populate = {
	    .run = DW_DOCTOR_LIMITED,
	    .means = "a recording takes 8 MiB of the disk at once",
	    .remedy = "Linux 5.14 or later",
	};
	const struct dw_judgement *judgement = NULL;

	if (host->pidfd < 0)
		judgement = &no_pidfd;
	else if (host->populate < 0)
		judgement = &no_populate;
	dw_judging_add(judging, "kernel", judgement, "Linux %s, %s", host->release, host->machine);
}

static void judge_library(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement missing = {
	    .run = DW_DOCTOR_MISSING,
	    .means = "there is nothing to preload",
	    .remedy = "install all of deadwatch, or name the library in DEADWATCH_LIBRARY",
	};

	if (host->library)
		dw_judging_add(judging, "library", NULL, "%s", host->library);
	else
		dw_judging_add(judging, "library", &missing, "libdeadwatch.so was not found");
}

static void judge_limits(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement too_little = {
	    .run = DW_DOCTOR_MISSING,
	    .means = "the program is left all of it, and nothing is recorded",
	    .remedy = "raise it (ulimit -v, ulimit -d) to 64 MiB at least",
	};

	if (host->memory_limit == UINT64_MAX)
		dw_judging_add(judging, "limits", NULL, "none of memory");
	else
		dw_judging_add(judging, "limits",
			       host->memory_limit < DW_ROOM_MIN ? &too_little : NULL,
			       "%" PRIu64 " MiB of memory", host->memory_limit >> 20);
}

/* CAP_SYS_ADMIN has the two that were split from it. */
static void judge_capabilities(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	bool admin = has(host, CAP_SYS_ADMIN), bpf = admin || has(host, CAP_BPF);
	bool perfmon = admin || has(host, CAP_PERFMON), ptrace = has(host, CAP_SYS_PTRACE);
	struct dw_judgement judgement = {
	    .attach = bpf && perfmon && ptrace ? DW_DOCTOR_OK : DW_DOCTOR_LIMITED,
	    .inspect = ptrace ? DW_DOCTOR_OK : DW_DOCTOR_LIMITED,
	    .means = "what takes these is refused; the rows below were tried",
	    .remedy = AS_ROOT ", or with the capabilities that are missing",
	};

	if (bpf && perfmon && ptrace)
		dw_judging_add(judging, "capabilities", NULL,
			       "CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE");
	else
		dw_judging_add(judging, "capabilities", &judgement, "without%s%s%s",
			       bpf ? "" : " CAP_BPF", perfmon ? "" : " CAP_PERFMON",
			       ptrace ? "" : " CAP_SYS_PTRACE");
}

static void judge_filter(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement in_the_way = {
	    .attach = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "it may be what refuses the rows below",
	    .remedy =
		"start the container with --security-opt seccomp=unconfined, or run deadwatch "
		"outside of it",
	};
	bool all_is_well = host->bpf == 0 && host->uprobe == 0 && host->trace == 0;

	if (host->is_filtered)
		dw_judging_add(judging, "filter", all_is_well ? NULL : &in_the_way,
			       "system calls pass a seccomp filter, as in a container");
	else
		dw_judging_add(judging, "filter", NULL, "no seccomp filter");
}

/* Yama's 1 leaves a monitor, which the program permits, in peace. */
static void judge_ptrace(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement refused_by_yama = {
	    .inspect = DW_DOCTOR_MISSING,
	    .means = "a running program may only be looked into by its parent",
	    .remedy = AS_ROOT ", or 'sysctl kernel.yama.ptrace_scope=0' for as long as it takes",
	};
	static const struct dw_judgement refused = {
	    .run = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_MISSING,
	    .means = "the stacks of a running program may not be seen",
	    .remedy = AS_ROOT ", with CAP_SYS_PTRACE and ptrace_scope below 3",
	};
	const struct dw_judgement *judgement = NULL;
	char scope[32] = "no Yama";

	if (host->ptrace_scope != DW_DOCTOR_UNKNOWN)
		snprintf(scope, sizeof(scope), "ptrace_scope %d", host->ptrace_scope);
	if (host->trace < 0)
		judgement = host->ptrace_scope == 1 ? &refused_by_yama : &refused;
	if (!judgement)
		dw_judging_add(judging, "ptrace", NULL, "one process can trace another (%s)",
			       scope);
	else
		dw_judging_add(judging, "ptrace", judgement,
			       "one process cannot trace another: %s (%s)", strerror(-host->trace),
			       scope);
}

static void judge_bpf(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement not_permitted = {
	    .attach = DW_DOCTOR_MISSING,
	    .means = "it follows a process by programs in the kernel",
	    .remedy = AS_ROOT ", or with CAP_BPF and CAP_PERFMON",
	};
	static const struct dw_judgement unknown = {
	    .attach = DW_DOCTOR_MISSING,
	    .means = "it follows a process by programs in the kernel",
	    .remedy = "a kernel with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS",
	};
	static const struct dw_judgement blind = {
	    .attach = DW_DOCTOR_MISSING,
	    .means = "its programs have to read memory",
	    .remedy = "a kernel without lockdown=confidentiality",
	};

	if (host->bpf == 0 && host->bpf_read == 0)
		dw_judging_add(judging, "bpf", NULL, "a program was loaded");
	else if (host->bpf == 0)
		dw_judging_add(judging, "bpf", &blind,
			       "a program that reads memory was not loaded: %s",
			       strerror(-host->bpf_read));
	else
		dw_judging_add(judging, "bpf", host->bpf == -EPERM ? &not_permitted : &unknown,
			       "a program was not loaded: %s", strerror(-host->bpf));
}

static void judge_attach(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement absent = {
	    .attach = DW_DOCTOR_MISSING,
	    .means = "it was left out when deadwatch was built",
	    .remedy = "build deadwatch again where clang, bpftool and libbpf are installed",
	};

	if (host->attach_missing)
		dw_judging_add(judging, "attach", &absent, "not built: %s", host->attach_missing);
	else
		dw_judging_add(judging, "attach", NULL, "built in");
}

static void judge_btf(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement missing = {
	    .attach = DW_DOCTOR_MISSING,
	    .means = "its programs cannot be fitted to this kernel",
	    .remedy = "a kernel with CONFIG_DEBUG_INFO_BTF, and /sys mounted",
	};

	if (host->btf == 0)
		dw_judging_add(judging, "btf", NULL, "the kernel describes its types");
	else
		dw_judging_add(judging, "btf", &missing, "/sys/kernel/btf/vmlinux: %s",
			       strerror(-host->btf));
}

static void judge_lockdown(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement confidential = {
	    .attach = DW_DOCTOR_MISSING,
	    .means = "programs in the kernel may not read memory",
	    .remedy = "a kernel without lockdown=confidentiality",
	};
	static const char *const words[] = {
	    [DW_DOCTOR_LOCKDOWN_NONE] = "none",
	    [DW_DOCTOR_LOCKDOWN_INTEGRITY] = "integrity, which is not in the way",
	    [DW_DOCTOR_LOCKDOWN_CONFIDENTIALITY] = "confidentiality",
	    [DW_DOCTOR_LOCKDOWN_UNKNOWN] = "not shown; the row of bpf was tried",
	};

	dw_judging_add(judging, "lockdown",
		       host->lockdown == DW_DOCTOR_LOCKDOWN_CONFIDENTIALITY ? &confidential : NULL,
		       "%s", words[host->lockdown]);
}

static void judge_uprobes(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement not_permitted = {
	    .run = DW_DOCTOR_LIMITED,
	    .attach = DW_DOCTOR_LIMITED,
	    .means = "calls of functions cannot be watched (--heartbeat)",
	    .remedy = AS_ROOT ", or with CAP_PERFMON",
	};
	static const struct dw_judgement unknown = {
	    .run = DW_DOCTOR_LIMITED,
	    .attach = DW_DOCTOR_LIMITED,
	    .means = "calls of functions cannot be watched (--heartbeat)",
	    .remedy = "a kernel with CONFIG_UPROBE_EVENTS, and /sys mounted",
	};
	char paranoid[48] = "";

	if (host->perf_event_paranoid != DW_DOCTOR_UNKNOWN)
		snprintf(paranoid, sizeof(paranoid), " (perf_event_paranoid %d)",
			 host->perf_event_paranoid);
	if (host->uprobe == 0)
		dw_judging_add(judging, "uprobes", NULL, "a call was counted%s", paranoid);
	else if (host->uprobe == -EPERM)
		dw_judging_add(judging, "uprobes", &not_permitted, "calls cannot be counted: %s%s",
			       strerror(EPERM), paranoid);
	else
		dw_judging_add(judging, "uprobes", &unknown, "calls cannot be counted: %s%s",
			       strerror(-host->uprobe), paranoid);
}

static void judge_debuginfod(struct dw_judging *judging, const struct dw_doctor_host *host)
{
	static const struct dw_judgement no_library = {
	    .run = DW_DOCTOR_LIMITED,
	    .attach = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "debug symbols are not fetched although DEBUGINFOD_URLS asks for it",
	    .remedy = "install libdebuginfod.so.1 (Debian: libdebuginfod1)",
	};

	if (!host->has_servers)
		dw_judging_add(judging, "debuginfod", NULL,
			       "DEBUGINFOD_URLS is not set: no debug symbols are fetched");
	else if (host->has_debuginfod)
		dw_judging_add(judging, "debuginfod", NULL,
			       "DEBUGINFOD_URLS is set: debug symbols are asked for there");
	else
		dw_judging_add(judging, "debuginfod", &no_library,
			       "DEBUGINFOD_URLS is set, but libdebuginfod.so.1 is missing");
}

void dw_judge_host(struct dw_judging *judging)
{
	const struct dw_doctor_host *host = judging->facts->host;

	judge_kernel(judging, host);
	judge_library(judging, host);
	judge_limits(judging, host);
	judge_capabilities(judging, host);
	judge_filter(judging, host);
	judge_ptrace(judging, host);
	judge_lockdown(judging, host);
	judge_attach(judging, host);
	judge_bpf(judging, host);
	judge_btf(judging, host);
	judge_uprobes(judging, host);
	judge_debuginfod(judging, host);
}
