/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/render.h"

#include <string.h>

/* A new format is a file and a row here. */
static const struct dw_renderer *const renderers[] = {
    &dw_render_text,
    &dw_render_json,
};

const struct dw_renderer *dw_renderer_find(const char *name)
{
	for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++)
		if (strcmp(renderers[i]->name, name) == 0)
			return renderers[i];
	return NULL;
}
