/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a gate says, for a log: what is new, whole and first; a line for all else; and in the last
 * line what it comes to.
 */
#pragma once

#include "render/tell.h"

/* Tells @report, which has a gate. Return: 0, or -ENOMEM. */
int dw_tell_gate(const struct dw_telling *telling, const struct dw_report *report,
		 const struct dw_render_options *options);
