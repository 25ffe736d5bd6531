/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are read and written whole.
 *
 * Single-threaded. Nothing is said here.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

/*
 * Reads the file at @path, of @size_max bytes at most. The caller frees *@ret, which has a zero
 * byte behind its end.
 *
 * Return: 0, or a negative errno; -EFBIG if it is larger, -ENODATA if it is a pipe into which
 * nobody writes, or that nothing came out of.
 */
int dw_file_read(const char *path, size_t size_max, char **ret, size_t *ret_size);

/* Why one could not be read or written: strerror(), but in words that fit. */
const char *dw_file_reason(int r);

/*
 * Locks the folder of @path against others who do the same, until *@ret_fd is closed. Where the
 * file system knows no locks of folders, nobody is kept away.
 *
 * Return: 0; or -EWOULDBLOCK if another had it all the time.
 */
int dw_file_lock(const char *path, int *ret_fd);

/* A file that is there whole, or as it was before: it gets its name at the end. */
struct dw_file {
	FILE *out;
	char *path;      /* where it will be; links are followed */
	char *temporary; /* where it is; NULL: `path` is a device, a pipe or the like */
};

/*
 * Whether one could be begun at @path, as far as can be known without beginning it. Return: 0, or
 * a negative errno.
 */
int dw_file_check(const char *path);

/*
 * All zero is a file that is done. Return: 0, or a negative errno; -ENXIO if it is a pipe that
 * nobody reads from.
 */
int dw_file_begin(struct dw_file *ret, const char *path);
int dw_file_end(struct dw_file *file);

/* Gives up what was not ended. */
void dw_file_done(struct dw_file *file);
