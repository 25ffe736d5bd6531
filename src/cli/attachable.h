/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a process can be attached to. Where it cannot, one line on stderr says why, what to do
 * about it, and what works all the same.
 */
#pragma once

#include "attach/collect.h"

#include <sys/types.h>

/* Return: DW_EXIT_FAILED; it was said that process @pid cannot be attached to, and @why. */
int dw_attachable_refuse(pid_t pid, const char *why);

/* Likewise that nothing can; @answer: a dw_probe_answer or a negative errno. */
int dw_attachable_refuse_all(int answer);

/*
 * Likewise that the functions of process @pid cannot be probed, with a negative errno @error; in
 * the file @path if that is not NULL.
 */
int dw_attachable_refuse_file(pid_t pid, const char *path, int error);

/* Likewise that it has not all that the user has chosen, and where @collector has looked for it. */
int dw_attachable_refuse_lacking(pid_t pid, const struct dw_collector *collector);

/* Return: 0, or DW_EXIT_FAILED and it was said why process @pid cannot be attached to. */
int dw_attachable_check(pid_t pid);
