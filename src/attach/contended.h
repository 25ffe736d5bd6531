/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutexes that threads had to wait for, where nothing is seen of those that were free: what a
 * thread had that it waited with is a fact, whenever it came to have it. It is told as held, not as
 * taken, and the thread's slot, which is made of pictures then, stays as it is.
 *
 * Internal to the collector. Single-threaded.
 */
#pragma once

#include "attach/probe.h"
#include "attach/process.h"

/* Thread @thread says what itself or another has that waits; see DW_WIRE_HAS. */
void dw_contended_has(struct dw_attached_thread *thread, const struct dw_wire_event *event);

/* And that it waits. */
void dw_contended_awaits(struct dw_attached_thread *thread, const struct dw_wire_event *event);

/* And that it gives @taking's thing: that is told with each of them. */
void dw_contended_gives(struct dw_attached_thread *thread, const struct dw_taking *taking);

/* What all such waits have taken goes into the recording, once. */
void dw_contended_measure(struct dw_attached *process, struct dw_probe *probe);
