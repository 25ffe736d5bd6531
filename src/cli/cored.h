/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people are told of a core file.
 *
 * Single-threaded.
 */
#pragma once

#include "cli/blind.h"
#include "inspect/process_core.h"

/* Says why the core at @path cannot be looked into: by @answer, of dw_process_core_new(). */
void dw_cored_say(const char *path, int answer);

/* What is missing from it. Return: 0, or -ENOMEM. */
int dw_cored_judge(struct dw_blind_list *list, struct dw_arena *arena,
		   const struct dw_process_core_gaps *gaps);
