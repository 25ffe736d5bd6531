/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all commands need that start a program with the shim: the library, and what it is to be
 * told; and what they say if that, or the program, is not to be had.
 *
 * Single-threaded.
 */
#pragma once

struct dw_tracing {
	char *library;    /* absolute path of libdeadwatch.so; ours */
	char calls[1024]; /* of the user's profile; see struct dw_launch */
};

/*
 * Checks DEADWATCH_OPTIONS and that @program can have the library, reads the profile, and finds the
 * library.
 *
 * Return: 0 with @ret to be given to dw_tracing_done(); or the exit code: it was said why.
 */
int dw_tracing_init(struct dw_tracing *ret, const char *program);
void dw_tracing_done(struct dw_tracing *tracing);

/* Says why the program @name could not be executed. Return: what shells exit with then. */
int dw_tracing_refuse(const char *name, int error);

/* Says what cannot be done, and the negative errno @r. Return: DW_EXIT_FAILED. */
int dw_tracing_fail(const char *what, int r);
