/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An inspection of a text: of what a debugger or a sampler has printed of a process.
 *
 * Single-threaded. Prints nothing.
 */
#pragma once

#include "base/cleanup.h"
#include "cli/inspection.h"

#include <stdbool.h>

struct dw_dumped;

/* What `--from` can be, with bars between. */
#define DW_DUMPED_FORMATS "gdb|lldb|sample"

/* @format is one of DW_DUMPED_FORMATS. The positive answers of dw_dumped_new(). */
enum dw_dumped_answer {
	DW_DUMPED_NOTHING = 1, /* there is no stack in it, the way that @format has them */
	DW_DUMPED_TOO_LARGE,
};

/*
 * Reads the file at @path, and says what it comes to. @options must outlive it.
 *
 * Return: 0, a dw_dumped_answer, or a negative errno.
 */
int dw_dumped_new(struct dw_dumped **ret, const char *path, const char *format,
		  const struct dw_inspection_options *options);
struct dw_dumped *dw_dumped_free(struct dw_dumped *dumped);

/* Lives as long as @dumped. */
const struct dw_report *dw_dumped_report(const struct dw_dumped *dumped);

/* Whether it has many looks at each thread. */
bool dw_dumped_is_sampled(const struct dw_dumped *dumped);

DW_DEFINE_AUTO(dumped)
