/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of stories and replay share. Internal to them. */
#pragma once

#include "record/story.h"

/*
 * The hint that goes with each stack of @facts, by stack number: that of a chain that has
 * both. From the C library; NULL: no memory.
 */
uint32_t *dw_hints_of_stacks(const struct dw_facts *facts);

/* The number of the thread that @event names beside the one whose it is; 0: it names none. */
static inline uint32_t dw_other_thread(const struct dw_event *event)
{
	if (event->kind == DW_BORN || event->kind == DW_JOIN || event->kind == DW_KICK)
		return (uint32_t)event->other;
	if (event->what == DW_ENDING || event->what == DW_ANSWER)
		return dw_thing_number(event->object);
	return 0;
}

/* dw_replay_new() with the hints that go with the stacks of @known. */
int dw_replay_new_with(struct dw_replay **ret, const struct dw_event *events, size_t n_events,
		       const struct dw_facts *known, const uint32_t *hint_of_stack);
