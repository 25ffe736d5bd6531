/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs say of themselves (deadwatch/annotate.h) goes to functions that are there only
 * with the shim. Without it nothing is called, so nothing can be probed, or seen from outside.
 */
#pragma once

#include <stdbool.h>

/* Whether the file @path would tell of locks, waits and calls that nobody hears. */
bool dw_is_annotated(const char *path);
