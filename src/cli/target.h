/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The target of a run: where its recordings go.
 *
 * The first process creates exactly the target's path, any other a name that begins with it
 * (see docs/man/deadwatch-run.1). Without a wish of the user the target is in a private
 * folder, which goes away with the object.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_target;

/* Why a target cannot be; the positive answers of dw_target_new(). Both were said on stderr. */
enum dw_target_answer {
	DW_TARGET_WRONG = 1, /* the wish cannot be granted: the user has to choose another */
	DW_TARGET_FAILED,    /* the folder cannot be written to, or made */
};

/*
 * @wish: the path that the user asked for; NULL: a private folder.
 *
 * Return: 0, a dw_target_answer, or -ENOMEM.
 */
int dw_target_new(struct dw_target **ret, const char *wish);
struct dw_target *dw_target_free(struct dw_target *target);

/* Absolute, and without colons. */
const char *dw_target_path(const struct dw_target *target);

/*
 * Finds the recordings that were made, and cuts off the room that they did not use, unless
 * a process still writes to one.
 *
 * Return: 0 or a negative errno.
 */
int dw_target_collect(struct dw_target *target);

/* The recordings that dw_target_collect() found: the target's own path first. */
const char *dw_target_recording(const struct dw_target *target, size_t i); /* NULL: no more */

/* Whether there is no process @pid here, or nothing but what nobody has waited for. */
bool dw_target_has_ended(uint32_t pid);

/* How many looks a monitor may take to end after its process, on a machine with much else to do. */
#define DW_TARGET_PATIENCE 2000

/*
 * Lets the monitor of the recording at @path, whose process has ended, have its last word.
 * *@patience looks are left, and as many of them are taken off: monitors of several recordings end
 * at once.
 */
void dw_target_await_monitor(const char *path, unsigned *patience);

/* Whether the process of the recording at @path may still run, as far as can be known here. */
bool dw_target_may_run(const char *path);

/* Whether the recording at @path is of a process that somebody attached to, who is there no more,
 * and did not detach: what was lost is not known. */
bool dw_target_is_deserted(const char *path);

DW_DEFINE_AUTO(target)
