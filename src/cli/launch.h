/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Launching: starts a program with the shim preloaded, and waits for it.
 *
 * The program has our stdin, stdout and stderr, and the signal dispositions that we were
 * started with. While it runs, what the terminal sends to both of us (SIGINT, SIGQUIT) is
 * for the program to handle, and what is sent to us alone (SIGTERM, SIGHUP) is handed on.
 *
 * Single-threaded, and one at a time: signal handlers need a global.
 */
#pragma once

#include <stdbool.h>

struct dw_launch {
	char **argv;             /* ends with NULL */
	const char *library;     /* absolute path of libdeadwatch.so */
	const char *record_path; /* absolute; without colons */
	const char *calls;       /* NAME+NAME: of libraries, to be watched; may be empty */
	bool events;             /* record every event */
	const char *more; /* KEY=VALUE:KEY=VALUE: further options, which count before the user's;
			   * may be NULL */
	unsigned limit_s; /* a program that runs longer is ended, and killed if need be; 0: none */
};

/*
 * Return: 0 with the program's wait status, or the positive errno that exec failed with (the
 * program did not run), or a negative errno.
 */
int dw_launch(const struct dw_launch *launch, int *ret_status);
