/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virglrenderer.h"

#include "corefoundation.h"

#include <stddef.h>

static CFTypeRef resources[VIRGL_RESOURCES_MAX];
static unsigned n_fences;

void virgl_renderer_resource_create_blob(unsigned id)
{
	resources[id] = MTLHeapNewTexture();
}

static __attribute__((noinline)) void virgl_resource_destroy_func(unsigned id)
{
	CFRelease(resources[id]);
	resources[id] = NULL;
}

void virgl_renderer_resource_unref(unsigned id)
{
	if (resources[id])
		virgl_resource_destroy_func(id);
}

void virgl_renderer_submit_cmd(unsigned id)
{
	MTLCommandBufferCommit(resources[id]);
	n_fences++;
}

unsigned virgl_renderer_poll(void)
{
	unsigned n = n_fences;

	for (; n_fences > 0; n_fences--)
		MTLSharedEventSignal();
	return n;
}
