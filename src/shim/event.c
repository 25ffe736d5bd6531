/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/shim.h"

static void write_event(struct shim_thread *t, enum dw_event_kind kind,
			const struct dw_taking *taking, uint64_t other, int result)
{
	struct dw_rec_event *record;

	if (!t->event_stack && shim->settings.stacks_always && taking->caller)
		t->event_stack = shim_stack(t, taking->caller);
	record = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*record));
	if (!record)
		return;
	record->event = (struct dw_event){
	    .seq = __atomic_add_fetch(&shim->writer.header->seq, 1, __ATOMIC_SEQ_CST),
	    .time_ns = dw_writer_now_ns(),
	    .object = taking->thing,
	    .other = other,
	    .site = taking->site,
	    .thread = t->thread.number,
	    .stack = t->event_stack,
	    .result = result,
	    .kind = (uint16_t)kind,
	    .how = taking->how,
	    .what = taking->what,
	};
	dw_writer_submit(&shim->writer, record, DW_REC_EVENT);
	t->event_stack = 0;
}

void shim_event(struct shim_thread *t, enum dw_event_kind kind, const struct dw_taking *taking,
		uint64_t other, int result)
{
	SHIM_OWN_WORK(t);

	write_event(t, kind, taking, other, result);
}
