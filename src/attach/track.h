/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what the probes say to the tracker.
 *
 * Probes are at the begin of functions, seldom at their end: a return probe costs more than twice
 * as much, and some programs do not survive it. So what came of a thread's last step is known by
 * its next one: a thread that does something else has the lock that it took, and is back from its
 * wait. What it tried, the lock itself says (dw_wire_event::got). Until then the thread's state
 * in the kernel says whether it sleeps; see dw_track_settle().
 *
 * Internal to the collector.
 */
#pragma once

#include "attach/process.h"

/* What @event says; its process is @process. */
void dw_track_event(struct dw_attached *process, const struct dw_wire_event *event);

/*
 * @thread was looked at, at @now_ns: @state is its state in the kernel. What it was about to do a
 * while ago, and what it is not asleep in, is done.
 */
void dw_track_settle(struct dw_attached_thread *thread, const struct dw_wire_thread *state,
		     uint64_t now_ns);

/*
 * What a picture shows. The thread may be about to take a lock, or in a wait, that was told: while
 * something is added to what it holds, it is not.
 */
void dw_track_interrupt(struct dw_attached_thread *thread);
void dw_track_resume(struct dw_attached_thread *thread);

/*
 * A picture shows that @thread waits for @address, or for nothing that is known (0). What one
 * before it has shown is over if that was something else.
 */
void dw_track_pictured(struct dw_attached_thread *thread, uint64_t address);

/* Whether that @thread waits for @address is news. What a picture has shown before is over if so.
 */
bool dw_track_is_free(struct dw_attached_thread *thread, uint64_t address);

/*
 * @thread waits for @waits, which is all but its site; @mutex is what a condition's wait takes
 * again afterwards, 0 if that is not known. It has the stack @frames.
 */
void dw_track_wait(struct dw_attached_thread *thread, const struct dw_taking *waits, uint64_t mutex,
		   const struct dw_frames *frames, uint64_t now_ns);
