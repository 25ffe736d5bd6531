/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sorting of numbers, by what they stand for. The C library's qsort() may call
 * malloc, and need not keep equal items in order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether @a belongs before @b. */
typedef bool dw_sort_before(const void *context, uint32_t a, uint32_t b);

/* Sorts @items, keeping the order of those that neither belongs before the other. */
void dw_sort(uint32_t *items, uint32_t *scratch, uint32_t n, dw_sort_before *before,
	     const void *context);
