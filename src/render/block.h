/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The legs of a finding side by side: rows of cells, aligned. */
#pragma once

#include "model/facts.h"

#include <stddef.h>
#include <stdint.h>

struct dw_telling;
struct dw_finding;

/* The cells of a row: none is NULL. */
enum dw_cell { DW_CELL_THREAD, DW_CELL_VERB, DW_CELL_THING, DW_CELL_TAKEN, DW_CELL_LINE, DW_CELLS };

struct dw_row {
	const char *cells[DW_CELLS];
};

/* The rows of the tables below. NULL where the telling's arena is full. */
struct dw_row *dw_block_rows_of_legs(struct dw_telling *telling, const struct dw_finding *finding,
				     size_t *ret_n);
struct dw_row *dw_block_rows_of_misuse(struct dw_telling *telling, const struct dw_misuse *misuse,
				       size_t *ret_n);

/* Two rows for each leg: what its thread holds or gives, and what it needs or waits for. */
void dw_block_legs(struct dw_telling *telling, const struct dw_finding *finding);

/* One row for what was done, and one for how the lock was held, where it was. */
void dw_block_misuse(struct dw_telling *telling, const struct dw_misuse *misuse);
