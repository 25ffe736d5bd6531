/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How threads come and go. */
#include "attach/place.h"
#include "attach/track_parts.h"

#include <string.h>

void dw_track_makes(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_taking at = {.site = event->site, .caller = event->site};

	thread->makes = event->object;
	thread->making = dw_attached_stack(thread, &at);
}

void dw_track_born(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_attached *process = thread->process;
	struct dw_attached_thread *child =
	    dw_attached_thread(process, (pid_t)event->other, /* flags= */ 0, thread);

	struct dw_rec_thread *record;

	if (child) {
		record = dw_writer_record(&process->writer, child->record);
		record->stack = thread->making;
		record->start = thread->makes ? dw_attached_place(process, thread->makes) : 0;
		dw_attached_set_handle(process, event->object, child->thread.number);
	}
	thread->makes = thread->making = 0;
	dw_thread_new_segment(&thread->thread);
}

void dw_track_exit(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	uint64_t ending = dw_thing_address(DW_ENDING, thread->thread.number);
	const struct dw_slot *slot = thread->thread.slot;
	char name[DW_REC_NAME_SIZE];
	struct dw_taking taking;

	memcpy(name, &event->object, sizeof(name));
	dw_attached_name(thread, name);
	for (uint32_t i = 1; i <= slot->top && !event->site && !thread->thread.unsure; i++) {
		const struct dw_held *held = &slot->held[i];

		taking = dw_track_taking(thread, held->thing, held->what, 0, 0);
		if (!(held->how & DW_ROBUST))
			dw_thread_misuse(&thread->thread, DW_MISUSE_EXIT, &taking, held->chain);
	}
	taking = dw_track_taking(thread, ending, DW_ENDING, 0, 0);
	if (!event->site)
		dw_thread_post(&thread->thread, &taking);
	dw_attached_end(thread);
}
