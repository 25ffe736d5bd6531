/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is left of a process in a core file, as a process to look into.
 *
 * Single-threaded.
 */
#pragma once

#include "inspect/core.h"
#include "inspect/process.h"

/* What could not be had. */
struct dw_process_core_gaps {
	struct dw_core_gaps core;
	uint32_t n_files;         /* files with code that are not there, or are other ones now */
	const char *missing_file; /* the path of one of these */
};

/*
 * Looks into the core at @path. The executable and libraries are looked for as dw_find_file()
 * does, with @sysroot, which may be NULL.
 *
 * Return: 0, a dw_core_answer, or a negative errno.
 */
int dw_process_core_new(struct dw_process **ret, const char *path, const char *sysroot);

/* Of a process that dw_process_core_new() made. */
struct dw_process_core_gaps dw_process_core_gaps(const struct dw_process *process);
