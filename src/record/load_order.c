/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which things and chains were told. Threads write at the same time, each in
 * chunks of its own, so that order is not the file's; it is what chains are counted by.
 */
#include "record/load.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

/* A record's position among those of its kind, and the count of the chain that it came with. */
struct rank {
	uint32_t order;
	uint32_t position;
};

static int compare(const void *a, const void *b)
{
	const struct rank *left = a, *right = b;

	if (left->order != right->order)
		return left->order < right->order ? -1 : 1;
	return (left->position > right->position) - (left->position < right->position);
}

static uint32_t *sorted(struct dw_load *load, struct rank *ranks, uint32_t n)
{
	uint32_t *positions = dw_load_array(load, n, sizeof(*positions));

	if (!positions)
		return NULL;
	qsort(ranks, n, sizeof(*ranks), compare);
	for (uint32_t i = 0; i < n; i++)
		positions[i] = ranks[i].position;
	return positions;
}

uint32_t *dw_load_order_of_chains(struct dw_load *load)
{
	uint32_t n = load->kinds[DW_REC_CHAIN].n;
	struct rank *ranks = dw_load_array(load, n, sizeof(*ranks));

	if (!ranks)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		struct dw_rec_chain record;

		dw_load_record(load, DW_REC_CHAIN, i, &record, sizeof(record));
		ranks[i] = (struct rank){record.order, i};
	}
	return sorted(load, ranks, n);
}

/* A thing comes with the first chain that took it; one that none took, with none. */
uint32_t *dw_load_order_of_things(struct dw_load *load)
{
	uint32_t n = load->kinds[DW_REC_THING].n;
	struct rank *ranks = dw_load_array(load, n, sizeof(*ranks));

	if (!ranks)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		ranks[i] = (struct rank){UINT32_MAX, i};
	for (uint32_t i = 0; i < load->kinds[DW_REC_CHAIN].n; i++) {
		struct dw_rec_chain record;
		uint32_t thing;

		dw_load_record(load, DW_REC_CHAIN, i, &record, sizeof(record));
		thing = dw_load_position(load, DW_REC_THING, record.thing);
		if (thing != UINT32_MAX && record.order < ranks[thing].order)
			ranks[thing].order = record.order;
	}
	return sorted(load, ranks, n);
}
