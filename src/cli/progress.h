/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is being done, for who waits at a terminal: one line on stderr, which is gone before
 * anything else is said. Where stderr is no terminal, nothing is written.
 */
#pragma once

#include <stddef.h>

/* The line says that recording @number, which is @path, is being read. */
void dw_progress_show(size_t number, const char *path);

/* The line says that the process @pid is being looked into; @what is done at the moment. */
void dw_progress_look(int pid, const char *what);

/* Takes the line away. */
void dw_progress_clear(void);
