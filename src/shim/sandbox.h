/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program is about to forbid itself system calls (seccomp). The few that the shim makes
 * are put to the filter beforehand, as the kernel would: if one of them would not simply be
 * let through, the shim makes none any more, and lives on what it has prepared.
 */
#pragma once

#include <stdbool.h>

/*
 * A filter is there that forbids what it takes to begin a recording. Not wiped by a fork, as the
 * filter is not.
 */
extern bool shim_sandbox_forbids_begin;

/* The program has filtered its system calls, or tried to. Not wiped either. */
extern bool shim_sandbox_met;

/* What a filter has brought about, as bits. */
enum shim_sandbox_done {
	SHIM_SANDBOX_SEAL = 1,  /* no system call is made any more */
	SHIM_SANDBOX_BEGIN = 2, /* shim_sandbox_forbids_begin is set */
};

/* About to call prctl(PR_SET_SECCOMP, @mode, @filter). Return: what that has newly brought about.
 */
unsigned shim_sandbox(unsigned long mode, const void *filter);

/* About to call seccomp(@operation, flags, @filter); likewise. */
unsigned shim_sandbox_by_seccomp(unsigned long operation, const void *filter);

/* That call has failed: takes back what was @done for it. */
void shim_sandbox_undo(unsigned done);
