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

/* About to call prctl(PR_SET_SECCOMP, @mode, @filter). Return: whether the shim is sealed by it. */
bool shim_sandbox(unsigned long mode, const void *filter);

/* About to call seccomp(@operation, flags, @filter); likewise. */
bool shim_sandbox_by_seccomp(unsigned long operation, const void *filter);

/* That call has failed. */
void shim_sandbox_undo(void);
