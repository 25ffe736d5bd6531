/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the tracking share.
 *
 * Internal to it.
 */
#pragma once

#include "attach/track.h"

/* What is at @address, as it is now, is taken at @site. */
struct dw_taking dw_track_taking(struct dw_attached_thread *thread, uint64_t address, unsigned what,
				 unsigned how, uint64_t site);

/* track_thread.c: what the events say of threads. */
void dw_track_makes(struct dw_attached_thread *thread, const struct dw_wire_event *event);
void dw_track_born(struct dw_attached_thread *thread, const struct dw_wire_event *event);
void dw_track_ends(struct dw_attached_thread *thread, const struct dw_wire_event *event);
void dw_track_exit(struct dw_attached_thread *thread, const struct dw_wire_event *event);

/*
 * track_end.c: the end of what a thread was about to do. The lock that it wanted it has @got, or
 * not; it has slept for so long in between.
 */
void dw_track_end_want(struct dw_attached_thread *thread, bool got, uint64_t slept_ns);
void dw_track_end_wait(struct dw_attached_thread *thread, uint64_t waited_ns); /* the innermost */
void dw_track_end_pictured(struct dw_attached_thread *thread);

/* @thread does something new: what it did is over, or was interrupted by a handler of a signal. */
void dw_track_end_last(struct dw_attached_thread *thread, const struct dw_wire_event *event);
void dw_track_follow_handlers(struct dw_attached_thread *thread, const struct dw_wire_event *event);

/* The wait that it is in; NULL: none. */
struct dw_attached_wait *dw_track_innermost(struct dw_attached_thread *thread);

/* Whether it is a call that has a name, and whether such a one is over when the stack is at @sp. */
bool dw_track_has_name(const struct dw_attached_wait *wait);
bool dw_track_is_over(const struct dw_attached_wait *wait, uint64_t sp);

/* Nobody gets a second time what is not made for it: it is refused, or waited for in vain. */
bool dw_track_has_already(struct dw_attached_thread *thread);

/* It has awaited the end of thread number @other. */
void dw_track_joined(struct dw_attached_thread *thread, uint32_t other);
