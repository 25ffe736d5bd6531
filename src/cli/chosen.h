/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user wants to be probed in running processes, of all that could be: named locks of a
 * profile, functions, calls.
 */
#pragma once

#include "attach/only.h"
#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/profiles.h"

struct dw_chosen;

/*
 * @words, with commas in between: locks that a profile knows the functions of, functions that are
 * probed otherwise, calls of profiles. What is wrong with them is said on stderr. The profiles live
 * as long as it.
 *
 * Return: 0, DW_EXIT_USAGE, or -ENOMEM.
 */
int dw_chosen_new(struct dw_chosen **ret, const struct dw_command *command, const char *words,
		  const struct dw_profiles *profiles);
struct dw_chosen *dw_chosen_free(struct dw_chosen *chosen);

const struct dw_only *dw_chosen_only(const struct dw_chosen *chosen);

const struct dw_collector_call *dw_chosen_calls(const struct dw_chosen *chosen, size_t *ret_n);

DW_DEFINE_AUTO(chosen)
