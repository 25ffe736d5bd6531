/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/refused.h"

#include <stdio.h>

/* What is in the way, and then the remedy. */
static const char *const obstacles[] = {
    [DW_OBSTACLE_UNKNOWN] = "the kernel does not permit it, and does not say why: try as "
			    "root; if that is what you are, outside of what confines it (a "
			    "container, a security module as AppArmor or SELinux)",
    [DW_OBSTACLE_USER] = "it belongs to another user: run deadwatch as that user, or as root",
    [DW_OBSTACLE_DUMPABLE] = "it is not dumpable (it has changed its user or its privileges, or "
			     "asked for that by prctl): run deadwatch as root",
    [DW_OBSTACLE_CAPABILITY] = "it has capabilities that deadwatch has not: run deadwatch with "
			       "CAP_SYS_PTRACE, as root has it outside of containers",
    [DW_OBSTACLE_NAMESPACE] = "it is in another user namespace: run deadwatch as root outside, or "
			      "within that namespace (nsenter --user)",
    [DW_OBSTACLE_FILTER] = "deadwatch itself runs under a seccomp filter, as in most containers: "
			   "let ptrace and process_vm_readv through (docker run "
			   "--cap-add=SYS_PTRACE)",
};

static void say_forbidden(pid_t pid, const struct dw_process_refusal *refusal)
{
	fprintf(stderr, "deadwatch: cannot look into process %d: ", (int)pid);
	if (refusal->obstacle == DW_OBSTACLE_PTRACE_SCOPE)
		fprintf(stderr,
			"kernel.yama.ptrace_scope is %u: run deadwatch as root, or 'sysctl "
			"kernel.yama.ptrace_scope=0'\n",
			refusal->setting);
	else if (refusal->obstacle == DW_OBSTACLE_TRACED)
		fprintf(stderr, "process %d (a debugger?) traces it: end that first\n",
			(int)refusal->leader);
	else
		fprintf(stderr, "%s\n", obstacles[refusal->obstacle]);
}

void dw_refused_say(pid_t pid, int answer, const struct dw_process_refusal *refusal)
{
	switch ((enum dw_process_answer)answer) {
	case DW_PROCESS_NONE:
		fprintf(stderr, "deadwatch: there is no process %d\n", (int)pid);
		break;
	case DW_PROCESS_THREAD:
		fprintf(stderr, "deadwatch: %d is a thread of process %d: name that\n", (int)pid,
			(int)refusal->leader);
		break;
	case DW_PROCESS_ZOMBIE:
		fprintf(stderr,
			"deadwatch: process %d has ended; just its parent has not noticed\n",
			(int)pid);
		break;
	case DW_PROCESS_HEADLESS:
		fprintf(stderr,
			"deadwatch: the main thread of process %d has ended, without which the "
			"kernel shows none of its memory\n",
			(int)pid);
		break;
	case DW_PROCESS_KERNEL:
		fprintf(stderr, "deadwatch: process %d is the kernel's own\n", (int)pid);
		break;
	case DW_PROCESS_FORBIDDEN:
		say_forbidden(pid, refusal);
		break;
	case DW_PROCESS_FOREIGN:
		fprintf(
		    stderr,
		    "deadwatch: process %d is no 64-bit program for x86-64, and deadwatch knows "
		    "the "
		    "locks and stacks of no others: give 'deadwatch inspect --from gdb' what gdb "
		    "prints for 'thread apply all bt'\n",
		    (int)pid);
		break;
	}
}
