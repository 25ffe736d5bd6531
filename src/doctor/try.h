/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel permits us, tried on ourselves and on children of ours. Nothing is left behind.
 *
 * Single-threaded; SIGCHLD must not be ignored. All return 0, or a negative errno: why it cannot
 * be.
 */
#pragma once

#include <stdbool.h>

/* Memory is made present before it is used. */
int dw_try_populate(void);

/* A process is held on to. */
int dw_try_pidfd(void);

/* A program for tracepoints is loaded, but run by nobody; @reads: it would read memory. */
int dw_try_bpf(bool reads);

/* The calls of a function of ours are counted. -ENOENT: the kernel has no such events. */
int dw_try_uprobe(void);

/* A child is traced by another one, as a monitor or a debugger would. */
int dw_try_trace(void);
