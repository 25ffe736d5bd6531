/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiles that are built in, as texts; embed.py makes them of the JSON files. */
#pragma once

#include <stddef.h>

extern const char *const dw_profile_texts[];
extern const size_t dw_profile_n_texts;
