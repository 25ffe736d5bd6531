/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/sort.h"

#include <string.h>

struct part {
	const uint32_t *items;
	uint32_t n;
};

static void merge(uint32_t *to, struct part a, struct part b, dw_sort_before *before,
		  const void *context)
{
	while (a.n && b.n) {
		struct part *next = before(context, *b.items, *a.items) ? &b : &a;

		*to++ = *next->items++;
		next->n--;
	}
	memcpy(to, a.items, a.n * sizeof(*to));
	memcpy(to + a.n, b.items, b.n * sizeof(*to));
}

/* A merge sort from the bottom up: runs of 1, 2, 4 ... items are merged in pairs. */
void dw_sort(uint32_t *items, uint32_t *scratch, uint32_t n, dw_sort_before *before,
	     const void *context)
{
	for (uint64_t width = 1; width < n; width *= 2) {
		for (uint64_t i = 0; i < n; i += 2 * width) {
			uint64_t middle = i + width < n ? i + width : n;
			uint64_t end = i + 2 * width < n ? i + 2 * width : n;

			merge(scratch + i, (struct part){items + i, (uint32_t)(middle - i)},
			      (struct part){items + middle, (uint32_t)(end - middle)}, before,
			      context);
		}
		memcpy(items, scratch, n * sizeof(*items));
	}
}
