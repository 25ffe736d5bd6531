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
void dw_track_exit(struct dw_attached_thread *thread, const struct dw_wire_event *event);
