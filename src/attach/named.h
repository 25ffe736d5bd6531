/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that have a name: functions, of libraries or of the program itself, that a profile says
 * can block. Each that is found in a file gets a number, by which the probes and the recording
 * know it.
 *
 * Internal to the collector. Single-threaded.
 */
#pragma once

#include "attach/function.h"
#include "base/cleanup.h"

#include <stddef.h>
#include <stdint.h>

struct dw_named;

/* @patterns, as base/pattern.h has them, live as long as it. Return: 0, or a negative errno. */
int dw_named_new(struct dw_named **ret, const char *const *patterns, size_t n);
struct dw_named *dw_named_free(struct dw_named *named);

/* What is to be looked for in a file (see dw_locate()). */
struct dw_finder dw_named_finder(struct dw_named *named);

/* The name of the thing at @address, which may be any; NULL: it is no call that has one. */
const char *dw_named_text(const struct dw_named *named, uint64_t address);

DW_DEFINE_AUTO(named)
