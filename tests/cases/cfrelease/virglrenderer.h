/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virglrenderer as the cfrelease case needs it: resources with a CoreFoundation object
 * each, and fences. Calls are for one thread at a time.
 */
#pragma once

#define VIRGL_RESOURCES_MAX 8

#define VIRGL_EXPORT __attribute__((visibility("default")))

VIRGL_EXPORT void virgl_renderer_resource_create_blob(unsigned id);

VIRGL_EXPORT void virgl_renderer_resource_unref(unsigned id);

/* The GPU works on resource @id; a fence comes after it. */
VIRGL_EXPORT void virgl_renderer_submit_cmd(unsigned id);

/*
 * Retires the fences whose work is over.
 *
 * Return: how many.
 */
VIRGL_EXPORT unsigned virgl_renderer_poll(void);
