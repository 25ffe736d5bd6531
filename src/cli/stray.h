/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files among recordings that are none. */
#pragma once

#include <stdbool.h>

/*
 * Whether @path, which is no recording, has the name of one: NAME.rec, or NAME.PID[.N] beside a
 * recording NAME. Then it was one, before something happened to it.
 */
bool dw_stray_has_name(const char *path);
