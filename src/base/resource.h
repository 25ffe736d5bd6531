/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variables for what the system lends: each is given back when it goes out of scope.
 *
 * Not for what runs in the traced process, which opens, reads and allocates in other ways.
 */
#pragma once

#include "base/cleanup.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void dw_close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void dw_close_stream(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

static inline void dw_close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static inline void dw_free_text(char **text)
{
	free(*text);
}

/* A descriptor; less than 0: none. */
#define dw_auto_fd dw_cleanup(dw_close_fd) int

/* Each of these may be NULL. */
#define dw_auto_stream dw_cleanup(dw_close_stream) FILE *
#define dw_auto_folder dw_cleanup(dw_close_folder) DIR *
#define dw_auto_text dw_cleanup(dw_free_text) char * /* of malloc */
