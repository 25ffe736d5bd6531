/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/render.h"

#include "symbol/names.h"

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

uint64_t dw_render_n_locks(const struct dw_reported_process *process)
{
	uint64_t n = 0;

	for (uint32_t i = 1; i < process->facts->n_things; i++)
		n += dw_names_thing_is_lock(process->names, i);
	return n;
}
