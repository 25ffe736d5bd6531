/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loaded files of a process in which functions are probed: the C library, the program itself,
 * and wherever there are calls that have a name.
 *
 * Internal to the collector.
 */
#pragma once

#include "attach/named.h"
#include "attach/probe.h"
#include "attach/process.h"

/*
 * Probes the functions of those files of @process that were not probed yet.
 *
 * Return: how many functions; or a negative errno, with *@ret_culprit the path of the file that it
 * is about (-ESTALE: that is not the file which was loaded).
 */
int dw_files_probe(struct dw_attached *process, struct dw_probe *probe, struct dw_named *named,
		   const char **ret_culprit);

/*
 * Where not every taking of a lock is seen: if @process has a call of which is known what completes
 * it, probes the functions by which threads give what is waited for in there. No other need is
 * seen by who gives.
 *
 * Return: how many functions.
 */
uint32_t dw_files_probe_giving(struct dw_attached *process, struct dw_probe *probe,
			       struct dw_named *named);

/* Whether @process has not all that is wanted of it, once its files are probed; what, if so. */
bool dw_files_lack(const struct dw_attached *process, struct dw_only_lacking *ret);

/* The @i-th of the files that were looked into for it; NULL: there are no more. */
const char *dw_files_looked_into(const struct dw_attached *process,
				 const struct dw_only_lacking *lacking, uint32_t i);
