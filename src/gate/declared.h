/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A declared order: in which order locks may be taken, and what may be waited for under them.
 *
 *   # deadwatch order 1
 *   BQL -> new_lock -> iothread_lock     one before the other, and so on
 *   BQL -> chr_write_lock
 *   waits BQL: qemu_work_cond, CFRelease     nothing else is to be waited for that is no lock
 *   waits new_lock:                          nothing at all
 *
 * Names are those of findings, without numbers and lines. A need between two locks that are in
 * the file is undeclared if no line, or lines one after the other, say that the one comes before
 * the other; a wait under a lock that has a `waits` line, if it is not in it. Waits that were
 * over soon are none (see hazard.h), nor is a lock that is just tried. Of two locks of
 * one name nothing is said.
 *
 * Single-threaded. What is handed out lives as long as the object.
 */
#pragma once

#include "analysis/finding.h"
#include "base/cleanup.h"

#include <stddef.h>

struct dw_arena;
struct dw_declared;
struct dw_names;
struct dw_wrong;

/*
 * Return: 0; 1 if @text is no order, or one that contradicts itself, with *@ret_wrong set; or
 * -ENOMEM.
 */
int dw_declared_parse(struct dw_declared **ret, const char *text, size_t size,
		      struct dw_wrong *ret_wrong);
struct dw_declared *dw_declared_free(struct dw_declared *declared);

/*
 * The needs of @facts that are not declared, one finding of one leg for each chain, in the
 * order told. Memory is @arena's. Return: 0, or -ENOMEM.
 */
int dw_declared_check(const struct dw_declared *declared, const struct dw_facts *facts,
		      struct dw_names *names, struct dw_arena *arena, struct dw_finding **ret,
		      size_t *ret_n);

DW_DEFINE_AUTO(declared)
