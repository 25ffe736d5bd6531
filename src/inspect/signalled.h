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

/*
 * Lets the traced thread go on that has stopped with @status, as waitpid() has it: with the signal
 * that it was about to get, if that has stopped it. Return: whether it was one.
 */
bool dw_signalled_let_go(pid_t tid, int status);

/* Fills the @n of @ret: whether one came before some tenths of a second were over. */
void dw_signalled(const pid_t *tids, uint32_t n, bool *ret);
