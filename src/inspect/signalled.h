/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether threads that sleep are sent signals: watched as by a debugger that stops them at none but
 * these, and by a process of its own, so that they are set free whatever happens. They get all of
 * them.
 *
 * Single-threaded; SIGCHLD must not be ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Fills the @n of @ret: whether one came before some tenths of a second were over. */
void dw_signalled(const pid_t *tids, uint32_t n, bool *ret);
