/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A view of a process that changes: looked at again and again, as its board.
 *
 * What is looked at is a recording, which may be written meanwhile; or, where nobody has traced it,
 * the process itself, which is stopped for a moment at each look. Single-threaded; prints nothing.
 */
#pragma once

#include "base/cleanup.h"

#include <sys/types.h>

struct dw_board;
struct dw_process_refusal;
struct dw_profiles;
struct dw_view;

/* @path: of a recording. @profiles must outlive the view. Return: 0, or -ENOMEM. */
int dw_view_new(struct dw_view **ret, const char *path, const struct dw_profiles *profiles);
/* The same of process @pid, of which there is no recording. */
int dw_view_new_of_process(struct dw_view **ret, pid_t pid, const struct dw_profiles *profiles);

struct dw_view *dw_view_free(struct dw_view *view);

/*
 * Looks. On failure the last board is still there.
 *
 * Return: 0; a positive answer if it cannot be looked at, which dw_view_reason() puts into words;
 * or a negative errno.
 */
int dw_view_look(struct dw_view *view);

/*
 * Of a process into which nobody may look, or that is none (see dw_process_answer): more of it.
 * NULL: there is a recording.
 */
const struct dw_process_refusal *dw_view_refusal(const struct dw_view *view);

/* Why the last look, which had this answer, came to nothing: "is not a recording". */
const char *dw_view_reason(const struct dw_view *view, int answer);

/* As it was at the last look. NULL: nothing has been seen yet. Lives until the next look. */
const struct dw_board *dw_view_board(const struct dw_view *view);

/*
 * The recording that process @pid writes. Return: 0 with its path, to be freed; -ENOENT if there is
 * none that can be seen; or another negative errno.
 */
int dw_view_find(pid_t pid, char **ret_path);

DW_DEFINE_AUTO(view)
