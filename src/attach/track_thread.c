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

void dw_track_joined(struct dw_attached_thread *thread, uint32_t other)
{
	struct dw_attached *process = thread->process;
	struct dw_rec_joined *joined;

	dw_thread_new_segment(&thread->thread);
	joined = dw_writer_reserve(&process->writer, &process->cursor, sizeof(*joined));
	if (!joined)
		return;
	joined->thread = thread->thread.number;
	joined->segment = thread->thread.segment;
	joined->other = other;
	dw_writer_submit(&process->writer, joined, DW_REC_JOINED);
}

/*
 * Where joins are not seen, who makes a thread is taken to have awaited the ends of all that have
 * ended: else what one generation of threads does would be held against the next.
 */
static void join_ended(struct dw_attached_thread *thread)
{
	const struct dw_attached *process = thread->process;

	while (thread->n_joined < process->n_ended)
		dw_track_joined(thread, process->ended[thread->n_joined++]);
}

void dw_track_born(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	struct dw_attached *process = thread->process;
	struct dw_attached_thread *child;
	struct dw_rec_thread *record;

	if (!process->every_taking)
		join_ended(thread);
	child = dw_attached_thread(process, (pid_t)event->other, /* flags= */ 0, thread);
	if (child) {
		child->inside = (pid_t)event->site;
		record = dw_writer_record(&process->writer, child->record);
		record->stack = thread->making;
		record->start = thread->makes ? dw_attached_place(process, thread->makes) : 0;
		dw_attached_set_handle(process, event->object, child->thread.number);
	}
	thread->makes = thread->making = 0;
	dw_thread_new_segment(&thread->thread);
}

void dw_track_ends(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	if (event->stack_size)
		thread->ending = dw_attached_event_stack(thread->process);
}

void dw_track_exit(struct dw_attached_thread *thread, const struct dw_wire_event *event)
{
	uint64_t ending = dw_thing_address(DW_ENDING, thread->thread.number);
	const struct dw_slot *slot = thread->thread.slot;
	/* What a picture shows is of another moment. */
	bool is_sure = !event->site && !thread->thread.unsure && thread->process->every_taking;
	char name[DW_REC_NAME_SIZE];
	struct dw_taking taking;

	memcpy(name, &event->object, sizeof(name));
	dw_attached_name(thread, name);
	thread->process->stack = thread->ending;
	for (uint32_t i = 1; i <= slot->top && is_sure; i++) {
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
