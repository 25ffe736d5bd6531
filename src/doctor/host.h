/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host lets deadwatch do, as it was tried: a program of two instructions is loaded into
 * the kernel, calls of a function of ours are counted, a child of ours is traced by another. All of
 * it is undone before dw_doctor_host_look() returns.
 *
 * Single-threaded. Results of tries are 0 or a negative errno.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The kernel's lockdown, as /sys/kernel/security tells. */
enum dw_doctor_lockdown {
	DW_DOCTOR_LOCKDOWN_NONE,
	DW_DOCTOR_LOCKDOWN_INTEGRITY,
	DW_DOCTOR_LOCKDOWN_CONFIDENTIALITY,
	DW_DOCTOR_LOCKDOWN_UNKNOWN, /* it is not shown */
};

#define DW_DOCTOR_UNKNOWN (-100) /* a number of /proc/sys/kernel that could not be read */

struct dw_doctor_host {
	char release[65], machine[65];
	int populate;          /* making pages present before they are used, from 5.14 on */
	int pidfd;             /* holding on to a process, from 5.3 on */
	int btf;               /* the kernel's description of its types can be read */
	int bpf;               /* a program that does nothing can be loaded */
	int bpf_read;          /* one that reads memory, too */
	int uprobe;            /* calls can be counted; -ENOENT: the kernel has no such events */
	int trace;             /* a process of the same user that is no child can be traced */
	uint64_t capabilities; /* effective */
	int ptrace_scope;      /* Yama's; DW_DOCTOR_UNKNOWN: there is no Yama */
	int perf_event_paranoid;
	enum dw_doctor_lockdown lockdown;
	uint64_t memory_limit; /* bytes of address space or data, the lesser; UINT64_MAX: none */
	bool is_filtered;      /* system calls of ours pass a seccomp filter */
	bool has_servers;      /* DEBUGINFOD_URLS is set */
	bool has_debuginfod;   /* the library that asks them is there */
	unsigned glibc;        /* minor version of the C library, 36 of 2.36 */
	const char *library;   /* libdeadwatch.so; NULL: there is none. The caller's to fill in */
	const char *attach_missing; /* what attach takes that it was built without; NULL: nothing;
				      the caller's */
	unsigned library_glibc;     /* the minor version that it needs; the caller's */
};

void dw_doctor_host_look(struct dw_doctor_host *ret);
