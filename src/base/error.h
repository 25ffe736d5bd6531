/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trail of an error.
 *
 * Functions return 0 or a positive answer on success, and a negative errno on
 * failure. dw_raise() marks where a failure is born, dw_pass() where it is
 * handed on unchanged. Both cost nothing on success; on failure they tell the
 * hook, if there is one, so that `deadwatch --debug` can show the way that an
 * error took. In the shim the hook is always NULL.
 */
#pragma once

struct dw_error_step {
	const char *function;
	const char *file;
	int line;
	int error; /* negative errno */
	int born;  /* 1: raised here, 0: passed on here */
};

/* Set once, before threads exist. Must not fail, and must not raise. */
extern void (*dw_error_hook)(const struct dw_error_step *step);

int dw_error_step(int error, int born, const char *function, const char *file, int line);

/* The argument is evaluated once; the value is that of the argument. */
#define dw_raise(error) dw_error_step((error), 1, __func__, __FILE__, __LINE__)
#define dw_pass(error) dw_error_step((error), 0, __func__, __FILE__, __LINE__)
