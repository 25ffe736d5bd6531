/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patterns of names: each `*` in one stands for any number of characters, all else for itself.
 * What names of functions are full of (`[`, `?`, `\`) means nothing in particular.
 */
#pragma once

#include <stdbool.h>

/* @name may be NULL, and then does not match. */
bool dw_pattern_is_match(const char *pattern, const char *name);
