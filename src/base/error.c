/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <stddef.h>

void (*dw_error_hook)(const struct dw_error_step *step);

int dw_error_step(int error, int born, const char *function, const char *file, int line)
{
	if (error < 0 && dw_error_hook)
		dw_error_hook(&(struct dw_error_step){function, file, line, error, born});
	return error;
}
