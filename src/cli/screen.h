/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal that a view is shown on, until the user has seen enough.
 *
 * Single-threaded.
 */
#pragma once

struct dw_view;

enum dw_screen_answer {
	DW_SCREEN_NONE = 1, /* there is no terminal, or none that is known */
};

/*
 * Shows @view, which is looked at again every @delay_ms.
 *
 * Return: 0 when the user has quit; a dw_screen_answer; or -ENOMEM.
 */
int dw_screen_show(struct dw_view *view, unsigned delay_ms);
