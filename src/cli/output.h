/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report on its way to the user, whatever it was made of. */
#pragma once

#include "cli/command.h"
#include "render/render.h"

#include <stdio.h>

/*
 * Writes @report. Whatever @options say, colour is used only if @out is a terminal and the user
 * has nothing against it. If @out is a file, how far it is is shown to who waits at a
 * terminal. Return: 0, or a negative errno.
 */
int dw_output_write(FILE *out, const struct dw_report *report, const struct dw_renderer *renderer,
		    const struct dw_render_options *options);

/* What it means. */
enum dw_exit dw_output_exit(const struct dw_report *report);
