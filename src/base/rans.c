/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/rans.h"

#include <string.h>

/* How much is lost with look @i: the gap that it leaves, against how long ago that is. */
static double weight(const struct dw_rans *rans, uint32_t i, uint64_t now_ns)
{
	const struct dw_ran *at = &rans->at[i];

	return (double)(at[1].time_ns - at[-1].time_ns) / (double)(now_ns - at[-1].time_ns + 1);
}

/* Forgets the look that is missed least, but neither the first nor the last. */
static void thin(struct dw_rans *rans, uint64_t now_ns)
{
	uint32_t least = 1;

	for (uint32_t i = 2; i + 1 < rans->n; i++)
		if (weight(rans, i, now_ns) < weight(rans, least, now_ns))
			least = i;
	rans->n--;
	memmove(&rans->at[least], &rans->at[least + 1],
		(rans->n - least) * sizeof(rans->at[least]));
}

void dw_rans_note(struct dw_rans *rans, uint64_t time_ns, uint64_t run_ns)
{
	if (rans->n == DW_RANS_MAX)
		thin(rans, time_ns);
	rans->at[rans->n++] = (struct dw_ran){time_ns, run_ns};
}

uint64_t dw_rans_since(const struct dw_rans *rans, uint64_t time_ns)
{
	for (uint32_t i = 0; i < rans->n; i++)
		if (rans->at[i].time_ns >= time_ns)
			return rans->at[rans->n - 1].run_ns - rans->at[i].run_ns;
	return 0;
}
