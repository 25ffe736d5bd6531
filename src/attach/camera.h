/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pictures: what the threads hold and wait for that the probes have not told, because it was so
 * before they were there, or because they do not look at it. It is seen from outside (scene.h):
 * threads are stopped for a moment to read their stacks. So it is done once at first, and then only
 * while somebody sleeps on a word of memory for long; rarely, if nothing changes.
 *
 * What a picture shows goes to the trackers: as held, not as taken, for how that came is not known.
 *
 * Internal to the collector. Single-threaded.
 */
#pragma once

#include "attach/probe.h"
#include "attach/process.h"

struct dw_camera;

/*
 * @alone: the trackers know nothing but what pictures show.
 *
 * Return: 0; a dw_process_answer: the process cannot be looked into; or a negative errno.
 */
int dw_camera_new(struct dw_camera **ret, struct dw_attached *attached, bool alone);
struct dw_camera *dw_camera_free(struct dw_camera *camera);

/* Takes one. Return: 0, or a negative errno. */
int dw_camera_take(struct dw_camera *camera, struct dw_probe *probe, uint64_t now_ns);

/* Takes one if there is reason to, at @now_ns. Return: the processor's time that it took, or 0. */
uint64_t dw_camera_look(struct dw_camera *camera, struct dw_probe *probe, uint64_t now_ns);

DW_DEFINE_AUTO(camera)
