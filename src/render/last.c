/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/last.h"

#include "model/event.h"
#include "model/picture.h"
#include "model/thread.h"
#include "render/render.h"

static const struct dw_slot *slot_of(const struct dw_facts *facts, uint32_t thread)
{
	const struct dw_told_thread *told = &facts->threads[thread];

	if (!told->slot || told->flags & DW_THREAD_EXITED)
		return NULL;
	return facts->slots[told->slot].slot;
}

uint32_t dw_last_held(const struct dw_last *last, uint32_t i)
{
	uint32_t chain = last->slot->held[i].chain;

	return chain == DW_CHAIN_LOST ? 0 : chain;
}

uint32_t dw_last_holder(const struct dw_reported_process *process, const struct dw_last *last,
			uint32_t thread)
{
	for (; thread < process->facts->n_threads; thread++) {
		const struct dw_slot *slot = slot_of(process->facts, thread);

		for (uint32_t i = 1; slot && thread != last->thread && i <= slot->top; i++)
			if (slot->held[i].thing == last->address)
				return thread;
	}
	return 0;
}

/* A lock that is being taken and that nobody holds may just have been free. */
bool dw_last_seen(const struct dw_reported_process *process, uint32_t thread, struct dw_last *ret)
{
	const struct dw_slot *slot = slot_of(process->facts, thread);
	const struct dw_held *waits;

	if (!process->cut_off || !slot)
		return false;
	waits = slot->wants ? &slot->held[slot->top + 1] : &slot->waits;
	if (!waits->thing || !waits->chain || waits->chain == DW_CHAIN_LOST ||
	    (slot->wants && slot->wants != waits->thing))
		return false;
	*ret = (struct dw_last){thread, waits->chain, waits->thing, slot};
	return slot->wants ? dw_last_holder(process, ret, 1) != 0 : slot->top > 0;
}
