/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the kernel does not let us look into a process: found out after the fact, from what
 * everybody may read about it.
 */
#pragma once

#include "inspect/process.h"

/*
 * Whether @pid is a process at all: it may be a thread, have ended, or be the kernel's.
 *
 * Return: 0, or a dw_process_answer other than DW_PROCESS_FORBIDDEN.
 */
int dw_refusal_check(pid_t pid, struct dw_process_refusal *ret);

/* What is in the way of tracing the process @pid, which was refused. */
struct dw_process_refusal dw_refusal_explain(pid_t pid);
