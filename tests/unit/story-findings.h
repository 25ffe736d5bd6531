/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the analysis finds in the facts of a story, as text. */
#pragma once

#include "model/facts.h"

#include <stddef.h>

/* Of the tests of the analysis. */
#define MEMORY_MAX ((size_t)2 << 30)

struct dw_analysis;

/* Everything was searched. */
void assert_nothing_left(const struct dw_analysis *analysis);

/* The findings, in order: "A B; B C gated G". Everything is searched. Lives until the next one. */
const char *findings_of(const struct dw_facts *facts);
