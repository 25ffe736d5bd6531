/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The legs of a finding side by side: rows of cells, aligned. */
#pragma once

#include "model/facts.h"

#include <stdint.h>

struct dw_telling;
struct dw_finding;

/* Two rows for each leg: what its thread holds or gives, and what it needs or waits for. */
void dw_block_legs(struct dw_telling *telling, const struct dw_finding *finding);

/* One row for what was done, and one for how the lock was held, where it was. */
void dw_block_misuse(struct dw_telling *telling, const struct dw_misuse *misuse);
