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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_named;

struct dw_collector_call {
	const char *pattern; /* of base/pattern.h */

	/*
	 * It waits for conditions, and lets go of a lock meanwhile: it is waited for only then, and
	 * only under what is held then.
	 */
	bool releases;

	bool is_completed; /* it is known what completes it */
};

/* @calls live as long as it. Return: 0, or a negative errno. */
int dw_named_new(struct dw_named **ret, const struct dw_collector_call *calls, size_t n);
struct dw_named *dw_named_free(struct dw_named *named);

/* What is to be looked for in a file (see dw_locate()). */
struct dw_finder dw_named_finder(struct dw_named *named);

/* The @i-th of the calls that no file has had so far; NULL: there are no more. */
const char *dw_named_unseen(const struct dw_named *named, size_t i);

/* The same of calls that a file exports, and of which is known what completes them. */
struct dw_finder dw_named_completed_finder(struct dw_named *named);

/* The name of the thing at @address, which may be any; NULL: it is no call that has one. */
const char *dw_named_text(const struct dw_named *named, uint64_t address);

/* Whether the thing at @address is a call that lets go of a lock. */
bool dw_named_releases(const struct dw_named *named, uint64_t address);

DW_DEFINE_AUTO(named)
