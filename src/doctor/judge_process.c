/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/host.h"
#include "doctor/judge.h"
#include "doctor/process.h"

#include <linux/capability.h>
#include <string.h>

static void judge_itself(struct dw_judging *judging, const struct dw_doctor_process *process)
{
	dw_judging_add(judging, "process", NULL, "%s (%d), user %u, %u thread%s", process->name,
		       process->pid, process->user, process->n_threads,
		       process->n_threads == 1 ? "" : "s");
	dw_judging_add(judging, "recorded", NULL, "%s",
		       process->is_recorded   ? "libdeadwatch.so is loaded"
		       : process->hides_files ? "not known: what it has loaded is not shown"
					      : "no: it was not started under deadwatch");
	dw_judging_add(judging, "namespaces", NULL, "%s",
		       process->is_elsewhere
			   ? "other ones, as in a container: its files are below its /proc/PID/root"
		       : process->hides_namespaces ? "not known: they are not shown"
						   : "those of deadwatch");
}

static void judge_memory(struct dw_judging *judging, const struct dw_doctor_process *process)
{
	const struct dw_doctor_host *host = judging->facts->host;
	bool is_able = host && host->capabilities & (UINT64_C(1) << CAP_SYS_PTRACE);
	const struct dw_judgement closed = {
	    .attach = DW_DOCTOR_MISSING,
	    .inspect = DW_DOCTOR_MISSING,
	    .means = "neither its memory nor its stacks can be seen",
	    .remedy = is_able ? "find what protects it: a security module, or a user namespace "
				"that is not deadwatch's"
			      : "run deadwatch as root; see also the row of ptrace",
	};

	if (process->memory == 0)
		dw_judging_add(judging, "memory", NULL, "can be read");
	else
		dw_judging_add(judging, "memory", &closed, "cannot be read: %s",
			       strerror(-process->memory));
}

/* A monitor is of the process's own user: what is open to us may be closed to it. */
static void judge_dumpable(struct dw_judging *judging, const struct dw_doctor_process *process)
{
	static const struct dw_judgement closed = {
	    .run = DW_DOCTOR_LIMITED,
	    .means = "its monitor, which is of its own user, cannot see stacks",
	    .remedy = "run it as the user that it becomes, or let it prctl(PR_SET_DUMPABLE, 1)",
	};

	if (process->user == 0)
		dw_judging_add(judging, "dumpable", NULL, "not to be told of a process of root's");
	else if (process->is_dumpable)
		dw_judging_add(judging, "dumpable", NULL, "yes");
	else
		dw_judging_add(judging, "dumpable", &closed, "no, as after a change of its user");
}

static void judge_seccomp(struct dw_judging *judging, const struct dw_doctor_process *process)
{
	static const struct dw_judgement filtered = {
	    .run = DW_DOCTOR_LIMITED,
	    .means = "a filter from before the first thread keeps the monitor away",
	    .remedy = "start it without its sandbox for as long as it takes (QEMU: -sandbox off)",
	};

	if (process->seccomp == 0)
		dw_judging_add(judging, "seccomp", NULL, "no filter");
	else
		dw_judging_add(judging, "seccomp", &filtered, "%s",
			       process->seccomp == 1 ? "strict" : "a filter");
}

static void judge_tracer(struct dw_judging *judging, const struct dw_doctor_process *process)
{
	static const struct dw_judgement taken = {
	    .run = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "only one process can see its stacks",
	    .remedy = "end or detach that debugger",
	};

	if (process->tracer)
		dw_judging_add(judging, "tracer", &taken, "process %d traces it", process->tracer);
	else
		dw_judging_add(judging, "tracer", NULL, "none");
}

static void judge_files(struct dw_judging *judging, const struct dw_doctor_process *process)
{
	static const struct dw_judgement changed = {
	    .run = DW_DOCTOR_LIMITED,
	    .attach = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "functions in there have no names: the file's are those of another build",
	    .remedy = "restart the program, or set DEBUGINFOD_URLS to a server that has the build",
	};
	static const struct dw_judgement unseen = {
	    .attach = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "what runs cannot be compared with the files",
	    .remedy = "see the row of memory",
	};

	if (process->memory < 0)
		dw_judging_add(judging, "files", &unseen, "not seen");
	else if (process->n_changed == 0)
		dw_judging_add(judging, "files", NULL, "all %u are those that were loaded",
			       process->n_files);
	else
		dw_judging_add(judging, "files", &changed,
			       "%u of %u are not those that were loaded: %s%s", process->n_changed,
			       process->n_files, process->changed,
			       process->n_changed > 1 ? " and others" : "");
}

static void judge_glibc(struct dw_judging *judging, const struct dw_doctor_process *process)
{
	static const struct dw_judgement too_old = {
	    .run = DW_DOCTOR_MISSING,
	    .means = "the loader refuses libdeadwatch.so, which was built for a later one",
	    .remedy = "build deadwatch where the C library is no later than the program's",
	};
	const struct dw_doctor_host *host = judging->facts->host;
	unsigned needed = host ? host->library_glibc : 0;

	if (process->glibc == 0)
		return; /* none is there, which the program's row tells, or nothing can be seen */
	if (needed > process->glibc)
		dw_judging_add(judging, "glibc", &too_old, "2.%u; libdeadwatch.so needs 2.%u",
			       process->glibc, needed);
	else
		dw_judging_add(judging, "glibc", NULL, "2.%u", process->glibc);
}

void dw_judge_process(struct dw_judging *judging)
{
	const struct dw_doctor_process *process = judging->facts->process;

	judge_itself(judging, process);
	judge_memory(judging, process);
	judge_dumpable(judging, process);
	judge_seccomp(judging, process);
	judge_tracer(judging, process);
	judge_files(judging, process);
	judge_glibc(judging, process);
}
